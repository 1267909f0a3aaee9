#include "cache/disk/files.hpp"

#include <algorithm>
#include <cerrno>

namespace btfs {

Error read_all(File& file, std::uint64_t offset_in_file, std::span<std::byte> out) {
    while (!out.empty()) {
        const Result<std::size_t> done = file.read(offset_in_file, out);
        if (!done) return done.error();
        if (*done == 0) return Errc::storage_corrupt;
        offset_in_file += *done;
        out = out.subspan(*done);
    }
    return {};
}

Error write_all(File& file, std::uint64_t offset_in_file, ByteView bytes, std::size_t part) {
    while (!bytes.empty()) {
        const Result<std::size_t> done =
            file.write(offset_in_file, bytes.first(std::min(bytes.size(), part)));
        if (!done) return done.error();
        if (*done == 0) return system_error(EIO);
        offset_in_file += *done;
        bytes = bytes.subspan(*done);
    }
    return {};
}

Result<std::vector<ByteRange>> data_extents(File& file, std::uint64_t size, std::size_t most) {
    std::vector<ByteRange> extents;
    for (std::uint64_t at = 0; at < size && extents.size() < most;) {
        const Result<std::uint64_t> begin = file.next_data(at);
        if (!begin && begin.error() == system_error(EINVAL)) return std::vector<ByteRange>{{0, size}};
        if (!begin && begin.error() != system_error(ENXIO)) return begin.error();
        if (!begin || *begin >= size) break;
        const Result<std::uint64_t> end = file.next_hole(*begin);
        if (!end && end.error() == system_error(ENXIO)) break;  // the file has shrunk meanwhile
        if (!end) return end.error();
        extents.push_back({*begin, std::min(*end, size)});
        at = *end;
    }
    return extents;
}

Error check_still_at(File& file, Files& files, const std::filesystem::path& name) {
    const Result<FileStatus> opened = file.status(), named = files.status(name);
    if (!opened) return opened.error();
    if (!named) return named.error();
    return opened->same_file(*named) ? Error{} : system_error(ENOENT);
}

}  // namespace btfs
