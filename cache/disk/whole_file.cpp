#include "cache/disk/whole_file.hpp"

#include <cerrno>
#include <memory>
#include <random>
#include <string>

#include "cache/disk/linux_files.hpp"

namespace btfs {
namespace {

constexpr std::string_view kPartPrefix = ".btfs-", kPartSuffix = ".part", kHexDigits = "0123456789abcdef";
constexpr std::size_t kPartDigits = 16;

Result<Bytes> read_file(Files& files, const std::filesystem::path& name, std::size_t max_size,
                        bool follow_links) {
    auto opened = files.open(name, {.follow_links = follow_links});
    if (!opened) return opened.error();
    const Result<FileStatus> status = (*opened)->status();
    if (!status) return status.error();
    if (status->size > max_size) return system_error(EFBIG);

    Bytes content(static_cast<std::size_t>(status->size));
    std::size_t filled = 0;
    while (filled < content.size()) {  // the file may be truncated meanwhile
        const auto done = (*opened)->read(filled, std::span(content).subspan(filled));
        if (!done) return done.error();
        if (*done == 0) break;
        filled += *done;
    }
    content.resize(filled);
    return content;
}

enum class Sync : bool { no, yes };

Error write_file(Files& files, const std::filesystem::path& name, ByteView content, unsigned mode,
                 Sync sync) {
    std::filesystem::path part;
    std::unique_ptr<File> file;
    do {
        part = part_beside(name);
        auto opened = files.open(part, {.write = true, .create = true, .exclusive = true, .mode = mode});
        if (opened) {
            file = std::move(*opened);
        } else if (opened.error() != system_error(EEXIST)) {
            return opened.error();
        }
    } while (!file);
    Error error = write_all(*file, 0, content);
    // Syncs before the rename: after a power loss the name could belong to an empty file otherwise.
    if (!error && sync == Sync::yes) error = file->sync();
    if (!error) error = files.rename(part, name);
    if (error) {
        files.remove(part);
        return error;
    }
    return sync == Sync::yes ? files.sync_folder_of(name) : Error{};
}

}  // namespace

std::filesystem::path part_beside(const std::filesystem::path& name) {
    std::random_device random;
    std::string part(kPartPrefix);
    for (std::size_t i = 0; i < kPartDigits; ++i) part += kHexDigits[random() % kHexDigits.size()];
    part += kPartSuffix;
    return name.parent_path() / part;
}

Result<Bytes> read_whole(Files& files, const std::filesystem::path& name, std::size_t max_size) {
    return read_file(files, name, max_size, false);
}

Result<Bytes> read_whole(const std::filesystem::path& path, std::size_t max_size) {
    LinuxFiles files;
    return read_file(files, path, max_size, true);
}

Error write_whole(Files& files, const std::filesystem::path& name, ByteView content, unsigned mode) {
    return write_file(files, name, content, mode, Sync::yes);
}

Error write_whole_unsynced(Files& files, const std::filesystem::path& name, ByteView content, unsigned mode) {
    return write_file(files, name, content, mode, Sync::no);
}

Error write_whole(const std::filesystem::path& path, ByteView content, unsigned mode) {
    LinuxFiles files;
    return write_whole(files, path, content, mode);
}

bool is_part(std::string_view name) {
    return name.size() == kPartPrefix.size() + kPartDigits + kPartSuffix.size() &&
           name.starts_with(kPartPrefix) && name.ends_with(kPartSuffix) &&
           name.substr(kPartPrefix.size(), kPartDigits).find_first_not_of(kHexDigits) ==
               std::string_view::npos;
}

}  // namespace btfs
