#include "engine/dht/search_schedule.hpp"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace btfs::dht {
namespace {

class SearchScheduleTest : public testing::Test {
  protected:
    /// Begins all searches that may begin now.
    std::vector<NodeId> begin_all() {
        std::vector<NodeId> begun;
        while (auto next = schedule.poll_search(now)) begun.push_back(*next);
        return begun;
    }

    Rng rng{1};
    TimePoint now{1h};
    SearchSchedule schedule;
};

TEST_F(SearchScheduleTest, OfAThousandAFewAreSearchedForAtATime) {
    for (int i = 0; i < 1000; ++i) schedule.add(random_id(rng), now);
    std::vector<NodeId> begun = begin_all();
    EXPECT_EQ(begun.size(), SearchSchedule::kLeastAtOnce);
    EXPECT_EQ(schedule.next_timeout(), now + SearchSchedule::kPace);
    for (int i = 0; i < 20; ++i, now += SearchSchedule::kPace)
        for (const NodeId& id : begin_all()) begun.push_back(id);
    EXPECT_EQ(begun.size(), SearchSchedule::kLeastAtOnce + 1000 / SearchSchedule::kTorrentsForOneMore);
    EXPECT_EQ(schedule.next_timeout(), kNever);
    for (const NodeId& id : begun) schedule.handle_end(id, false, now);
    std::size_t more = 0;
    for (const TimePoint end = now + 10s; now < end; now += 50ms)
        for (const NodeId& id : begin_all()) {
            schedule.handle_end(id, true, now);
            ++more;
        }
    EXPECT_GE(more, 35u);
    EXPECT_LE(more, 45u);
}

TEST_F(SearchScheduleTest, TenThousandHaveTheirTurnBeforeOthersForget) {
    constexpr Duration kSearch = 2500ms, kLife = 30min;
    std::map<NodeId, TimePoint> told;
    for (int i = 0; i < 10'000; ++i) schedule.add(random_id(rng), now);
    std::multimap<TimePoint, NodeId> ends;
    Duration longest{};
    const TimePoint begin = now, all_told = begin + 25min;
    for (; now < begin + 2h; now += 20ms) {
        for (const NodeId& id : begin_all()) ends.emplace(now + kSearch, id);
        for (; !ends.empty() && ends.begin()->first <= now; ends.erase(ends.begin())) {
            const NodeId& id = ends.begin()->second;
            const auto [last, first] = told.try_emplace(id, now);
            if (!first) longest = std::max(longest, now - std::exchange(last->second, now));
            schedule.handle_end(id, id.bytes[0] < std::byte{128}, now);  // half of them have no peers
        }
        if (now == all_told) {
            EXPECT_EQ(told.size(), 10'000u);
        }
    }
    EXPECT_LT(longest, kLife);
}

TEST_F(SearchScheduleTest, ATorrentWhoseReaderWaitsDoesNotWaitForOthers) {
    for (int i = 0; i < 1000; ++i) schedule.add(random_id(rng), now);
    for (int i = 0; i < 100; ++i, now += SearchSchedule::kPace) begin_all();
    ASSERT_EQ(schedule.next_timeout(), kNever);
    const NodeId wanted = random_id(rng);
    schedule.add(wanted, now);
    schedule.want_peers(wanted, now);
    EXPECT_EQ(schedule.next_timeout(), now);
    EXPECT_EQ(begin_all(), std::vector{wanted});
}

TEST_F(SearchScheduleTest, IsRepeatedBeforeOthersForget) {
    const NodeId id = random_id(rng);
    schedule.add(id, now);
    ASSERT_EQ(begin_all().size(), 1u);
    schedule.handle_end(id, true, now);
    EXPECT_EQ(schedule.next_timeout(), now + SearchSchedule::kInterval);
    EXPECT_TRUE(begin_all().empty());
}

TEST_F(SearchScheduleTest, WhereNobodyWasFoundItIsRepeatedSoonerAndThenLater) {
    const NodeId id = random_id(rng);
    schedule.add(id, now);
    Duration longest{};
    for (int i = 0; i < 12; ++i) {
        ASSERT_EQ(begin_all().size(), 1u);
        schedule.handle_end(id, false, now);
        EXPECT_GE(schedule.next_timeout() - now, longest);
        longest = schedule.next_timeout() - now;
        EXPECT_GE(longest, SearchSchedule::kFirstRetry);
        now = schedule.next_timeout();
    }
    EXPECT_EQ(longest, SearchSchedule::kInterval);
}

TEST_F(SearchScheduleTest, WhatHasChangedIsToldAtOnce) {
    const NodeId id = random_id(rng);
    schedule.repeat(id, now);
    EXPECT_TRUE(begin_all().empty()) << "nobody asked for it";
    schedule.add(id, now);
    ASSERT_EQ(begin_all().size(), 1u);
    schedule.handle_end(id, true, now);
    schedule.repeat(id, now);
    EXPECT_EQ(begin_all(), std::vector{id});

    schedule.repeat(id, now);
    EXPECT_TRUE(begin_all().empty()) << "it is under way, and told the old";
    schedule.handle_end(id, true, now);
    EXPECT_EQ(begin_all(), std::vector{id});
    schedule.handle_end(id, true, now);
    EXPECT_TRUE(begin_all().empty());
}

TEST_F(SearchScheduleTest, InAnotherNetworkAllAreSearchedForAgain) {
    for (int i = 0; i < 3; ++i) schedule.add(random_id(rng), now);
    for (const NodeId& id : begin_all()) schedule.handle_end(id, true, now);
    now += 1min;
    EXPECT_TRUE(begin_all().empty());
    schedule.repeat_all(now);
    EXPECT_EQ(begin_all().size(), 3u);
}

TEST_F(SearchScheduleTest, AReaderWithoutPeersGoesFirst) {
    for (int i = 0; i < 100; ++i) schedule.add(random_id(rng), now);
    const NodeId wanted = random_id(rng);
    schedule.add(wanted, now);
    schedule.want_peers(wanted, now);
    EXPECT_EQ(begin_all().front(), wanted);
    schedule.handle_end(wanted, false, now);
    schedule.want_peers(wanted, now);
    schedule.want_peers(wanted, now);
    now += SearchSchedule::kWantedInterval - 1ms;
    const auto other = schedule.poll_search(now);
    ASSERT_TRUE(other);
    EXPECT_NE(*other, wanted);
    schedule.handle_end(*other, true, now);
    now += 1ms;
    EXPECT_EQ(schedule.poll_search(now), wanted);
    schedule.want_peers(random_id(rng), now);  // the torrent is not in the schedule
}

}  // namespace
}  // namespace btfs::dht
