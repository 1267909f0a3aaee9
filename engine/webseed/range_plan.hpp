// The parts of files that a range of a torrent consists of.
#pragma once

#include <vector>

#include "engine/core/layout.hpp"

namespace btfs::webseed {

struct FilePart {
    FileIndex file;
    ByteRange in_torrent;

    bool operator==(const FilePart&) const = default;
};

/// The parts in order. Pad files and gaps between files are left out: their bytes are zeros, and no server
/// has them.
std::vector<FilePart> parts_of(const Layout& layout, ByteRange in_torrent);

/// The bytes of a block in the torrent.
ByteRange range_of(const Layout& layout, const BlockRef& block);

}  // namespace btfs::webseed
