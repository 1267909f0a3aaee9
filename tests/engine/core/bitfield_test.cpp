#include "engine/core/bitfield.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

Bytes raw(std::initializer_list<int> values) {
    Bytes out;
    for (int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
}

TEST(Bitfield, PieceZeroIsTheHighestBit) {
    Bitfield pieces(10);
    EXPECT_TRUE(pieces.set(PieceIndex(0)));
    EXPECT_TRUE(pieces.set(PieceIndex(9)));
    EXPECT_FALSE(pieces.set(PieceIndex(9)));
    EXPECT_EQ(Bytes(pieces.bytes().begin(), pieces.bytes().end()), raw({0x80, 0x40}));
    EXPECT_EQ(pieces.count(), 2u);
    EXPECT_TRUE(pieces.clear(PieceIndex(0)));
    EXPECT_FALSE(pieces.clear(PieceIndex(0)));
    EXPECT_EQ(pieces.count(), 1u);
}

TEST(Bitfield, ParsesOnlyExactPayloads) {
    auto pieces = Bitfield::parse(raw({0xa0, 0x40}), 10);
    ASSERT_TRUE(pieces);
    EXPECT_EQ(pieces->count(), 3u);
    EXPECT_TRUE(pieces->test(PieceIndex(2)));
    EXPECT_FALSE(Bitfield::parse(raw({0xa0}), 10));
    EXPECT_FALSE(Bitfield::parse(raw({0xa0, 0x40, 0}), 10));
    EXPECT_TRUE(Bitfield::parse({}, 0)->all());
}

TEST(Bitfield, IgnoresSpareBits) {
    EXPECT_EQ(Bitfield::parse(raw({0xa0, 0x7f}), 10), Bitfield::parse(raw({0xa0, 0x40}), 10));
    EXPECT_EQ(Bitfield::parse(raw({0xff, 0xff}), 10), Bitfield(10, true));
}

TEST(Bitfield, NamesWhatAnotherLacks) {
    Rng rng(1);
    for (int round = 0; round < 200; ++round) {
        const std::size_t size = rng.below(400);
        Bitfield ours(size), theirs(size);
        std::vector<PieceIndex> expected, seen;
        const std::uint64_t density = 1 + rng.below(100);
        for (std::uint32_t i = 0; i < size; ++i) {
            if (rng.below(density) == 0) ours.set(PieceIndex(i));
            if (rng.below(2) == 0) theirs.set(PieceIndex(i));
            if (ours.test(PieceIndex(i)) && !theirs.test(PieceIndex(i))) expected.push_back(PieceIndex(i));
        }
        ours.for_each_without(theirs, [&](PieceIndex piece) { seen.push_back(piece); });
        EXPECT_EQ(seen, expected) << "size " << size;
        EXPECT_EQ(ours.count_without(theirs), expected.size());
        std::vector<PieceIndex> clear;
        ours.for_each_clear([&](PieceIndex piece) { clear.push_back(piece); });
        EXPECT_EQ(clear.size(), size - ours.count());
        EXPECT_TRUE(std::ranges::is_sorted(clear));
        EXPECT_TRUE(std::ranges::none_of(clear, [&](PieceIndex piece) { return ours.test(piece); }));
    }
}

TEST(Bitfield, FullHasNoSpareBits) {
    for (std::size_t size : {1, 7, 8, 9, 16, 17}) {
        const Bitfield full(size, true);
        EXPECT_TRUE(full.all());
        EXPECT_EQ(Bitfield::parse(full.bytes(), size), full);
        EXPECT_TRUE(Bitfield(size).none());
    }
}

}  // namespace
}  // namespace btfs
