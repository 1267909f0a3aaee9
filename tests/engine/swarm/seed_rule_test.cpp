#include "engine/swarm/seed_rule.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const TimePoint kOpened = TimePoint{} + 1h;

TEST(SeedRule, WithoutGoalsUploadingDoesNotEnd) {
    SeedRule rule({});
    EXPECT_FALSE(rule.has_goals());
    EXPECT_FALSE(rule.judge({.uploaded = 1 << 30, .downloaded = 1, .complete = true}, kOpened + 1000h));
    EXPECT_EQ(rule.next_timeout(), kNever);
}

TEST(SeedRule, TheRatioCountsWhatWasHereAtTheStart) {
    SeedRule rule({.ratio = 1.5});
    rule.set_had_at_start(1000);
    EXPECT_FALSE(rule.judge({.uploaded = 1499, .downloaded = 0, .complete = true}, kOpened));
    EXPECT_EQ(rule.judge({.uploaded = 1500, .downloaded = 0, .complete = true}, kOpened), SeedGoal::ratio);
}

TEST(SeedRule, NothingIsOwedWhereNothingIsHere) {
    SeedRule rule({.ratio = 1});
    EXPECT_FALSE(rule.judge({}, kOpened));
}

TEST(SeedRule, ATorrentThatDownloadsFallsBelowItsRatioAgain) {
    SeedRule rule({.ratio = 1});
    EXPECT_FALSE(rule.judge({.uploaded = 99, .downloaded = 100}, kOpened));
    EXPECT_TRUE(rule.judge({.uploaded = 100, .downloaded = 100}, kOpened));
    EXPECT_TRUE(rule.judge({.uploaded = 100, .downloaded = 110}, kOpened)) << "not back and forth";
    EXPECT_FALSE(rule.judge({.uploaded = 100, .downloaded = 112}, kOpened));
    EXPECT_FALSE(rule.judge({.uploaded = 111, .downloaded = 112}, kOpened));
    EXPECT_TRUE(rule.judge({.uploaded = 112, .downloaded = 112}, kOpened));
}

TEST(SeedRule, TheTimeBeginsWhenTheTorrentIsComplete) {
    SeedRule rule({.time = 2h});
    EXPECT_FALSE(rule.judge({.uploaded = 5, .downloaded = 5}, kOpened));
    EXPECT_EQ(rule.next_timeout(), kNever);
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened + 10h));
    EXPECT_EQ(rule.next_timeout(), kOpened + 12h);
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened + 12h - 1s));
    EXPECT_EQ(rule.judge({.complete = true}, kOpened + 12h), SeedGoal::time);
    EXPECT_EQ(rule.next_timeout(), kNever);
    EXPECT_EQ(rule.judge({.complete = true}, kOpened + 13h), SeedGoal::time);
}

TEST(SeedRule, ATorrentThatLostAPieceIsNotComplete) {
    SeedRule rule({.time = 1h});
    rule.judge({.complete = true}, kOpened);
    EXPECT_TRUE(rule.judge({.complete = true}, kOpened + 1h));
    EXPECT_FALSE(rule.judge({.complete = false}, kOpened + 2h));
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened + 3h));
    EXPECT_TRUE(rule.judge({.complete = true}, kOpened + 4h));
}

TEST(SeedRule, OtherGoalsAreJudgedByWhatWasTransferredSoFar) {
    SeedRule rule({.ratio = 1});
    EXPECT_TRUE(rule.judge({.uploaded = 100, .downloaded = 100, .complete = true}, kOpened));
    rule.set_goals({.ratio = 2});
    EXPECT_FALSE(rule.judge({.uploaded = 195, .downloaded = 100, .complete = true}, kOpened));
    EXPECT_EQ(rule.judge({.uploaded = 200, .downloaded = 100, .complete = true}, kOpened), SeedGoal::ratio);
    rule.set_goals({.time = 1h});
    EXPECT_EQ(rule.judge({.uploaded = 200, .downloaded = 100, .complete = true}, kOpened + 1h),
              SeedGoal::time);
    rule.set_goals({});
    EXPECT_FALSE(rule.judge({.uploaded = 200, .downloaded = 100, .complete = true}, kOpened + 2h));
}

TEST(SeedRule, TheFirstGoalCounts) {
    SeedRule rule({.ratio = 2, .time = 1h});
    rule.set_had_at_start(10);
    EXPECT_FALSE(rule.judge({.uploaded = 19, .complete = true}, kOpened));
    EXPECT_EQ(rule.judge({.uploaded = 20, .complete = true}, kOpened + 1min), SeedGoal::ratio);
    SeedRule other({.ratio = 2, .time = 1h});
    other.set_had_at_start(10);
    other.judge({.uploaded = 19, .complete = true}, kOpened);
    EXPECT_EQ(other.judge({.uploaded = 19, .complete = true}, kOpened + 1h), SeedGoal::time);
}

TEST(SeedRule, ASeedFromWhichNobodyTakesAnythingEnds) {
    SeedRule rule({.idle = 10min});
    EXPECT_TRUE(rule.has_goals());
    EXPECT_FALSE(rule.judge({.complete = false}, kOpened));
    EXPECT_EQ(rule.next_timeout(), kNever);
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened + 1h));
    EXPECT_EQ(rule.next_timeout(), kOpened + 1h + 10min);
    EXPECT_FALSE(rule.judge({.uploaded = 5, .complete = true}, kOpened + 1h + 9min));
    EXPECT_EQ(rule.next_timeout(), kOpened + 1h + 19min);
    EXPECT_FALSE(rule.judge({.uploaded = 5, .complete = true}, kOpened + 1h + 18min));
    EXPECT_EQ(rule.judge({.uploaded = 5, .complete = true}, kOpened + 1h + 19min), SeedGoal::idle);
    EXPECT_EQ(rule.next_timeout(), kNever);
    EXPECT_EQ(rule.judge({.uploaded = 6, .complete = true}, kOpened + 2h), SeedGoal::idle)
        << "what was on its way";
    rule.resume(kOpened + 3h);
    EXPECT_FALSE(rule.judge({.uploaded = 6, .complete = true}, kOpened + 3h));
    EXPECT_EQ(rule.judge({.uploaded = 6, .complete = true}, kOpened + 3h + 10min), SeedGoal::idle);
    rule.set_goals({.idle = 1h});
    EXPECT_FALSE(rule.judge({.uploaded = 6, .complete = true}, kOpened + 9h))
        << "it counts from when it is set";
}

TEST(SeedRule, TheTimeOfAPauseDoesNotCount) {
    SeedRule rule({.time = 1h, .idle = 50min});
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened));
    rule.pause(kOpened + 40min);
    EXPECT_EQ(rule.next_timeout(), kNever);
    rule.resume(kOpened + 10h);
    EXPECT_FALSE(rule.judge({.complete = true}, kOpened + 10h));
    EXPECT_EQ(rule.next_timeout(), kOpened + 10h + 20min);
    EXPECT_EQ(rule.judge({.complete = true}, kOpened + 10h + 20min), SeedGoal::time);
}

}  // namespace
}  // namespace btfs
