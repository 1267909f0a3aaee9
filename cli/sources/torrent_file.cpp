#include "cli/sources/torrent_file.hpp"

#include <cerrno>

#include "cache/disk/whole_file.hpp"
#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

std::string why_unreadable(const Error& error) {
    switch (error.value()) {
        case EISDIR:
            return "is a directory, not a torrent file";
        case EINVAL:
            return "is not a regular file";
        case EFBIG:
            return make_error_code(Errc::torrent_too_large).message();
        default:
            return error.message();
    }
}

}  // namespace

Bytes read_torrent(const std::filesystem::path& path) {
    auto content = read_whole(path, kMaxTorrentFileSize);
    if (!content)
        throw Failure::with_message(path.string() + ": " + why_unreadable(content.error()),
                                    content.error() == system_error(EFBIG)
                                        ? make_error_code(Errc::torrent_too_large)
                                        : content.error());
    return std::move(*content);
}

Metainfo load_torrent(const std::filesystem::path& path) {
    auto metainfo = parse_torrent(read_torrent(path));
    if (!metainfo) throw Failure(path.string(), metainfo.error());
    return std::move(*metainfo);
}

void write_file(const std::filesystem::path& path, ByteView content) {
    if (const Error error = write_whole(path, content, 0644))
        throw Failure(path.string() + ": cannot be written: " + error.message());
}

}  // namespace btfs::cli
