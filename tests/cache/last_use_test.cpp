#include "cache/records/last_use.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;

TEST(LastUseTest, IsSavedAtTheFirstUseAndThenEveryFewMinutes) {
    LastUse use(kNow - 1000);
    EXPECT_EQ(use.seconds(), kNow - 1000);
    EXPECT_TRUE(use.note(kNow));
    EXPECT_FALSE(use.note(kNow + 1));
    EXPECT_FALSE(use.note(kNow + LastUse::kSaveEvery_s - 1));
    EXPECT_EQ(use.seconds(), kNow + LastUse::kSaveEvery_s - 1) << "what was not saved is known all the same";
    EXPECT_TRUE(use.note(kNow + LastUse::kSaveEvery_s));
}

TEST(LastUseTest, WhatIsFreshOnFileIsNotSavedAgain) {
    LastUse use(kNow);
    EXPECT_FALSE(use.note(kNow + 5));
}

TEST(LastUseTest, AClockThatWasAheadIsCorrected) {
    LastUse use(kNow + 1'000'000);
    EXPECT_TRUE(use.note(kNow));
    EXPECT_EQ(use.seconds(), kNow);
    EXPECT_FALSE(use.note(kNow + 1));
}

}  // namespace
}  // namespace btfs
