#include "engine/core/ascii.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(Ascii, LettersAloneAreLowered) {
    EXPECT_EQ(ascii_lower(std::string_view("AZaz09@[`{\xc4")), "azaz09@[`{\xc4");
}

TEST(Ascii, TextsAreEqualWithoutTheCaseOfLetters) {
    EXPECT_TRUE(equal_without_case("Magnet:", "mAGNET:"));
    EXPECT_FALSE(equal_without_case("magnet", "magnet:"));
    EXPECT_FALSE(equal_without_case("@", "`"));
    EXPECT_TRUE(equal_without_case("", ""));
}

}  // namespace
}  // namespace btfs
