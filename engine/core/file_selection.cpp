#include "engine/core/file_selection.hpp"

#include <algorithm>

namespace btfs {

Bitfield pieces_of(const Layout& layout, std::span<const FileRange> files) {
    if (files.empty()) return Bitfield(layout.piece_count(), true);
    Bitfield pieces(layout.piece_count());
    for (const FileRange& range : files) {
        const std::size_t end = std::min<std::size_t>(std::size_t{range.last} + 1, layout.files().size());
        for (std::size_t i = range.first; i < end; ++i) {
            const FileExtent& file = layout.files()[i];
            if (file.size == 0 || file.pad) continue;
            const std::uint32_t last = layout.piece_at(file.range().end - 1).value();
            for (std::uint32_t piece = layout.piece_at(file.offset_in_torrent).value(); piece <= last;
                 ++piece)
                pieces.set(PieceIndex(piece));
        }
    }
    return pieces;
}

}  // namespace btfs
