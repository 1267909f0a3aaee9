// Some of a torrent's files.
#pragma once

#include <cstdint>
#include <span>

#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"

namespace btfs {

/// Files by their place in the torrent, first and last included, pad files counted (BEP 53's `so`).
struct FileRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool operator==(const FileRange&) const = default;
};

/// All pieces that hold a byte of one of the files; of all files if no range is given. Indices beyond the
/// last file select nothing.
Bitfield pieces_of(const Layout& layout, std::span<const FileRange> files);

}  // namespace btfs
