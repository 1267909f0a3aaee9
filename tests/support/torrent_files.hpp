// File lists and layouts in one line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/core/file_list.hpp"
#include "engine/core/layout.hpp"

namespace btfs::test {

inline FileList file_list(const std::vector<std::pair<std::string, std::uint64_t>>& files) {
    FileList list;
    std::uint64_t offset_in_torrent = 0;
    for (const auto& [path, size] : files) {
        FileEntry& entry = list.emplace_back();
        entry.path = path;
        entry.size = size;
        entry.offset_in_torrent = offset_in_torrent;
        offset_in_torrent += size;
    }
    return list;
}

inline Layout layout_of(const FileList& files, std::uint32_t piece_length) {
    std::vector<FileExtent> extents;
    for (const FileEntry& file : files) extents.push_back({file.offset_in_torrent, file.size, file.pad});
    return Layout(piece_length, std::move(extents));
}

}  // namespace btfs::test
