#include "cache/recheck_progress.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

Bitfield pieces(std::size_t size, std::initializer_list<std::uint32_t> set) {
    Bitfield pieces(size);
    for (const std::uint32_t piece : set) pieces.set(PieceIndex(piece));
    return pieces;
}

TEST(RecheckProgress, CountsThePiecesThatHaveToBeProven) {
    RecheckProgress progress;
    EXPECT_FALSE(progress.get());
    progress.begin_walk();
    progress.pass(PieceIndex(5));
    EXPECT_FALSE(progress.get()) << "a walk that nobody asked for";
    progress.end_walk();
    progress.ask(pieces(10, {1, 2, 5, 9}));
    EXPECT_FALSE(progress.get()->begun);
    EXPECT_EQ(progress.get()->done, 0);
    progress.begin_walk();
    EXPECT_TRUE(progress.get()->begun);
    progress.pass(PieceIndex(2));
    EXPECT_EQ(progress.get()->done, 0.25);
    progress.pass(PieceIndex(9));
    EXPECT_EQ(progress.get()->done, 0.75);
    progress.pass(PieceIndex(10));
    EXPECT_EQ(progress.get()->done, 1);
    progress.end_walk();
    EXPECT_FALSE(progress.get());
}

TEST(RecheckProgress, WaitsForTheNextWalkIfItIsAskedForDuringOne) {
    RecheckProgress progress;
    progress.ask(pieces(4, {0, 1}));
    progress.begin_walk();
    progress.pass(PieceIndex(1));
    progress.ask(pieces(4, {0, 1, 2, 3}));
    EXPECT_FALSE(progress.get()->begun);
    progress.pass(PieceIndex(3));
    EXPECT_EQ(progress.get()->done, 0) << "its walk has not begun";
    progress.end_walk();
    EXPECT_TRUE(progress.get()) << "it was asked for while the walk ended";
    progress.begin_walk();
    progress.pass(PieceIndex(1));
    EXPECT_EQ(progress.get()->done, 0.25);
}

TEST(RecheckProgress, OfNothingIsDone) {
    RecheckProgress progress;
    progress.ask(Bitfield(3));
    EXPECT_EQ(progress.get()->done, 1);
}

}  // namespace
}  // namespace btfs
