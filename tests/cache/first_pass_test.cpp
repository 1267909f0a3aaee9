#include "cache/pieces/first_pass.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr std::uint64_t MiB = 1 << 20;

TEST(FirstPassTest, OnlyTheFirstReaderSinceTheBytesCameIsTheFirst) {
    FirstPass pass(10 * MiB);
    EXPECT_FALSE(pass.passed({0, 2 * MiB})) << "they were there before";
    pass.arrived({0, 4 * MiB});
    EXPECT_TRUE(pass.passed({0, 2 * MiB}));
    EXPECT_FALSE(pass.passed({0, 2 * MiB}));
    EXPECT_FALSE(pass.passed({2 * MiB, 6 * MiB})) << "not all of it came";
    EXPECT_TRUE(pass.passed({2 * MiB, 4 * MiB}));
    pass.arrived({0, MiB});  // arrives again after a loss
    EXPECT_TRUE(pass.passed({0, MiB}));
}

TEST(FirstPassTest, FilesBeginAndEndAnywhere) {
    FirstPass pass(MiB + 5);
    pass.arrived({0, MiB + 5});
    EXPECT_TRUE(pass.passed({5, 100'005}));
    EXPECT_FALSE(pass.passed({5, 100'005}));
    EXPECT_TRUE(pass.passed({100'005, MiB + 5}));
    EXPECT_FALSE(pass.passed({MiB, MiB + 5})) << "less than a unit";
}

TEST(FirstPassTest, EveryByteHasToHaveCome) {
    FirstPass pass(10 * MiB);
    pass.arrived({MiB, 2 * MiB});
    EXPECT_FALSE(pass.passed({MiB - 1, 2 * MiB}));
    EXPECT_FALSE(pass.passed({MiB, 2 * MiB + 1}));
    EXPECT_TRUE(pass.passed({MiB, 2 * MiB}));
}

}  // namespace
}  // namespace btfs
