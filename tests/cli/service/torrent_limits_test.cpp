#include "cli/service/torrent_limits.hpp"

#include <gtest/gtest.h>

namespace btfs::cli {
namespace {

TEST(TorrentLimits, TheLongestIdleTimeCanBeAddedToATime) {
    TorrentLimits limits{.seed_idle_mode = LimitMode::own, .seed_idle_minutes = 30};
    EXPECT_EQ(limits.seed_idle(), Duration(30min));
    for (const std::uint32_t minutes : {153'722'868U, 1'000'000'000U, 0xffff'ffffU}) {
        limits.seed_idle_minutes = minutes;
        EXPECT_GT(limits.seed_idle().value(), Duration(24h * 365)) << minutes;
        EXPECT_GT(Clock::now() + limits.seed_idle().value(), Clock::now()) << minutes;
    }
    limits.seed_idle_mode = LimitMode::none;
    EXPECT_FALSE(limits.seed_idle());
}

}  // namespace
}  // namespace btfs::cli
