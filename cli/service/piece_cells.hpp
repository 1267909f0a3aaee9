// Piece map of a torrent as text of bounded length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/swarm/piece_map.hpp"

namespace btfs::cli {

/// A character for each cell. A cell is one piece or, of torrents of more than kMax pieces, several that
/// follow each other; the last one may be of fewer.
struct PieceCells {
    static constexpr std::size_t kMax = 4096;

    std::uint32_t per_cell = 1;  ///< pieces
    /// `.`: nothing of the cell is had or on its way; `-`: none of its pieces is had, some are on their way;
    /// `1` to `9`: so many tenths of its pieces are had; `=`: all are had, some since an earlier run, and
    /// these were not verified again yet; `#`: all are had and verified.
    std::string states;
    /// `0` to `9`: so many connected peers, or more if it is 9, have the piece of the cell that the fewest
    /// have.
    std::string availability;
};

/// `max`: cells, at least one.
PieceCells piece_cells(const PieceMap& map, std::size_t max = PieceCells::kMax);

}  // namespace btfs::cli
