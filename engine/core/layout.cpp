#include "engine/core/layout.hpp"

#include <algorithm>
#include <cassert>

namespace btfs {

Layout::Layout(std::uint32_t piece_length, std::vector<FileExtent> files, PieceCut cut)
    : piece_length_(piece_length), cut_(cut), files_(std::move(files)) {
    assert(piece_length > 0);
    for (const FileExtent& file : files_) {
        assert(file.offset_in_torrent >= total_size_);
        total_size_ = file.offset_in_torrent + file.size;
        has_padding_ = has_padding_ || (file.pad && file.size > 0);
    }
    piece_count_ = static_cast<std::uint32_t>(units_for(total_size_, piece_length));
}

std::uint32_t Layout::piece_size(PieceIndex piece) const {
    assert(piece.value() < piece_count_);
    const std::uint64_t begin = piece_offset_in_torrent(piece);
    std::uint64_t end = total_size_;
    if (cut_ == PieceCut::each_file) end = files_[file_at(begin).value()].range().end;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(piece_length_, end - begin));
}

std::uint32_t Layout::block_size(PieceIndex piece, std::uint32_t block_in_piece) const {
    const std::uint32_t size = piece_size(piece), begin = block_in_piece * kBlockSize;
    assert(begin < size);
    return std::min(kBlockSize, size - begin);
}

BlockRef Layout::payload(PieceIndex piece, std::uint32_t block_in_piece) const {
    const std::uint32_t in_piece = block_in_piece * kBlockSize;
    const std::uint32_t size = block_size(piece, block_in_piece);
    if (!has_padding_) return {piece, in_piece, size};

    const std::uint64_t begin = piece_offset_in_torrent(piece) + in_piece, end = begin + size;
    std::uint64_t first = end, last = begin;  // the range of bytes that belong to real files
    for (std::size_t i = file_at(begin).value(); i < files_.size() && files_[i].offset_in_torrent < end; ++i) {
        const ByteRange common = files_[i].range().intersection({begin, end});
        if (files_[i].pad || common.empty()) continue;
        first = std::min(first, common.begin);
        last = std::max(last, common.end);
    }
    if (first >= last) return {piece, in_piece, 0};
    return {piece, in_piece + static_cast<std::uint32_t>(first - begin), static_cast<std::uint32_t>(last - first)};
}

FileIndex Layout::file_at(std::uint64_t offset_in_torrent) const {
    assert(offset_in_torrent < total_size_);
    // Finds the last file that begins at or before the offset, empty files left out.
    auto next = std::upper_bound(
        files_.begin(), files_.end(), offset_in_torrent,
        [](std::uint64_t offset, const FileExtent& file) { return offset < file.offset_in_torrent; });
    auto found = std::prev(next);
    while (found->size == 0 && found != files_.begin()) --found;
    return FileIndex(static_cast<std::uint64_t>(found - files_.begin()));
}

}  // namespace btfs
