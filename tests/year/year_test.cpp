// Two weeks of uptime in virtual time, or one with sanitizers. packaging/test-long.sh runs a year.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sanitized.hpp"
#include "tests/year/cache_year.hpp"
#include "tests/year/swarm_year.hpp"

namespace btfs::year {
namespace {

constexpr int kDays = kSanitized ? 8 : 14;

/// Least number of each event in two weeks.
constexpr std::uint64_t in_two_weeks(std::uint64_t count) {
    return count * kDays / 14;
}

template <class Year>
Growth pass_time(Year& year) {
    Growth growth;
    for (int day = 0; day < kDays; ++day) {
        year.run_for(24h);
        year.note(growth);
    }
    return growth;
}

TEST(Year, WeeksOfTorrentsThatComeAndGoLeaveNothingBehindInTheEngine) {
    SwarmYear year(1);
    const Growth growth = pass_time(year);
    EXPECT_THAT(growth.complaints(), ::testing::IsEmpty()) << growth.summary();
    // Something of everything has happened.
    const Counts& counts = year.counts();
    EXPECT_GT(counts.torrents, in_two_weeks(300));
    EXPECT_GT(counts.torrents_again, in_two_weeks(50));
    EXPECT_GT(counts.reads, in_two_weeks(1000));
    EXPECT_LT(counts.reads_given_up, counts.reads / 10);
    EXPECT_GT(counts.connections, in_two_weeks(3000));
    EXPECT_GT(counts.mismatches, in_two_weeks(20));
    EXPECT_GT(counts.evictions, in_two_weeks(100));
    EXPECT_GT(counts.uploads, in_two_weeks(1000));
    EXPECT_GT(counts.metadata, in_two_weeks(30));
    EXPECT_GT(counts.announces, in_two_weeks(10'000));
    EXPECT_GT(counts.announces_failed, in_two_weeks(1000));
    EXPECT_GT(counts.searches, in_two_weeks(3000));
    EXPECT_GT(counts.strangers, in_two_weeks(10'000));
    EXPECT_GT(counts.peers_stored, in_two_weeks(3000));
    EXPECT_GT(counts.local_announcements, in_two_weeks(3000));
    EXPECT_GT(counts.network_changes, 0u);
}

TEST(Year, WeeksOfTorrentsThatComeAndGoLeaveNothingBehindInTheCache) {
    CacheYear year(1);
    const Growth growth = pass_time(year);
    EXPECT_THAT(growth.complaints(), ::testing::IsEmpty()) << growth.summary();
    EXPECT_THAT(year.violations(), ::testing::IsEmpty());
    SCOPED_TRACE(year.happened());
    EXPECT_GT(year.counts().opened, in_two_weeks(300));
    EXPECT_GT(year.counts().opened_again, in_two_weeks(50));
    EXPECT_GT(year.counts().found, in_two_weeks(50));
    EXPECT_GT(year.counts().fetched, in_two_weeks(1000));
    EXPECT_GT(year.counts().spoilt, in_two_weeks(20));
    EXPECT_GT(year.counts().evicted, in_two_weeks(50));
    EXPECT_GT(year.counts().uploads, in_two_weeks(100));
    EXPECT_GT(year.counts().restarts, 0u);
}

}  // namespace
}  // namespace btfs::year
