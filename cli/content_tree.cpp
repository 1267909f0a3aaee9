#include "cli/content_tree.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>

#include "cli/failure.hpp"
#include "cli/progress_bar.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kReadSize = std::size_t{1} << 20;

struct Found {
    fs::path path;
    NewFile file;
};

std::vector<std::string> parts_of(const fs::path& relative) {
    std::vector<std::string> parts;
    for (const fs::path& part : relative) parts.push_back(part.string());
    return parts;
}

bool is_executable(const fs::file_status& status) {
    return (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
}

std::vector<Found> walk(const fs::path& root) {
    std::vector<Found> found;
    if (fs::is_regular_file(root)) {
        found.push_back({root, {{}, fs::file_size(root), is_executable(fs::status(root))}});
        return found;
    }
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.is_symlink() || !entry.is_regular_file()) continue;
        found.push_back({entry.path(),
                         {parts_of(entry.path().lexically_relative(root)), entry.file_size(),
                          is_executable(entry.status())}});
    }
    std::ranges::sort(found, {}, [](const Found& f) { return f.file.path; });
    return found;
}

void hash_file(const Found& found, PieceHasher& hasher, std::uint64_t& done, ProgressBar& bar) {
    std::ifstream in(found.path, std::ios::binary);
    if (!in) throw Failure(found.path.string() + ": cannot be read");
    Bytes buffer(kReadSize);
    std::uint64_t size = 0;
    while (in) {
        in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
        const auto n = static_cast<std::size_t>(in.gcount());
        hasher.update(ByteView(buffer).first(n));
        size += n;
        done += n;
        bar.update(done);
    }
    if (size != found.file.size)
        throw Failure(found.path.string() + ": changed while it was read; try again");
}

}  // namespace

MadeTorrent make_torrent(const CreateOptions& options) {
    const std::uint64_t size = options.piece_size;
    const bool power_of_two = (size & (size - 1)) == 0;
    if (size != 0 && (!power_of_two || size < kMinCreatedPieceLength || size > kMaxPieceLength))
        throw Failure("the piece size has to be a power of two from 16K to 512M");
    std::error_code error;
    const fs::path root = fs::canonical(options.path, error);
    if (error) throw Failure(options.path.string() + ": " + error.message());
    if (!fs::is_directory(root) && !fs::is_regular_file(root))
        throw Failure(options.path.string() + ": is neither a file nor a folder");

    std::vector<Found> found;
    try {
        found = walk(root);
    } catch (const fs::filesystem_error& e) {
        throw Failure(e.path1().string() + ": " + e.code().message());
    }
    std::uint64_t total = 0;
    for (const Found& f : found) total += f.file.size;
    if (total == 0) throw Failure(options.path.string() + ": has no content to make a torrent of");

    MadeTorrent made;
    NewTorrent torrent;
    made.name = torrent.name = root.filename().string();
    torrent.piece_length =
        options.piece_size != 0 ? static_cast<std::uint32_t>(options.piece_size) : choose_piece_length(total);
    for (const std::string& url : options.trackers) torrent.trackers.push_back({url});
    torrent.is_private = options.is_private;
    torrent.comment = options.comment;
    torrent.created_by = "btfs " BTFS_VERSION;
    torrent.creation_date =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();

    PieceHasher hasher(torrent.piece_length);
    {
        ProgressBar bar("hashing", total);
        std::uint64_t done = 0;
        for (const Found& f : found) hash_file(f, hasher, done, bar);
    }
    for (Found& f : found) {
        made.files.push_back(std::move(f.path));
        torrent.files.push_back(std::move(f.file));
    }
    auto written = write_torrent(torrent, hasher.finish());
    if (!written) throw Failure("cannot make a torrent of " + options.path.string(), written.error());
    made.torrent = std::move(*written);
    return made;
}

}  // namespace btfs::cli
