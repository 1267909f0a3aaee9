#include "cli/service/piece_cells.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace btfs::cli {
namespace {

/// `m`: missing, `b`: begun, `h`: had, `e`: had since an earlier run; `available` has a digit for each.
PieceMap map_of(std::string_view pieces, std::string_view available = {}) {
    PieceMap map{.piece_length = 16384,
                 .had = Bitfield(pieces.size()),
                 .begun = Bitfield(pieces.size()),
                 .earlier = Bitfield(pieces.size()),
                 .availability = std::vector<std::uint8_t>(pieces.size())};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const PieceIndex piece(i);
        if (pieces[i] == 'b') map.begun.set(piece);
        if (pieces[i] == 'h' || pieces[i] == 'e') map.had.set(piece);
        if (pieces[i] == 'e') map.earlier.set(piece);
        if (i < available.size()) map.availability[i] = static_cast<std::uint8_t>(available[i] - '0');
    }
    return map;
}

TEST(PieceCells, APieceOfASmallTorrentIsACell) {
    PieceMap map = map_of("mbhe", "0129");
    map.availability.back() = 200;
    const PieceCells cells = piece_cells(map);
    EXPECT_EQ(cells.per_cell, 1u);
    EXPECT_EQ(cells.states, ".-#=");
    EXPECT_EQ(cells.availability, "0129");
}

TEST(PieceCells, ACellOfSeveralPiecesTellsTenthsAndTheLeastAvailability) {
    const PieceCells cells = piece_cells(map_of("mmm"
                                                "mbm"
                                                "hmm"
                                                "hhm"
                                                "hhh"
                                                "heh"
                                                "h",
                                                "333"
                                                "312"
                                                "999"),
                                         7);
    EXPECT_EQ(cells.per_cell, 3u);
    EXPECT_EQ(cells.states, ".-36#=#");
    EXPECT_EQ(cells.availability, "3190000");
}

TEST(PieceCells, ACellIsCompleteOnlyIfAllOfItIs) {
    std::string nearly(1000, 'h');
    nearly[500] = 'm';
    EXPECT_EQ(piece_cells(map_of(nearly), 1).states, "9");
    std::string hardly(1000, 'm');
    hardly[500] = 'h';
    EXPECT_EQ(piece_cells(map_of(hardly), 1).states, "1");
}

TEST(PieceCells, ALargeTorrentHasABoundedNumberOfCells) {
    for (const std::size_t pieces : {4096u, 4097u, 2'000'000u}) {
        const PieceCells cells = piece_cells(map_of(std::string(pieces, 'h')));
        EXPECT_LE(cells.states.size(), PieceCells::kMax) << pieces;
        EXPECT_EQ(cells.states.size(), (pieces + cells.per_cell - 1) / cells.per_cell) << pieces;
    }
}

TEST(PieceCells, ATorrentWithoutPiecesHasNone) {
    EXPECT_EQ(piece_cells(map_of("")).states, "");
}

}  // namespace
}  // namespace btfs::cli
