#include "engine/portmap/mapping_schedule.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs::portmap {
namespace {

const TimePoint now = TimePoint{} + 1000h;

TEST(MappingScheduleTest, BeginsAtOnceAndRenewsAtHalfTheLease) {
    MappingSchedule schedule;
    EXPECT_LE(schedule.due(), TimePoint{} + 1h);
    schedule.handle_mapped(20min, now);
    EXPECT_EQ(schedule.due(), now + 10min);
}

TEST(MappingScheduleTest, ALongLeaseIsRenewedNowAndThenSinceRoutersRestart) {
    MappingSchedule schedule;
    schedule.handle_mapped(2h, now);
    EXPECT_EQ(schedule.due(), now + 15min);
}

TEST(MappingScheduleTest, FailuresAreTriedAgainLaterAndLater) {
    MappingSchedule schedule;
    std::vector<double> minutes;
    for (int i = 0; i < 7; ++i) {
        schedule.handle_failure(now);
        minutes.push_back(seconds(schedule.due() - now) / 60);
    }
    EXPECT_EQ(minutes, (std::vector<double>{1, 2, 4, 8, 16, 30, 30}));
}

TEST(MappingScheduleTest, ASuccessOrANewRouterForgetsFailures) {
    MappingSchedule schedule;
    schedule.handle_failure(now);
    schedule.handle_failure(now);
    schedule.handle_mapped(2h, now);
    schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + 1min);
    schedule.handle_failure(now);
    schedule.handle_new_router();
    EXPECT_LE(schedule.due(), now);
    schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + 1min);
}

TEST(MappingScheduleTest, ARefusalLastsAsLongAsTheGatewaySays) {
    MappingSchedule schedule;
    schedule.handle_failure(now, 30s);
    EXPECT_EQ(schedule.due(), now + 1min) << "no sooner than after another failure";
    schedule.handle_failure(now, 20min);
    EXPECT_EQ(schedule.due(), now + 20min);
    schedule.handle_failure(now, 24h);
    EXPECT_EQ(schedule.due(), now + 30min) << "not for ever";
}

TEST(MappingScheduleTest, MappingsThatAreLostAreMadeAgainSoon) {
    MappingSchedule schedule;
    schedule.handle_loss(now);
    EXPECT_EQ(schedule.due(), now + 10s);
}

TEST(MappingScheduleTest, AShortLeaseIsNotRenewedAllTheTime) {
    MappingSchedule schedule;
    schedule.handle_mapped(1s, now);
    EXPECT_EQ(schedule.due(), now + 10s);
}

}  // namespace
}  // namespace btfs::portmap
