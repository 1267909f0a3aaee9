#include "fs/read_times.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(ReadTimes, EachReadIsInOneBucket) {
    ReadTimes times;
    times.count(ReadSource::cache, 0s);
    times.count(ReadSource::cache, 100us);  // bounds belong to what is below them
    times.count(ReadSource::cache, 101us);
    times.count(ReadSource::swarm, 2s);
    times.count(ReadSource::swarm, 1h);
    const ReadTimesStatus status = times.status();
    EXPECT_EQ(status.cache.counts[0], 2U);
    EXPECT_EQ(status.cache.counts[1], 1U);
    EXPECT_NEAR(status.cache.seconds, 201e-6, 1e-9);
    EXPECT_EQ(status.swarm.counts[9], 1U);  // up to 3 s
    EXPECT_EQ(status.swarm.counts.back(), 1U);
    EXPECT_NEAR(status.swarm.seconds, 3602, 1e-6);
    std::uint64_t all = 0;
    for (const auto* histogram : {&status.cache, &status.swarm})
        for (const std::uint64_t count : histogram->counts) all += count;
    EXPECT_EQ(all, 5U);
}

}  // namespace
}  // namespace btfs
