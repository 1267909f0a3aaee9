#include "engine/swarm/upload_slots.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace btfs {
namespace {

constexpr Duration kWindow = UploadSlots::kWindow;

/// Sends at a rate for some windows. Returns the time at their end.
TimePoint send(UploadSlots& slots, double rate, int windows, TimePoint now) {
    for (int i = 0; i < windows; ++i) {
        slots.measure(now);
        slots.on_sent(static_cast<std::uint64_t>(rate * seconds(kWindow)), now + kWindow / 2);
        now += kWindow;
        slots.measure(now);
    }
    return now;
}

TEST(UploadSlots, AreAsManyAsTheMeasuredUplinkFeeds) {
    UploadSlots slots;
    EXPECT_EQ(slots.total(), UploadSlots::kAtFirst);
    TimePoint now = send(slots, 10e3, 2, TimePoint{} + 1h);
    EXPECT_EQ(slots.total(), UploadSlots::kLeast);
    now = send(slots, 12.5e6, 1, now);
    EXPECT_EQ(slots.total(), 19u) << "100 Mbit/s";
    now = send(slots, 12.5e9, 1, now);
    EXPECT_EQ(slots.total(), UploadSlots::kMost);
    now = send(slots, 0, 1, now);
    EXPECT_EQ(slots.total(), UploadSlots::kMost) << "a pause says nothing of the uplink";
}

TEST(UploadSlots, MoreAreTriedWhilePeersWaitAndKeptIfMoreLeaves) {
    UploadSlots slots;
    UploadSlots::Share share(slots);
    share.want(50, false);
    // Each peer takes 1 KB/s, so that the rule alone would have the least.
    TimePoint now = TimePoint{} + 1h;
    std::size_t most = 0;
    for (int i = 0; i < 60; ++i) {
        now = send(slots, 1e3 * static_cast<double>(slots.total()), 1, now);
        most = std::max(most, slots.total());
    }
    EXPECT_GE(most, 20u);
    // An uplink that is full: one is tried at times, and given back.
    UploadSlots full;
    UploadSlots::Share other(full);
    other.want(50, false);
    now = TimePoint{} + 1h;
    for (int i = 0; i < 60; ++i) {
        now = send(full, 20e3, 1, now);
        if (i > 0) {
            EXPECT_LE(full.total(), UploadSlots::kLeast + 1);
        }
    }
}

TEST(UploadSlots, AreMoreWhileATorrentTrades) {
    UploadSlots slots;
    UploadSlots::Share share(slots);
    share.want(50, true);
    send(slots, 10e3, 2, TimePoint{} + 1h);
    share.set_trades(true);
    EXPECT_EQ(share.allowed(), UploadSlots::kToTrade);
    share.set_trades(false);
    EXPECT_LE(share.allowed(), UploadSlots::kLeast + 1);
    UploadSlots fixed(2);
    UploadSlots::Share bound(fixed);
    bound.want(50, true);
    bound.set_trades(true);
    EXPECT_EQ(bound.allowed(), 2u);
}

TEST(UploadSlots, AreSharedEvenly) {
    UploadSlots slots(10);
    UploadSlots::Share few(slots), many(slots), more(slots);
    few.want(2, false);
    many.want(40, false);
    more.want(40, false);
    EXPECT_EQ(few.allowed(), 2u);
    EXPECT_EQ(many.allowed(), 4u);
    EXPECT_EQ(more.allowed(), 4u);
    more.want(0, false);
    EXPECT_EQ(more.allowed(), 0u);
    EXPECT_EQ(many.allowed(), 8u);
}

TEST(UploadSlots, GoToReadersTorrentsFirstAndLeaveTheOthersAShare) {
    UploadSlots slots(8);
    UploadSlots::Share reads(slots), seeds(slots);
    reads.want(20, true);
    EXPECT_EQ(reads.allowed(), 8u);
    seeds.want(20, false);
    EXPECT_EQ(reads.allowed(), 6u);
    EXPECT_EQ(seeds.allowed(), 2u);
    reads.want(1, true);
    EXPECT_EQ(seeds.allowed(), 7u);
}

TEST(UploadSlots, GoRoundWhereThereAreFewerThanTorrents) {
    UploadSlots slots(4);
    std::vector<std::unique_ptr<UploadSlots::Share>> shares;
    for (int i = 0; i < 10; ++i) {
        shares.push_back(std::make_unique<UploadSlots::Share>(slots));
        shares.back()->want(3, false);
    }
    std::vector<std::size_t> had(10);
    TimePoint now = TimePoint{} + 1h;
    for (int window = 0; window < 10; ++window) {
        now += kWindow;
        slots.measure(now);
        std::size_t sum = 0;
        for (std::size_t i = 0; i < shares.size(); ++i) {
            had[i] += shares[i]->allowed();
            sum += shares[i]->allowed();
        }
        EXPECT_EQ(sum, 4u);
    }
    for (std::size_t i = 0; i < shares.size(); ++i) EXPECT_EQ(had[i], 4u) << i;
}

TEST(UploadSlots, MayBeNone) {
    UploadSlots slots(0);
    UploadSlots::Share share(slots);
    share.want(5, true);
    send(slots, 1e6, 3, TimePoint{} + 1h);
    EXPECT_EQ(share.allowed(), 0u);
}

}  // namespace
}  // namespace btfs
