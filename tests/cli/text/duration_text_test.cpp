#include "cli/text/duration_text.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(DurationText, HasAUnitOrIsInSeconds) {
    EXPECT_EQ(parse_duration("0"), Duration{});
    EXPECT_EQ(parse_duration("90"), 90s);
    EXPECT_EQ(parse_duration("90s"), 90s);
    EXPECT_EQ(parse_duration("30m"), 30min);
    EXPECT_EQ(parse_duration("1.5h"), 90min);
    EXPECT_EQ(parse_duration("2d"), 48h);
}

TEST(DurationText, TextThatIsNoTimeIsRefused) {
    for (const char* text : {"", "h", "2 h", "2w", "-1h", "2h30m", "soon", "nan", "inf", "1e99", "1000000d"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace btfs::cli
