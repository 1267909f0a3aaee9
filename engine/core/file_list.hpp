// A torrent's files as a reader sees them. Paths are safe already; see engine/metainfo/safe_path.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs {

struct FileEntry {
    /// Relative to the mount's root, parts joined by '/': "name" of a single-file torrent, else
    /// "name/dir/file". Valid UTF-8, no part is empty, ".", "..", or over 255 bytes; unique.
    std::string path;
    /// Where the symlink points (BEP 47), relative to its own folder and inside the torrent; else empty.
    std::string symlink_target;
    std::uint64_t offset_in_torrent = 0;
    std::uint64_t size = 0;
    bool pad = false;  ///< BEP 47: never shown, never fetched; also a link that cannot be shown, of size 0
    bool executable = false;
    bool hidden = false;

    bool is_symlink() const { return !symlink_target.empty(); }
};

/// In the torrent's order; FileIndex is the position here and in Layout::files().
using FileList = std::vector<FileEntry>;

}  // namespace btfs
