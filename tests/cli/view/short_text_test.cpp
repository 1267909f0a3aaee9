#include "cli/view/short_text.hpp"

#include <gtest/gtest.h>

#include <clocale>
#include <vector>

#include "cli/view/rate_history.hpp"

namespace btfs::cli {
namespace {

TEST(ShortText, SizesTakeFourColumnsAtMost) {
    EXPECT_EQ(short_size(0), "0");
    EXPECT_EQ(short_size(999), "999");
    EXPECT_EQ(short_size(1000), "1.0K");
    EXPECT_EQ(short_size(1536), "1.5K");
    EXPECT_EQ(short_size(10 << 20), "10M");
    for (std::uint64_t size = 1; size < std::uint64_t{1} << 60; size = size * 5 / 4 + 1)
        EXPECT_LE(short_size(size).size(), 4u) << size;
    EXPECT_EQ(short_size(~std::uint64_t{0}), "16E");
    EXPECT_EQ(short_rate(0), "-");
}

TEST(ShortText, OfAPathTheEndStays) {
    ASSERT_TRUE(std::setlocale(LC_CTYPE, "C.UTF-8"));
    EXPECT_EQ(short_path("a/b/c.mkv", 9), "a/b/c.mkv");
    EXPECT_EQ(short_path("a/b/c.mkv", 8), "…/c.mkv");
    EXPECT_EQ(short_path("long/b/c.mkv", 9), "…/b/c.mkv");
    EXPECT_EQ(short_path("folder/film.mkv", 9), "film.mkv") << "no room for a sign of the folder";
    EXPECT_EQ(short_path("folder/film.mkv", 3), "film.mkv") << "its end is cut where it is drawn";
    EXPECT_EQ(short_path("film.mkv", 3), "film.mkv");
    EXPECT_EQ(short_path("", 0), "");
    EXPECT_EQ(short_path("電影/電影.mkv", 10), "…/電影.mkv");
}

TEST(ShortText, TimesBecomeCoarser) {
    EXPECT_EQ(short_time(3.21), "3.2 s");
    EXPECT_EQ(short_time(61), "61 s");
    EXPECT_EQ(short_time(600), "10 min");
    EXPECT_EQ(short_time(3 * 3600 + 300), "3 h 05");
    EXPECT_EQ(short_time(200'000), "2 d 7 h");
    EXPECT_EQ(short_time(-1), "0.0 s");
}

TEST(ShortText, ItIsHundredPercentOnlyIfAllIsThere) {
    EXPECT_EQ(short_percent(0, 0), "-");
    EXPECT_EQ(short_percent(0, 10), "0%");
    EXPECT_EQ(short_percent(1, 100'000), "1%");
    EXPECT_EQ(short_percent(99'999, 100'000), "99%");
    EXPECT_EQ(short_percent(10, 10), "100%");
}

TEST(ShortText, FlagsOfAPeerAreLetters) {
    const auto letters = [](std::vector<std::string> flags) { return flag_letters(flags); };
    EXPECT_EQ(letters({}), "-");
    EXPECT_EQ(letters({"interesting", "chokes_us"}), "d");
    EXPECT_EQ(letters({"utp", "encrypted", "incoming", "interested", "interesting"}), "DUIEP");
    EXPECT_EQ(letters({"interested", "choked", "web_seed", "snubbed"}), "uWS");
}

TEST(RateHistory, TheHighestOfWhatIsShownIsAFullBar) {
    RateHistory history;
    EXPECT_EQ(history.sparkline(3), "   ");
    for (const std::uint64_t rate : {1000, 0, 100, 50, 1}) history.add(rate);
    EXPECT_EQ(history.sparkline(3), "█▅▁");
    EXPECT_EQ(history.sparkline(6), "█ ▁▁▁ ");
    for (std::size_t i = 0; i < 2 * RateHistory::kMaxKept; ++i) history.add(0);
    EXPECT_EQ(history.sparkline(500), std::string(500, ' '));
}

}  // namespace
}  // namespace btfs::cli
