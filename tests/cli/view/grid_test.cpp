#include "cli/view/grid.hpp"

#include <gtest/gtest.h>

#include <clocale>

namespace btfs::cli {
namespace {

struct GridTest : ::testing::Test {
    GridTest() { EXPECT_TRUE(std::setlocale(LC_CTYPE, "C.UTF-8")); }
    ~GridTest() override { std::setlocale(LC_CTYPE, "C.UTF-8"); }
};

TEST_F(GridTest, WideCharactersTakeTwoColumnsAndCombiningOnesNone) {
    EXPECT_EQ(column_count("abc"), 3);
    EXPECT_EQ(column_count("電影"), 4);
    EXPECT_EQ(column_count("e\xcc\x81"), 1);
    Grid grid(8, 1);
    EXPECT_EQ(grid.put(0, 0, "電e\xcc\x81x"), 4);
    EXPECT_EQ(grid.at(0, 0).text, "電");
    EXPECT_EQ(grid.at(1, 0).text, "");
    EXPECT_EQ(grid.at(2, 0).text, "e\xcc\x81");
    EXPECT_EQ(grid.line(0), "電e\xcc\x81x");
}

TEST_F(GridTest, WhatDoesNotFitIsCutAndSaysSo) {
    Grid grid(10, 1);
    grid.put(0, 0, "abcdef", Style::normal, 4);
    EXPECT_EQ(grid.line(0), "abc…");
    grid.put(5, 0, "0123456789");
    EXPECT_EQ(grid.line(0), "abc… 0123…");
    Grid wide(5, 1);
    wide.put(0, 0, "電影電影");
    EXPECT_EQ(wide.line(0), "電影…");
    Grid odd(4, 1);
    odd.put(0, 0, "電影電影");
    EXPECT_EQ(odd.line(0), "電…") << "no half of a wide character";
}

TEST_F(GridTest, NothingIsWrittenOutside) {
    Grid grid(4, 2);
    grid.put(0, 2, "below");
    grid.put(9, 0, "beside");
    grid.put(0, -1, "above");
    grid.put_right(0, 0, "12345", 3);
    EXPECT_EQ(grid.line(0), "12…");
    EXPECT_EQ(grid.line(1), "");
}

TEST_F(GridTest, OverwritingHalfOfAWideCharacterLeavesABlank) {
    Grid grid(4, 1);
    grid.put(0, 0, "電影");
    grid.put(1, 0, "x");
    EXPECT_EQ(grid.line(0), " x影");
    grid.put(2, 0, "y");
    EXPECT_EQ(grid.line(0), " xy");
}

TEST_F(GridTest, NumbersStandAtTheRight) {
    Grid grid(8, 1);
    grid.put_right(2, 0, "12", 5);
    EXPECT_EQ(grid.line(0), "     12");
}

TEST_F(GridTest, ALocaleWithoutThemShowsPlainCharacters) {
    std::setlocale(LC_CTYPE, "C");
    Grid grid(9, 1);
    grid.put(0, 0, "█·電abcdefgh");
    EXPECT_EQ(grid.line(0), "#.?abcde~");
}

}  // namespace
}  // namespace btfs::cli
