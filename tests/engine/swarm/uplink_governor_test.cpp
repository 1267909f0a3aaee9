#include "engine/swarm/uplink_governor.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs {
namespace {

using std::chrono::milliseconds;

constexpr Duration kShortest = milliseconds(30);
constexpr Duration kStep = milliseconds(50);

/// A line with a queue in front of its uplink, and perhaps another in front of its downlink.
struct Line {
    /// We send what the limit allows, and `wanted` at most; others send as well.
    void run(Duration time, double wanted, double others = 0) {
        for (const TimePoint end = now + time; now < end; now += kStep) {
            const double step = seconds(kStep);
            const double sent = std::min(governor.limit(), wanted);
            const double leaves = std::min(sent, rate);
            queue = std::clamp(queue + (sent + others - rate) * step, 0.0, rate * 0.3);
            governor.on_sent(static_cast<std::uint64_t>(leaves * step));
            governor.on_received(static_cast<std::uint64_t>(download * step));
            governor.on_round_trip(kShortest + waits(), kShortest);
            governor.look(now);
            sent_in_all += leaves * step;
            longest = std::max(longest, waits());
        }
    }
    Duration waits() const { return from_seconds(queue / rate) + behind_downloads; }
    void forget() {
        sent_in_all = 0;
        longest = {};
    }

    UplinkGovernor governor;
    double rate = 625e3;  // bytes per second, as all below
    double download = 0;
    Duration behind_downloads{};  // how long acknowledgements wait in front of our downlink
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
    line.run(10s, 1e9, 400e3);
    EXPECT_LE(line.governor.limit(), 300e3);
    EXPECT_LE(line.waits(), milliseconds(120));
    line.run(10s, 1e9);
    EXPECT_GE(line.governor.limit(), 550e3);
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

TEST(UplinkGovernor, GoesOnUploadingWhereOurDownloadsFillTheDownlink) {
    Line line;
    line.run(5s, 1e9);
    line.download = 2.5e6;
    line.behind_downloads = milliseconds(100);
    line.run(30s, 1e9);
    line.forget();
    line.run(300s, 1e9);
    EXPECT_GE(line.sent_in_all, 0.95 * UplinkGovernor::kShare * line.rate * 300);
    // Without downloads, it is other traffic that makes packets wait.
    line.download = 0;
    line.run(20s, 1e9);
    EXPECT_EQ(line.governor.limit(), UplinkGovernor::kLeast);
}

TEST(UplinkGovernor, NeverStopsUploadsWhole) {
    Line line;
    line.behind_downloads = 1s;
    line.run(60s, 1e9);
    EXPECT_EQ(line.governor.limit(), UplinkGovernor::kLeast);
}

}  // namespace
}  // namespace btfs
