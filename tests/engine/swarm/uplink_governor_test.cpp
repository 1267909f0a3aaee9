#include "engine/swarm/uplink_governor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs {
namespace {

using std::chrono::milliseconds;

constexpr Duration kShortest = milliseconds(30);
constexpr Duration kStep = milliseconds(50);

/// A line with a queue in front of its uplink, and perhaps others elsewhere.
struct Line {
    /// We send what the limit allows, and `wanted` at most; others send as well.
    void run(Duration time, double wanted, double others = 0) {
        for (const TimePoint end = now + time; now < end; now += kStep) {
            const double step = seconds(kStep);
            const double sent = std::min(governor.limit(), wanted);
            const double leaves = std::min(sent, rate);
            queue = std::clamp(queue + (sent + others - rate) * step, 0.0, rate * 0.3);
            governor.on_sent(static_cast<std::uint64_t>(leaves * step));
            governor.on_round_trip(kShortest + waits(), kShortest);
            governor.look(now);
            sent_in_all += leaves * step;
            longest = std::max(longest, waits());
        }
    }
    Duration waits() const { return from_seconds(queue / rate) + elsewhere; }
    void forget() {
        sent_in_all = 0;
        longest = {};
    }

    UplinkGovernor governor;
    double rate = 625e3;   // bytes per second, as all below
    Duration elsewhere{};  // how long packets and acknowledgements wait in other queues
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    double queue = 0;  // bytes
    double sent_in_all = 0;
    Duration longest{};
};

TEST(UplinkGovernor, FillsTheLineAndKeepsItsQueueShort) {
    for (const double rate : {60e3, 625e3, 12.5e6}) {
        Line line;
        line.rate = rate;
        line.run(10s, 1e9);
        line.forget();
        line.run(60s, 1e9);
        EXPECT_GE(line.sent_in_all, 0.9 * rate * 60) << rate;
        EXPECT_LE(line.longest, milliseconds(120)) << rate;
    }
}

TEST(UplinkGovernor, MakesWayForOtherTrafficAndTakesTheLineBack) {
    Line line;
    line.run(10s, 1e9);
    line.run(10s, 1e9, 300e3);
    EXPECT_LE(line.governor.limit(), 450e3);
    EXPECT_LE(line.waits(), milliseconds(120));
    line.run(120s, 1e9, 500e3);
    EXPECT_LE(line.governor.limit(), 200e3) << "what it keeps fades";
    line.run(30s, 1e9);
    EXPECT_GE(line.governor.limit(), 500e3);
}

TEST(UplinkGovernor, LimitsNothingWhereNothingWaits) {
    Line line;
    line.run(10s, 100e3);
    EXPECT_EQ(line.governor.limit(), UplinkGovernor::kUnlimited);
}

TEST(UplinkGovernor, APeerFarAwayWithAQueueOfItsOwnDoesNotCount) {
    UplinkGovernor governor;
    for (TimePoint now = TimePoint{} + 1h; now < TimePoint{} + 1h + 10s; now += kStep) {
        governor.on_round_trip(kShortest + 2s, kShortest);
        governor.on_round_trip(kShortest + milliseconds(1), kShortest);
        governor.on_sent(50'000);
        governor.look(now);
    }
    EXPECT_EQ(governor.limit(), UplinkGovernor::kUnlimited);
}

TEST(UplinkGovernor, GoesOnUploadingWherePacketsWaitElsewhere) {
    Line line;
    for (const Duration elsewhere : {100ms, 300ms, 0ms, 80ms}) {
        line.elsewhere = elsewhere;
        line.run(20s, 1e9);
        line.forget();
        line.run(60s, 1e9);
        EXPECT_GE(line.sent_in_all, 0.85 * line.rate * 60) << seconds(elsewhere);
        EXPECT_LE(line.longest - elsewhere, milliseconds(150)) << seconds(elsewhere);
    }
}

TEST(UplinkGovernor, PeersWhoseUplinksAreFullDoNotSlowUploads) {
    Line line;
    for (int i = 0; i < 60; ++i) {
        line.elsewhere = milliseconds(60 + 20 * (i % 5));
        line.run(1s, 200e3);
    }
    EXPECT_GE(line.sent_in_all, 0.85 * 200e3 * 60);
}

TEST(UplinkGovernor, NeverStopsUploadsWhole) {
    Line line;
    line.rate = 5e3;
    for (int i = 0; i < 600; ++i) {
        line.run(100ms, 1e9);
        EXPECT_GE(line.governor.limit(), UplinkGovernor::kLeast);
    }
}

}  // namespace
}  // namespace btfs
