#include "cli/text/table.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
    EXPECT_EQ(table({{"SIZE", "NAME"}, {"1.5 MiB", "a"}, {"2 B", "a long name"}}),
              "SIZE     NAME\n"
              "1.5 MiB  a\n"
              "2 B      a long name\n");
}

TEST(Table, CountsCharactersAndNotBytes) {
    EXPECT_EQ(table({{"A", "B"}, {"\xc3\xa4\xc3\xb6", "x"}}, "  "), "  A   B\n  \xc3\xa4\xc3\xb6  x\n");
    EXPECT_EQ(table({{"A", "B"}, {"\xff", "x"}}), "A  B\n\xff  x\n");
}

TEST(Table, OfNothingIsEmpty) {
    EXPECT_EQ(table({}), "");
    EXPECT_EQ(table({{"only"}}), "only\n");
}

}  // namespace
}  // namespace btfs::cli
