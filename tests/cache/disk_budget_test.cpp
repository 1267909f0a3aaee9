#include "cache/bound/disk_budget.hpp"

#include <gtest/gtest.h>

namespace btfs::test {
namespace {

constexpr auto kForEviction = DiskBudget::Waits::for_eviction;
constexpr auto kUrgently = DiskBudget::Waits::urgently;
constexpr auto kForRoom = DiskBudget::Waits::for_room;

TEST(DiskBudget, TakesNoMoreThanTheLimit) {
    DiskBudget budget(10);
    EXPECT_TRUE(budget.take(6));
    EXPECT_FALSE(budget.take(5));
    EXPECT_TRUE(budget.take(4));
    EXPECT_EQ(budget.free(), 0u);
    budget.give_back(6);
    EXPECT_TRUE(budget.take(5));
}

TEST(DiskBudget, CountsWhatIsThereThoughItDoesNotFit) {
    DiskBudget budget(10);
    budget.recount(0, 25);
    EXPECT_EQ(budget.used(), 25u);
    EXPECT_EQ(budget.free(), 0u);
    EXPECT_FALSE(budget.take(1));
}

TEST(DiskBudget, CallsWhoeverWaitsOnceThereIsRoomForIt) {
    DiskBudget budget(10);
    ASSERT_TRUE(budget.take(10));
    int small = 0, large = 0;
    budget.when_free(2, kForRoom, &small, [&] { ++small; });
    budget.when_free(5, kForRoom, &large, [&] { ++large; });
    budget.give_back(2);
    EXPECT_EQ(small, 1);
    EXPECT_EQ(large, 0);
    budget.give_back(3);
    EXPECT_EQ(small, 1);
    EXPECT_EQ(large, 1);
    budget.when_free(5, kForRoom, &large, [&] { ++large; });  // there is room already
    EXPECT_EQ(large, 2);
}

TEST(DiskBudget, AHigherLimitIsRoom) {
    DiskBudget budget(10);
    ASSERT_TRUE(budget.take(10));
    int called = 0;
    budget.when_free(5, kForEviction, &called, [&] { ++called; });
    budget.set_limit(14);
    EXPECT_EQ(called, 0);
    budget.set_limit(15);
    EXPECT_EQ(called, 1);
}

TEST(DiskBudget, ForgetsTheTasksOfAnOwner) {
    DiskBudget budget(10);
    ASSERT_TRUE(budget.take(10));
    int kept = 0, forgotten = 0;
    budget.when_free(1, kForEviction, &kept, [&] { ++kept; });
    budget.when_free(1, kForEviction, &forgotten, [&] { ++forgotten; });
    budget.forget(&forgotten);
    budget.give_back(10);
    EXPECT_EQ(kept, 1);
    EXPECT_EQ(forgotten, 0);
}

TEST(DiskBudget, TellsOfShortageAndOfThoseWhoWaitForEviction) {
    DiskBudget budget(10);
    int told = 0;
    budget.on_shortage([] { return 3; }, [&] { ++told; });
    ASSERT_TRUE(budget.take(7));
    EXPECT_EQ(told, 0) << "the reserve is free";
    ASSERT_TRUE(budget.take(1));
    EXPECT_EQ(told, 1);
    budget.when_free(5, kForRoom, &told, [] {});
    EXPECT_EQ(told, 1) << "nothing is evicted for those who only wait for room";
    EXPECT_EQ(budget.waited_for(), 0u);
    budget.when_free(4, kForEviction, &told, [] {});
    EXPECT_EQ(told, 2);
    EXPECT_EQ(budget.waited_for(), 4u);
    EXPECT_EQ(budget.urgently_waited_for(), 0u);
    budget.when_free(3, kUrgently, &told, [] {});
    EXPECT_EQ(told, 3);
    EXPECT_EQ(budget.waited_for(), 4u);
    EXPECT_EQ(budget.urgently_waited_for(), 3u);
    budget.set_limit(9);
    EXPECT_EQ(told, 4);
}

TEST(DiskBudget, RoundsUpToTheBlocksOfADisk) {
    EXPECT_EQ(DiskBudget::on_disk(0), 0u);
    EXPECT_EQ(DiskBudget::on_disk(1), 4096u);
    EXPECT_EQ(DiskBudget::on_disk(4096), 4096u);
    EXPECT_EQ(DiskBudget::on_disk(4097), 8192u);
}

}  // namespace
}  // namespace btfs::test
