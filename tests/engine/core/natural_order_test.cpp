#include "engine/core/natural_order.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs {
namespace {

TEST(NaturalOrder, NumbersCompareByTheirValue) {
    EXPECT_TRUE(natural_order("E9", "E10") < 0);
    EXPECT_TRUE(natural_order("E09 b", "E10 a") < 0);
    EXPECT_TRUE(natural_order("1" + std::string(40, '0'), std::string(40, '9')) > 0);
    EXPECT_TRUE(natural_order("E007", "e7") == 0);
    EXPECT_TRUE(natural_order("E7", "E7x") < 0);
    EXPECT_TRUE(natural_order("", "0") < 0);
}

TEST(NaturalOrder, OtherBytesCompareAsTheyAreInLowerCase) {
    EXPECT_TRUE(natural_order("a", "B") < 0);
    EXPECT_TRUE(natural_order("\xC3", "z") > 0);
    EXPECT_TRUE(natural_order("a-1", "a1") < 0);
}

TEST(NaturalOrder, ADifferenceOfNumbersIsTold) {
    EXPECT_TRUE(differ_by_number("S01E09 Title", "S01E10 Other"));
    EXPECT_TRUE(differ_by_number("S01E22", "S02E01"));
    EXPECT_FALSE(differ_by_number("Alien 1", "Brazil 2"));
    EXPECT_FALSE(differ_by_number("Film", "Film 2"));
    EXPECT_FALSE(differ_by_number("E7", "e007"));
}

}  // namespace
}  // namespace btfs
