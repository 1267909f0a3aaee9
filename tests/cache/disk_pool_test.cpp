#include "cache/disk/disk_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

namespace btfs {
namespace {

TEST(DiskPoolTest, FinishesWhatWasSubmittedBeforeItEnds) {
    std::atomic<int> done = 0;
    {
        DiskPool pool(2);
        for (int i = 0; i < 1000; ++i) {
            pool.submit_always(DiskWork::write, [&] {
                ++done;
                pool.submit_always(DiskWork::verify, [&] { ++done; });
            });
        }
    }
    EXPECT_EQ(done, 2000);
}

TEST(DiskPoolTest, ReadsGoBeforeOtherWork) {
    std::promise<void> open;
    std::shared_future<void> gate(open.get_future());
    std::string order;  // the order in which the only thread works
    {
        DiskPool pool(1);
        pool.submit_always(DiskWork::verify, [gate] { gate.wait(); });
        pool.submit_always(DiskWork::verify, [&] { order += 'v'; });
        pool.submit_always(DiskWork::verify, [&] { order += 'v'; });
        pool.submit_always(DiskWork::write, [&] { order += 'w'; });
        pool.submit_always(DiskWork::write, [&] { order += 'w'; });
        Task read([&] { order += 'r'; });
        ASSERT_TRUE(pool.submit(DiskWork::read, read));
        open.set_value();
    }
    EXPECT_EQ(order.substr(0, 1), "r");
    EXPECT_TRUE(order == "rwvwv" || order == "rvwvw") << order;
}

TEST(DiskPoolTest, AReadIsDoneWhileAllOthersWaitForTheDisk) {
    std::promise<void> open;
    std::shared_future<void> gate(open.get_future());
    DiskPool pool(3);
    for (int i = 0; i < 10; ++i) {
        pool.submit_always(DiskWork::write, [gate] { gate.wait(); });
        pool.submit_always(DiskWork::verify, [gate] { gate.wait(); });
    }
    std::promise<void> was_read;
    Task read([&] { was_read.set_value(); });
    ASSERT_TRUE(pool.submit(DiskWork::read, read));
    EXPECT_EQ(was_read.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    open.set_value();
}

TEST(DiskPoolTest, DelayedJobsComeOrAreForgotten) {
    std::promise<void> came;
    int mine = 0, other = 0;
    bool forgotten_ran = false;
    DiskPool pool(2);
    pool.submit_after(1h, &other, [&] { forgotten_ran = true; });
    pool.submit_after(1ms, &mine, [&] { came.set_value(); });
    pool.forget(&other);
    EXPECT_EQ(came.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    EXPECT_FALSE(forgotten_ran);
}

TEST(DiskPoolTest, ADelayedJobDoesNotWaitForTheJobOfTheThreadThatWaitedForIt) {
    for (int round = 0; round < 20; ++round) {
        DiskPool pool(3);
        int owner = 0;
        std::promise<void> came, longer_than_that;
        std::shared_future<void> arrived(came.get_future());
        pool.submit_after(2ms, &owner, [&] { came.set_value(); });
        // The thread that takes this job may be the one that waits for the delayed job.
        pool.submit_always(DiskWork::write, [&, arrived] {
            EXPECT_EQ(arrived.wait_for(std::chrono::seconds(20)), std::future_status::ready);
            longer_than_that.set_value();
        });
        longer_than_that.get_future().wait();
        if (testing::Test::HasFailure()) return;
    }
}

TEST(DiskPoolTest, DelayedJobsThatAreDueTogetherRunTogether) {
    DiskPool pool(3);  // two of them for delayed jobs
    int owner = 0;
    std::promise<void> first, second;
    std::shared_future<void> of_first(first.get_future()), of_second(second.get_future());
    const auto meet = [](std::promise<void>& mine, const std::shared_future<void>& other) {
        mine.set_value();
        return other.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    };
    std::promise<bool> first_met, second_met;
    pool.submit_after(2ms, &owner, [&] { first_met.set_value(meet(first, of_second)); });
    pool.submit_after(2ms, &owner, [&] { second_met.set_value(meet(second, of_first)); });
    EXPECT_TRUE(first_met.get_future().get());
    EXPECT_TRUE(second_met.get_future().get());
}

TEST(DiskPoolTest, RefusesReadsBeyondItsBound) {
    std::promise<void> open;
    std::shared_future<void> gate(open.get_future());
    std::atomic<std::size_t> done = 0;
    {
        DiskPool pool(1);
        std::promise<void> entered;
        pool.submit_always(DiskWork::write, [&, gate] {
            entered.set_value();
            gate.wait();
        });
        entered.get_future().wait();
        std::size_t taken = 0;
        while (taken <= DiskPool::kMaxQueuedReads) {
            Task read([&] { ++done; });
            if (!pool.submit(DiskWork::read, read)) {
                EXPECT_TRUE(read) << "a refused job stays with its owner";
                break;
            }
            ++taken;
        }
        EXPECT_EQ(taken, DiskPool::kMaxQueuedReads);
        open.set_value();
    }
    EXPECT_EQ(done, DiskPool::kMaxQueuedReads);
}

}  // namespace
}  // namespace btfs
