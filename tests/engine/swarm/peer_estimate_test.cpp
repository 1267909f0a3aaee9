#include "engine/swarm/peer_estimate.hpp"

#include <gtest/gtest.h>

#include "engine/core/types.hpp"

namespace btfs {
namespace {

constexpr double kRate = 2.5e6;
constexpr Duration kRoundTrip = 60ms;

/// Returns the estimate of a peer with a steady rate and a queue that is never empty.
PeerEstimate streaming(TimePoint& now, Duration time) {
    PeerEstimate e(now);
    e.on_round_trip(kRoundTrip, now);
    e.on_asked(0, now);
    now += kRoundTrip;
    for (const TimePoint end = now + time; now < end; now += from_seconds(kBlockSize / kRate))
        e.on_received(kBlockSize, 10 * kBlockSize, now);
    return e;
}

struct PeerEstimateTest : ::testing::Test {
    TimePoint now = TimePoint{} + 1h;
};

TEST_F(PeerEstimateTest, AColdPeerTakesARoundTripForEachDoublingOfItsWindow) {
    PeerEstimate e(now);
    e.on_round_trip(kRoundTrip, now);
    // A window takes a round trip, and its bytes up to half of one to arrive.
    EXPECT_GE(e.delivery_time(10'000, now), kRoundTrip);
    EXPECT_LE(e.delivery_time(10'000, now), 3 * kRoundTrip / 2);
    EXPECT_GE(e.delivery_time(128 * 1024, now), 4 * kRoundTrip);
    EXPECT_LE(e.delivery_time(128 * 1024, now), 9 * kRoundTrip / 2);
}

TEST_F(PeerEstimateTest, LearnsTheRate) {
    const PeerEstimate e = streaming(now, 2s);
    EXPECT_NEAR(*e.rate(), kRate, 0.2 * kRate);
}

TEST_F(PeerEstimateTest, AWarmPeerDeliversByItsRate) {
    const PeerEstimate e = streaming(now, 2s);
    EXPECT_NEAR(seconds(e.delivery_time(250'000, now)), 0.060 + 0.1, 0.03);
}

TEST_F(PeerEstimateTest, OfWhatSomebodyWaitsForItGetsAWindowAndOneBlock) {
    const PeerEstimate e = streaming(now, 2s);
    const double under_way = kRate * seconds(kRoundTrip);
    EXPECT_GE(e.burst_in_flight(now), static_cast<std::uint64_t>(under_way) + kBlockSize);
    EXPECT_LE(e.burst_in_flight(now), static_cast<std::uint64_t>(2.5 * under_way) + kBlockSize);
}

TEST_F(PeerEstimateTest, ANewPeerGetsTwoWindowsOfWhatSomebodyWaitsFor) {
    PeerEstimate e(now);
    e.on_round_trip(kRoundTrip, now);
    EXPECT_GE(e.burst_in_flight(now), 2 * 14'500u);
    EXPECT_LE(e.burst_in_flight(now), 8 * kBlockSize);
}

TEST_F(PeerEstimateTest, ASenderThatPulsesGetsALongerQueue) {
    PeerEstimate e(now);
    e.on_round_trip(1ms, now);
    const auto pulse = [&] {  // all of eight blocks, half a second after they were asked for
        e.on_asked(0, now);
        now += 500ms;
        for (std::uint64_t left = 8; left-- > 0; now += 1ms)
            e.on_received(kBlockSize, left * kBlockSize, now);
    };
    pulse();
    const std::uint64_t before = e.target_in_flight();
    pulse();
    pulse();
    EXPECT_GE(e.target_in_flight(), 4 * before);
}

TEST_F(PeerEstimateTest, TheQueueOfASenderThatPulsesIsLimited) {
    PeerEstimate e(now);
    e.on_round_trip(1ms, now);
    for (int i = 0; i < 20; ++i) {
        e.on_asked(0, now);
        now += 500ms;
        for (std::uint64_t left = 8; left-- > 0; now += 1ms)
            e.on_received(kBlockSize, left * kBlockSize, now);
    }
    EXPECT_EQ(e.target_in_flight(), 8 * 8 * kBlockSize) << "its rate is not known";
    e.on_asked(0, now);
    for (int i = 0; i < 30; ++i) e.on_received(kBlockSize, 8 * kBlockSize, now += 1ms);
    ASSERT_TRUE(e.rate());
    const double product = *e.rate() * 0.021;  // the round trip, and the least slack
    EXPECT_GT(static_cast<double>(e.burst_in_flight(now)), 32 * product);
    EXPECT_LT(static_cast<double>(e.burst_in_flight(now)), 65 * product);
    EXPECT_NEAR(static_cast<double>(e.target_in_flight()), *e.rate() * 1.0 + 2 * kBlockSize, 1)
        << "what it sends in a second";
}

TEST_F(PeerEstimateTest, OneFastBurstDoesNotMakeAFastPeer) {
    PeerEstimate e = streaming(now, 2s);
    for (int i = 0; i < 60; ++i) e.on_received(kBlockSize, 10 * kBlockSize, now += 1ms);  // 16 MB/s
    EXPECT_LT(*e.rate(), 4 * kRate);
}

TEST_F(PeerEstimateTest, WhoIsSilentIsTakenToStaySilent) {
    const PeerEstimate e = streaming(now, 2s);
    const Duration flowing = e.remaining_time(kBlockSize, now, now + 10ms);
    EXPECT_LT(flowing, 20ms);
    EXPECT_GE(e.remaining_time(kBlockSize, now, now + 700ms), 700ms);
}

TEST_F(PeerEstimateTest, IdlingMakesAPeerColdAgain) {
    const PeerEstimate e = streaming(now, 2s);
    EXPECT_GT(e.delivery_time(128 * 1024, now + 10s), e.delivery_time(128 * 1024, now));
}

TEST_F(PeerEstimateTest, KeepsAboutABandwidthDelayProductInFlight) {
    const PeerEstimate e = streaming(now, 10s);
    const double product = kRate * 0.060;
    EXPECT_GT(static_cast<double>(e.target_in_flight()), product);
    EXPECT_LT(static_cast<double>(e.target_in_flight()), 3 * product);
}

TEST_F(PeerEstimateTest, TheShortestRoundTripOfLateCounts) {
    PeerEstimate e(now);
    e.on_round_trip(80ms, now);
    e.on_round_trip(50ms, now);
    e.on_round_trip(70ms, now);
    EXPECT_EQ(e.round_trip(), 50ms);
    e.on_round_trip(70ms, now + 2min);
    EXPECT_EQ(e.round_trip(), 70ms);
}

}  // namespace
}  // namespace btfs
