#include "cli/service/content_time.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace btfs::cli {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;
constexpr std::int64_t kDay = 86'400;

TEST(CreationTime, IsTheDateUpToADayFromNow) {
    for (const std::int64_t date : {std::int64_t{1}, std::int64_t{1'400'000'000}, kNow, kNow + kDay})
        EXPECT_EQ(creation_time(date, kNow), date);
}

TEST(CreationTime, OfMillisecondsIsInSeconds) {
    EXPECT_EQ(creation_time(1'400'000'000'123, kNow), 1'400'000'000);
    EXPECT_EQ(creation_time(kNow * 1000, kNow), kNow);
    EXPECT_EQ(creation_time(1'221'091'200'000, kNow), 1'221'091'200) << "the year 40665, read as seconds";
}

TEST(CreationTime, IsNothingForADateThatMakesNoSense) {
    for (const std::int64_t date :
         {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(), kNow + 2 * kDay,
          kNow * 2, (kNow + 2 * kDay) * 1000, std::numeric_limits<std::int64_t>::max()})
        EXPECT_EQ(creation_time(date, kNow), std::nullopt) << date;
}

}  // namespace
}  // namespace btfs::cli
