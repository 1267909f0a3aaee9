// Pins of a torrent: the files that its user wants to be kept.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/file_selection.hpp"

namespace btfs {

/// Files by their place in the torrent; the ranges are in order, apart, and as few as can be.
using Pins = std::vector<FileRange>;

/// Pins of all that is in one or the other.
Pins with_pins(std::span<const FileRange> pins, std::span<const FileRange> more);
/// Pins of what is in `pins` and not in `fewer`.
Pins without_pins(std::span<const FileRange> pins, std::span<const FileRange> fewer);

/// The pieces that hold a byte of them.
Bitfield pinned_pieces(const Layout& layout, std::span<const FileRange> pins);

/// The content of a file of pins; its form stands in cache/README.md.
Bytes encode_pins(std::span<const FileRange> pins);
/// Nothing if the file is damaged, cut short, or of another version.
std::optional<Pins> parse_pins(ByteView file);

}  // namespace btfs
