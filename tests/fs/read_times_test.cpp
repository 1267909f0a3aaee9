#include "fs/read_times.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(ReadTimes, EachReadIsInOneBucket) {
    ReadTimes times;
    times.count(ReadSource::cache, 0s, 10);
    times.count(ReadSource::cache, 100us, 20);  // bounds belong to what is below them
    times.count(ReadSource::cache, 101us, 30);
    times.count(ReadSource::swarm, 2s, 7);
    times.count(ReadSource::swarm, 1h, 8);
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
    EXPECT_EQ(status.cache.bytes, 60U);
    EXPECT_EQ(status.swarm.bytes, 15U);
}

TEST(ReadTimes, AStallIsAWaitOfASecond) {
    ReadTimes times;
    for (const Duration took : {Duration(999ms), Duration(1s), Duration(1h)}) times.count_wait(took);
    EXPECT_EQ(times.status().stalls, 2U);
}

TEST(ReadTimes, BytesOfASentFileAreOfTheCache) {
    ReadTimes times;
    times.count_sent_file(5);
    EXPECT_EQ(times.status().cache.bytes, 5U);
    EXPECT_EQ(times.status().cache.counts, decltype(ReadTimesStatus::Histogram::counts){});
}

}  // namespace
}  // namespace btfs
