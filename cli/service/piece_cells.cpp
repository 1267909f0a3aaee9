#include "cli/service/piece_cells.hpp"

#include <algorithm>

namespace btfs::cli {
namespace {

struct Count {
    std::uint32_t pieces = 0, had = 0, earlier = 0, begun = 0;
};

char state_of(const Count& cell) {
    if (cell.had == cell.pieces) return cell.earlier > 0 ? '=' : '#';
    if (cell.had == 0) return cell.begun > 0 ? '-' : '.';
    return static_cast<char>('0' + std::clamp(cell.had * 10 / cell.pieces, 1U, 9U));
}

}  // namespace

PieceCells piece_cells(const PieceMap& map, std::size_t max) {
    const auto count = static_cast<std::uint32_t>(map.had.size());
    PieceCells cells;
    cells.per_cell = std::max<std::uint32_t>(1, static_cast<std::uint32_t>((count + max - 1) / max));
    for (std::uint32_t begin = 0; begin < count; begin += cells.per_cell) {
        Count cell;
        std::uint32_t available = 9;
        for (std::uint32_t i = begin; i < count && i < begin + cells.per_cell; ++i) {
            const PieceIndex piece(i);
            ++cell.pieces;
            cell.had += map.had.test(piece);
            cell.earlier += map.had.test(piece) && map.earlier.test(piece);
            cell.begun += map.begun.test(piece);
            available = std::min<std::uint32_t>(available, map.availability[i]);
        }
        cells.states += state_of(cell);
        cells.availability += static_cast<char>('0' + available);
    }
    return cells;
}

}  // namespace btfs::cli
