// Tests of several processes that share one cache directory.
#include "cache/bound/shared_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "cache/bound/disk_budget.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct SharedUseTest : testing::Test {
    std::unique_ptr<SharedUse> open(std::uint64_t inode = 5) const {
        FileStatus directory;
        directory.device = 1;
        directory.inode = inode;
        auto opened = SharedUse::open(directory, folder.path);
        EXPECT_TRUE(opened) << opened.error().message();
        return opened ? std::move(*opened) : nullptr;
    }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path),
                                                      std::filesystem::directory_iterator()));
    }
    TemporaryFolder folder;
};

TEST_F(SharedUseTest, IsSeenByTheOthersAtOnce) {
    const auto a = open(), b = open(), elsewhere = open(6);
    a->add(700);
    b->add(30);
    a->add(-std::uint64_t{200});
    EXPECT_EQ(a->of_others(), 30u);
    EXPECT_EQ(b->of_others(), 500u);
    EXPECT_EQ(elsewhere->of_others(), 0u);
}

TEST_F(SharedUseTest, OfAProcessThatHasEndedCountsUntilItIsDropped) {
    const auto a = open();
    const pid_t child = fork();
    if (child == 0) {
        open()->add(100);
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(a->of_others(), 100u);
    const auto ended = a->ended();
    EXPECT_THAT(ended, ElementsAre(1u));
    EXPECT_EQ(a->of_others(), 100u);
    a->drop(ended);
    EXPECT_EQ(a->of_others(), 0u);
    const auto b = open();
    b->add(7);
    EXPECT_THAT(a->ended(), IsEmpty()) << "it lives";
}

TEST_F(SharedUseTest, OfKilledProcessesIsForgottenByWhoComesWhenNobodyIsThere) {
    const pid_t child = fork();
    if (child == 0) {
        const auto first = open(), second = open();
        second->add(100);
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(files(), 1u);
    EXPECT_EQ(open()->of_others(), 0u);
}

TEST_F(SharedUseTest, GoesWithTheLastProcess) {
    auto a = open(), b = open();
    EXPECT_EQ(files(), 1u);
    a.reset();
    EXPECT_EQ(files(), 1u);
    b.reset();
    EXPECT_EQ(files(), 0u);
    EXPECT_EQ(open()->of_others(), 0u);
}

TEST_F(SharedUseTest, HasNoPlaceForMoreProcessesThanItHolds) {
    std::vector<std::unique_ptr<SharedUse>> all;
    for (unsigned i = 0; i < SharedUse::kProcesses; ++i) all.push_back(open());
    FileStatus directory;
    directory.device = 1;
    directory.inode = 5;
    EXPECT_FALSE(SharedUse::open(directory, folder.path));
    all.pop_back();
    EXPECT_TRUE(SharedUse::open(directory, folder.path));
}

TEST_F(SharedUseTest, CannotBeWhatSomebodyElseHasPutThere) {
    FileStatus directory;
    directory.device = 1;
    directory.inode = 5;
    const std::string name = folder.path / ("btfs-" + std::to_string(geteuid()) + "-1-5");
    std::filesystem::create_symlink("/tmp/anything", name);
    EXPECT_FALSE(SharedUse::open(directory, folder.path));
    std::filesystem::remove(name);
    std::filesystem::create_directory(name);
    EXPECT_FALSE(SharedUse::open(directory, folder.path));
    EXPECT_FALSE(SharedUse::open(directory, folder.path / "nowhere"));
}

TEST_F(SharedUseTest, BudgetsThatShareItNeverTakeMoreThanTheLimitTogether) {
    constexpr std::uint64_t kLimit = 1000;
    std::atomic<std::uint64_t> taken = 0, most = 0;
    std::vector<std::thread> processes;
    for (unsigned i = 0; i < 4; ++i)
        processes.emplace_back([&, shared = std::shared_ptr<SharedUse>(open())] {
            DiskBudget budget(kLimit);
            budget.share(*shared);
            for (int turn = 0; turn < 20'000; ++turn) {
                if (!budget.take(300)) continue;
                const std::uint64_t now = taken += 300;
                if (now > most) most = now;
                taken -= 300;
                budget.give_back(300);
            }
        });
    for (std::thread& process : processes) process.join();
    EXPECT_LE(most, kLimit);
    EXPECT_GE(most, 300u);
}

}  // namespace
}  // namespace btfs
