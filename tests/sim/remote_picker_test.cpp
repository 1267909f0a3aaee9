// The picker of remote peers: each block of one connection, the rarest piece first.
#include "tests/sim/remote_picker.hpp"

#include <gtest/gtest.h>

namespace btfs::sim {
namespace {

constexpr std::uint32_t kPieces = 4;
constexpr std::uint32_t kBlocks = 2;

struct RemotePickerTest : ::testing::Test {
    std::optional<BlockRef> pick(std::size_t connection) {
        return picker.pick(
            connection, [](PieceIndex) { return true; },
            [&](PieceIndex piece) { return availability[piece.value()]; }, rng);
    }

    Layout layout{kBlocks * kBlockSize, {{0, kPieces* kBlocks* kBlockSize, false}}};
    Bitfield have{kPieces};
    std::vector<std::size_t> availability{4, 3, 1, 2};
    Rng rng{1};
    RemotePicker picker{layout, have};
};

TEST_F(RemotePickerTest, TheRarestPieceIsAskedForFirstAndFinishedBeforeAnother) {
    std::vector<std::uint32_t> order;
    while (const auto block = pick(1)) order.push_back(block->piece.value());
    EXPECT_EQ(order, (std::vector<std::uint32_t>{2, 2, 3, 3, 1, 1, 0, 0}));
}

TEST_F(RemotePickerTest, ABlockThatDoesNotComeIsAskedOfAnother) {
    const auto first = pick(1);
    ASSERT_TRUE(first);
    EXPECT_NE(pick(2), first);
    picker.release(2, *first);  // it was not asked of that one
    EXPECT_NE(pick(2), first);
    picker.release(1, *first);
    EXPECT_EQ(pick(2), first);
}

TEST_F(RemotePickerTest, APieceIsCompleteWithItsLastBlock) {
    const auto first = pick(1), second = pick(2);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(picker.receive(*first));
    EXPECT_FALSE(picker.receive(*first));
    EXPECT_TRUE(picker.receive(*second));
}

TEST_F(RemotePickerTest, AllThatOneConnectionOwesIsFreeWhenItEnds) {
    while (pick(1)) {
    }
    EXPECT_FALSE(pick(2));
    picker.release_all(1);
    std::size_t count = 0;
    while (pick(2)) ++count;
    EXPECT_EQ(count, kPieces * kBlocks);
}

}  // namespace
}  // namespace btfs::sim
