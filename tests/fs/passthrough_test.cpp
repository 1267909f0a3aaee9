#include "fs/passthrough.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <set>
#include <thread>
#include <vector>

namespace btfs {
namespace {

/// Keeps the list as the kernel does, and refuses what it is told to refuse.
class FakeKernel final : public BackingFiles {
  public:
    Result<BackingId> add(int descriptor) override {
        std::lock_guard lock(mutex_);
        ++asked;
        if (refuses) return Error(EPERM, boost::system::system_category());
        added.push_back(descriptor);
        listed.insert(++last_);
        return last_;
    }
    void remove(BackingId id) override {
        std::lock_guard lock(mutex_);
        EXPECT_EQ(listed.erase(id), 1u) << "removed twice, or never added";
    }

    bool refuses = false;
    // Guarded by mutex_ while threads are at work:
    int asked = 0;
    std::vector<int> added;
    std::set<BackingId> listed;

  private:
    std::mutex mutex_;
    BackingId last_ = 0;
};

struct PassthroughTest : testing::Test {
    class Lease final : public DataLease {
      public:
        explicit Lease(std::atomic<int>& leases) : leases_(leases) { ++leases_; }
        ~Lease() override { --leases_; }
        int descriptor() const override { return 42; }

      private:
        std::atomic<int>& leases_;
    };

    PassthroughTest() { passthrough.enable(); }

    std::optional<BackingId> open_complete(NodeId node) {
        return passthrough.begin(node, [this] { return std::make_unique<Lease>(leases); });
    }
    std::optional<BackingId> open_incomplete(NodeId node) {
        return passthrough.begin(node, [] { return nullptr; });
    }

    std::atomic<int> leases = 0;
    FakeKernel kernel;
    Passthrough passthrough{kernel};
};

TEST_F(PassthroughTest, AllOpensOfAFileHaveOneBackingFileUntilTheLastIsReleased) {
    const auto first = open_complete(7);
    ASSERT_TRUE(first);
    EXPECT_GT(*first, 0);
    EXPECT_EQ(open_complete(7), first);
    EXPECT_EQ(open_incomplete(7), first) << "a piece that was damaged meanwhile";
    EXPECT_EQ(kernel.added, std::vector<int>{42});
    passthrough.end(7);
    passthrough.end(7);
    EXPECT_EQ(leases, 1);
    EXPECT_EQ(kernel.listed.size(), 1u);
    passthrough.end(7);
    EXPECT_EQ(leases, 0);
    EXPECT_TRUE(kernel.listed.empty());
}

TEST_F(PassthroughTest, AFileThatWasNotCompleteWhenItWasOpenedStaysSoUntilItIsReleased) {
    EXPECT_FALSE(open_incomplete(7));
    EXPECT_FALSE(open_complete(7));
    passthrough.end(7);
    EXPECT_FALSE(open_complete(7));
    passthrough.end(7);
    passthrough.end(7);
    EXPECT_EQ(kernel.asked, 0);
    EXPECT_TRUE(open_complete(7));
}

TEST_F(PassthroughTest, FilesDoNotDependOnEachOther) {
    EXPECT_FALSE(open_incomplete(7));
    const auto other = open_complete(8);
    EXPECT_TRUE(other);
    EXPECT_NE(open_complete(9), other);
    EXPECT_EQ(passthrough.passed_through(), 2u);
    passthrough.end(8);
    EXPECT_EQ(passthrough.passed_through(), 1u);
    EXPECT_FALSE(open_complete(7));
}

TEST_F(PassthroughTest, AKernelThatRefusesIsNotAskedAgainAndNothingStaysLeased) {
    kernel.refuses = true;
    EXPECT_FALSE(open_complete(7));
    EXPECT_EQ(leases, 0);
    kernel.refuses = false;
    EXPECT_FALSE(open_complete(8));
    EXPECT_EQ(kernel.asked, 1);
    passthrough.end(7);
    passthrough.end(8);
    EXPECT_FALSE(open_complete(7));
}

TEST_F(PassthroughTest, NothingIsPassedThroughWhereItIsNotEnabled) {
    Passthrough off(kernel);
    EXPECT_FALSE(off.begin(7, [this] { return std::make_unique<Lease>(leases); }));
    off.end(7);
    EXPECT_EQ(leases, 0);
    EXPECT_EQ(kernel.asked, 0);
}

TEST_F(PassthroughTest, WhatIsOpenAtTheEndIsLeasedNoLonger) {
    {
        Passthrough ends(kernel);
        ends.enable();
        EXPECT_TRUE(ends.begin(7, [this] { return std::make_unique<Lease>(leases); }));
        EXPECT_EQ(leases, 1);
    }
    EXPECT_EQ(leases, 0);
}

// As the kernel would: an open that overlaps another one has to be of the same kind, with the same number.
TEST_F(PassthroughTest, OpensThatRaceOnManyThreadsAreOfOneKind) {
    constexpr int kThreads = 4, kRounds = 2000;
    std::mutex mutex;
    int open = 0;  // guarded by mutex, as what follows: opens whose answer has come
    std::optional<BackingId> kind;
    std::barrier together(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
        threads.emplace_back([&, t] {
            for (int round = 0; round < kRounds; ++round) {
                if (round % 16 == 0) together.arrive_and_wait();
                const auto id = (round + t) % 3 == 0 ? open_incomplete(7) : open_complete(7);
                {
                    std::lock_guard lock(mutex);
                    if (open++ == 0) kind = id;
                    ASSERT_EQ(id, kind);
                }
                {
                    std::lock_guard lock(mutex);
                    --open;  // the kernel ends the open before it says so
                }
                passthrough.end(7);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(leases, 0);
    EXPECT_TRUE(kernel.listed.empty());
    EXPECT_EQ(passthrough.passed_through(), 0u);
}

}  // namespace
}  // namespace btfs
