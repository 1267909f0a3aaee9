#include "engine/core/bitfield.hpp"

#include <gtest/gtest.h>

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
    EXPECT_FALSE(Bitfield::parse(raw({0xa0, 0x20}), 10));  // a spare bit
    EXPECT_TRUE(Bitfield::parse({}, 0)->all());
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
