// Pins: sets of files, and their file in the cache.
#include "cache/records/pins.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Pins, AreAsFewRangesAsCanBe) {
    const Pins some = with_pins({}, Pins{{4, 6}, {1, 1}, {0, 0}, {5, 9}});
    EXPECT_THAT(some, ElementsAre(FileRange{0, 1}, FileRange{4, 9}));
    EXPECT_THAT(with_pins(some, Pins{{2, 3}}), ElementsAre(FileRange{0, 9}));
    EXPECT_THAT(with_pins(some, Pins{{0, UINT32_MAX}}), ElementsAre(FileRange{0, UINT32_MAX}));
}

TEST(Pins, AreTakenAwayByFile) {
    const Pins all{{0, 9}};
    EXPECT_THAT(without_pins(all, Pins{{3, 3}}), ElementsAre(FileRange{0, 2}, FileRange{4, 9}));
    EXPECT_THAT(without_pins(all, Pins{{0, 0}, {9, 12}}), ElementsAre(FileRange{1, 8}));
    EXPECT_THAT(without_pins(all, Pins{{0, UINT32_MAX}}), IsEmpty());
    EXPECT_THAT(without_pins(all, Pins{{10, 11}}), ElementsAre(FileRange{0, 9}));
}

TEST(Pins, ArePiecesThatHoldAByteOfTheFiles) {
    const Layout layout(100, {{0, 150}, {150, 30}, {180, 220}});
    EXPECT_TRUE(pinned_pieces(layout, {}).none());
    const Bitfield second = pinned_pieces(layout, Pins{{1, 1}});
    EXPECT_EQ(second.count(), 1u);
    EXPECT_TRUE(second.test(PieceIndex(1)));
    EXPECT_TRUE(pinned_pieces(layout, Pins{{0, 99}}).all());
}

TEST(Pins, ComeBackFromTheirFile) {
    for (const Pins& pins : {Pins{}, Pins{{7, 7}}, Pins{{0, 3}, {9, UINT32_MAX}}}) {
        const auto back = parse_pins(encode_pins(pins));
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, pins);
    }
}

TEST(Pins, OfADamagedFileAreNone) {
    const Bytes file = encode_pins(Pins{{1, 2}, {5, 6}});
    for (std::size_t size = 0; size < file.size(); ++size)
        EXPECT_FALSE(parse_pins(ByteView(file).first(size))) << size;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        Bytes flipped = file;
        flipped[bit / 8] ^= std::byte{1} << bit % 8;
        EXPECT_FALSE(parse_pins(flipped)) << bit;
    }
    Bytes longer = file;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_pins(longer));
}

}  // namespace
}  // namespace btfs
