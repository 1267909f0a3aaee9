#include "engine/swarm/uplink_governor.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

using std::chrono::milliseconds;

constexpr Duration kShortest = milliseconds(30);

/// A line with a queue in front of it. Others may use a part of it.
struct Line {
    /// One period in which as much is sent as the limit and `wanted` allow.
    void run(UplinkGovernor& governor, double wanted, double others = 0) {
        const double sent = std::min(governor.limit(), wanted);
        const double period = seconds(UplinkGovernor::kPeriod);
        queue = std::clamp(queue + (sent + others - rate) * period, 0.0, rate * 1.0);
        const double leaves = std::min(sent, rate);
        governor.on_round_trip(kShortest + from_seconds(queue / rate), kShortest);
        governor.end_period(leaves);
        sent_in_all += leaves * period;
    }

    double rate = 625e3;
    double queue = 0;  // bytes
    double sent_in_all = 0;
};

TEST(UplinkGovernor, FillsTheLineAndKeepsItsQueueShort) {
    for (const double rate : {60e3, 625e3, 12.5e6}) {
        UplinkGovernor governor;
        Line line{.rate = rate};
        for (int i = 0; i < 50; ++i) line.run(governor, 1e9);
        line.sent_in_all = 0;
        double longest = 0;
        for (int i = 0; i < 300; ++i) {
            line.run(governor, 1e9);
            longest = std::max(longest, line.queue / rate);
        }
        EXPECT_GE(line.sent_in_all, 0.9 * rate * 60) << rate;
        EXPECT_LE(longest, 0.12) << rate;
    }
}

TEST(UplinkGovernor, MakesWayForOtherTrafficAndTakesTheLineBack) {
    UplinkGovernor governor;
    Line line;
    for (int i = 0; i < 50; ++i) line.run(governor, 1e9);
    for (int i = 0; i < 50; ++i) line.run(governor, 1e9, 400e3);
    EXPECT_LE(governor.limit(), 300e3);
    EXPECT_LE(line.queue / line.rate, 0.12);
    for (int i = 0; i < 50; ++i) line.run(governor, 1e9);
    EXPECT_GE(governor.limit(), 550e3);
}

TEST(UplinkGovernor, LimitsNothingWhereNothingWaits) {
    UplinkGovernor governor;
    Line line;
    for (int i = 0; i < 50; ++i) line.run(governor, 100e3);
    EXPECT_EQ(governor.limit(), UplinkGovernor::kUnlimited);
}

TEST(UplinkGovernor, APeerFarAwayWithAQueueOfItsOwnDoesNotCount) {
    UplinkGovernor governor;
    for (int i = 0; i < 50; ++i) {
        governor.on_round_trip(kShortest + 2s, kShortest);
        governor.on_round_trip(kShortest + milliseconds(1), kShortest);
        governor.end_period(1e6);
    }
    EXPECT_EQ(governor.limit(), UplinkGovernor::kUnlimited);
}

TEST(UplinkGovernor, NeverStopsUploadsWhole) {
    UplinkGovernor governor;
    for (int i = 0; i < 500; ++i) {
        governor.on_round_trip(kShortest + 1s, kShortest);
        governor.end_period(1e3);
    }
    EXPECT_EQ(governor.limit(), UplinkGovernor::kLeast);
}

}  // namespace
}  // namespace btfs
