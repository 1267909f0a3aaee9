#include "cache/records/block_bitmap.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

TEST(BlockBitmapTest, AgreesWithAPlainVectorUnderRandomChanges) {
    constexpr std::size_t kSize = 3 * 4096 + 77;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        BlockBitmap bitmap(kSize);
        std::vector<bool> model(kSize);
        for (int step = 0; step < 200; ++step) {
            std::size_t first = rng.below(kSize), count = 1 + rng.below(kSize - first);
            if (rng.below(4) == 0)
                first = first / 4096 * 4096, count = std::min<std::size_t>(4096, kSize - first);
            const bool value = rng.below(2) == 0;
            bitmap.assign(first, count, value);
            std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(first), count, value);

            const std::size_t from = rng.below(kSize),
                              length = 1 + rng.below(std::min<std::size_t>(kSize - from, 200));
            bool all = true;
            for (std::size_t i = from; i < from + length; ++i) {
                ASSERT_EQ(bitmap.test(i), model[i]);
                all = all && model[i];
            }
            ASSERT_EQ(bitmap.all(from, length), all);
        }
        for (std::size_t i = 0; i < (kSize + 7) / 8; ++i) {
            unsigned expected = 0;
            for (std::size_t b = 0; b < 8 && i * 8 + b < kSize; ++b)
                expected |= unsigned{model[i * 8 + b]} << b;
            ASSERT_EQ(std::to_integer<unsigned>(bitmap.byte(i)), expected);
        }
    }
}

TEST(BlockBitmapTest, StretchesThatAreFullAgainAfterALossAreWhole) {
    BlockBitmap bitmap(8192);
    bitmap.assign(0, 8192, true);
    bitmap.assign(5000, 1, false);
    EXPECT_TRUE(bitmap.all(0, 5000));
    EXPECT_FALSE(bitmap.all(0, 8192));
    bitmap.assign(5000, 1, true);
    EXPECT_TRUE(bitmap.all(0, 8192));
}

}  // namespace
}  // namespace btfs
