#include "engine/core/layout.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 4 * kBlockSize;

TEST(Layout, OnlyTheLastPieceOfAStreamIsShort) {
    const Layout layout(kPiece, {{0, 100'000}, {100'000, 0}, {100'000, 50'000}});
    EXPECT_EQ(layout.total_size(), 150'000u);
    ASSERT_EQ(layout.piece_count(), 3u);
    EXPECT_EQ(layout.piece_size(PieceIndex(1)), kPiece);
    EXPECT_EQ(layout.piece_size(PieceIndex(2)), 150'000u - 2 * kPiece);
    EXPECT_EQ(layout.piece_range(PieceIndex(2)), (ByteRange{2 * kPiece, 150'000}));
    EXPECT_EQ(layout.block_count(PieceIndex(2)), 2u);
    EXPECT_EQ(layout.block_size(PieceIndex(2), 1), 150'000u - 2 * kPiece - kBlockSize);
    EXPECT_EQ(layout.blocks_per_piece(), 4u);
    EXPECT_EQ(layout.piece_at(kPiece), PieceIndex(1));
    EXPECT_EQ(layout.piece_at(kPiece - 1), PieceIndex(0));
}

TEST(Layout, FindsTheFileOfAByteAndSkipsEmptyOnes) {
    const Layout layout(kPiece, {{0, 0}, {0, 10}, {10, 0}, {10, 0}, {10, 5}, {15, 0}});
    EXPECT_EQ(layout.file_at(0), FileIndex(1));
    EXPECT_EQ(layout.file_at(9), FileIndex(1));
    EXPECT_EQ(layout.file_at(10), FileIndex(4));
    EXPECT_EQ(layout.file_at(14), FileIndex(4));
}

TEST(Layout, PaddingIsNotAskedFor) {
    // [file 20000][pad to the end of the piece][file 1000][pad]
    const Layout layout(
        kPiece, {{0, 20'000}, {20'000, kPiece - 20'000, true}, {kPiece, 1000}, {kPiece + 1000, 500, true}});
    EXPECT_TRUE(layout.has_padding());
    EXPECT_EQ(layout.payload(PieceIndex(0), 0), (BlockRef{PieceIndex(0), 0, kBlockSize}));
    EXPECT_EQ(layout.payload(PieceIndex(0), 1), (BlockRef{PieceIndex(0), kBlockSize, 20'000 - kBlockSize}));
    EXPECT_EQ(layout.payload(PieceIndex(0), 2).size, 0u);
    EXPECT_EQ(layout.payload(PieceIndex(1), 0).size, 1000u);
    EXPECT_EQ(layout.piece_size(PieceIndex(1)), 1500u);
}

TEST(Layout, PaddingInTheMiddleOfABlockIsAskedForWithIt) {
    const Layout layout(kPiece, {{0, 100}, {100, 50, true}, {150, 100}});
    EXPECT_EQ(layout.payload(PieceIndex(0), 0), (BlockRef{PieceIndex(0), 0, 250}));
    const Layout leading(kPiece, {{0, 50, true}, {50, 100}});
    EXPECT_EQ(leading.payload(PieceIndex(0), 0), (BlockRef{PieceIndex(0), 50, 100}));
}

TEST(Layout, EachFileOfV2EndsItsOwnPiece) {
    const Layout layout(kPiece, {{0, kPiece + 100}, {2 * kPiece, 50}, {3 * kPiece, 0}, {3 * kPiece, kPiece}},
                        PieceCut::each_file);
    ASSERT_EQ(layout.piece_count(), 4u);
    EXPECT_EQ(layout.piece_size(PieceIndex(0)), kPiece);
    EXPECT_EQ(layout.piece_size(PieceIndex(1)), 100u);
    EXPECT_EQ(layout.piece_size(PieceIndex(2)), 50u);
    EXPECT_EQ(layout.piece_size(PieceIndex(3)), kPiece);
    EXPECT_EQ(layout.block_count(PieceIndex(1)), 1u);
    EXPECT_EQ(layout.block_size(PieceIndex(1), 0), 100u);
    EXPECT_EQ(layout.file_at(kPiece + 500), FileIndex(0));  // in the gap behind the first file
}

}  // namespace
}  // namespace btfs
