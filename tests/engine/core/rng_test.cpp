#include "engine/core/rng.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace btfs {
namespace {

// Computed with the authors' definitions of xoshiro256** and SplitMix64.
TEST(Rng, IsTheGeneratorThatItSays) {
    Rng rng(0);
    EXPECT_EQ(rng.next(), 0x99ec5f36cb75f2b4);
    EXPECT_EQ(rng.next(), 0xbf6e1f784956452a);
    EXPECT_EQ(rng.next(), 0x1a5f849d4933e6e0);
    EXPECT_EQ(rng.next(), 0x6aa594f1262d2d2c);
}

TEST(Rng, IsSmallSinceEachTorrentHasSeveral) {
    EXPECT_LE(sizeof(Rng), 32u);
}

TEST(Rng, IsUniform) {
    Rng rng(1);
    std::array<int, 7> counts{};
    double sum = 0;
    for (int i = 0; i < 70'000; ++i) {
        ++counts[rng.below(counts.size())];
        sum += rng.fraction();
    }
    EXPECT_GT(std::ranges::min(counts), 9'600);
    EXPECT_LT(std::ranges::max(counts), 10'400);
    EXPECT_NEAR(sum / 70'000, 0.5, 0.01);
}

}  // namespace
}  // namespace btfs
