// Where bytes lie: torrent <-> piece <-> block <-> file. A value; every other box asks it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs {

/// A file's place in the torrent. Pad files (BEP 47) are extents too: zeros that nobody fetches.
struct FileExtent {
    std::uint64_t offset_in_torrent = 0;
    std::uint64_t size = 0;
    bool pad = false;

    ByteRange range() const { return {offset_in_torrent, offset_in_torrent + size}; }
    bool operator==(const FileExtent&) const = default;
};

/// How pieces are cut. In v1 one stream of bytes is cut, and only the torrent's last piece is short; in
/// v2 every file starts a piece of its own, and its last piece is short (BEP 52).
enum class PieceCut { whole_stream, each_file };

/// Promises: extents are in order of offset and do not overlap, piece_length > 0, and all offsets and
/// piece indices are in range (metainfo checked them; asserted here). Piece p begins at p * piece_length.
class Layout {
  public:
    Layout() = default;
    Layout(std::uint32_t piece_length, std::vector<FileExtent> files, PieceCut cut = PieceCut::whole_stream);

    std::uint32_t piece_length() const { return piece_length_; }
    std::uint32_t piece_count() const { return piece_count_; }
    /// The end of the last file; with PieceCut::each_file this counts the gaps between files.
    std::uint64_t total_size() const { return total_size_; }
    std::span<const FileExtent> files() const { return files_; }

    /// Size in bytes: piece_length() but for short last pieces.
    std::uint32_t piece_size(PieceIndex piece) const;
    std::uint64_t piece_offset_in_torrent(PieceIndex piece) const {
        return std::uint64_t{piece.value()} * piece_length_;
    }
    ByteRange piece_range(PieceIndex piece) const {
        const std::uint64_t begin = piece_offset_in_torrent(piece);
        return {begin, begin + piece_size(piece)};
    }
    PieceIndex piece_at(std::uint64_t offset_in_torrent) const {
        return PieceIndex(offset_in_torrent / piece_length_);
    }

    /// Blocks of a piece: all kBlockSize long but for the last.
    std::uint32_t block_count(PieceIndex piece) const {
        return static_cast<std::uint32_t>(units_for(piece_size(piece), kBlockSize));
    }
    std::uint32_t blocks_per_piece() const {
        return static_cast<std::uint32_t>(units_for(piece_length_, kBlockSize));
    }
    std::uint32_t block_size(PieceIndex piece, std::uint32_t block_in_piece) const;

    /// The part of a block to ask peers for: without the pad bytes at its ends, which are zeros. Size 0
    /// if the block is all padding.
    BlockRef payload(PieceIndex piece, std::uint32_t block_in_piece) const;

    /// The file that holds a byte; of a v2 gap, the file before it. Empty files hold none.
    FileIndex file_at(std::uint64_t offset_in_torrent) const;

    bool has_padding() const { return has_padding_; }

    bool operator==(const Layout&) const = default;

  private:
    std::uint32_t piece_length_ = 0;
    std::uint32_t piece_count_ = 0;
    std::uint64_t total_size_ = 0;
    PieceCut cut_ = PieceCut::whole_stream;
    bool has_padding_ = false;
    std::vector<FileExtent> files_;
};

}  // namespace btfs
