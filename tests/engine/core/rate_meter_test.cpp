#include "engine/core/rate_meter.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const TimePoint kStart{1h};

TEST(RateMeter, FindsASteadyRate) {
    RateMeter meter;
    TimePoint now = kStart;
    for (int i = 0; i < 1000; ++i) meter.add(16384, now += 20ms);
    EXPECT_NEAR(meter.bytes_per_second(now), 16384 * 50, 16384 * 50 * 0.02);
}

TEST(RateMeter, ForgetsWithoutBeingTold) {
    RateMeter meter;
    EXPECT_EQ(meter.bytes_per_second(kStart), 0);
    meter.add(3'000'000, kStart);
    EXPECT_NEAR(meter.bytes_per_second(kStart), 1'000'000, 1);
    EXPECT_NEAR(meter.bytes_per_second(kStart + RateMeter::kMemory), 368'000, 1'000);
    EXPECT_LT(meter.bytes_per_second(kStart + 1min), 1);
}

}  // namespace
}  // namespace btfs
