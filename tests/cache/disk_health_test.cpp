#include "cache/disk_health.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const TimePoint kStart = TimePoint{} + 1h;

TEST(DiskHealth, OnlyTheFirstFailureIsNews) {
    DiskHealth health;
    EXPECT_TRUE(health.on_write_failed(kStart));
    EXPECT_FALSE(health.on_write_failed(kStart));
}

TEST(DiskHealth, AWriteThatFitsOntoAFullDiskIsNoRecovery) {
    DiskHealth health;
    health.on_write_failed(kStart);
    EXPECT_FALSE(health.on_write_worked(kStart + 100ms));
    EXPECT_FALSE(health.on_write_failed(kStart + 200ms));
    EXPECT_FALSE(health.on_write_worked(kStart + DiskHealth::kRetryAfter)) << "counted from the last failure";
    EXPECT_FALSE(health.admits_ahead());
}

TEST(DiskHealth, AWriteThatWorksLaterIsRecovery) {
    DiskHealth health;
    health.on_write_failed(kStart);
    EXPECT_TRUE(health.on_write_worked(kStart + DiskHealth::kRetryAfter));
    EXPECT_TRUE(health.admits_ahead());
    EXPECT_TRUE(health.on_write_failed(kStart + 10s));
}

}  // namespace
}  // namespace btfs
