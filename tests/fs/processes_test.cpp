#include "fs/processes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <string>
#include <thread>

namespace btfs {
namespace {

using Life = Processes::Life;

class OpenFolderEntry : public testing::Test {
  protected:
    OpenFolderEntry() {
        std::string name = "/tmp/btfs-processes-XXXXXX";
        fd = mkstemp(name.data());
        unlink(name.c_str());
        struct stat status {};
        EXPECT_EQ(fstat(fd, &status), 0);
        inode = status.st_ino;
    }
    ~OpenFolderEntry() override { close(fd); }

    int fd = -1;
    std::uint64_t inode = 0;
    const ProcProcesses processes;
};

TEST(ProcProcesses, AProcessLivesUntilItHasEndedThoughNobodyHasCollectedIt) {
    const ProcProcesses processes;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) < 0);
    }
    EXPECT_EQ(processes.life(child), Life::alive);
    close(ends[0]);
    close(ends[1]);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(processes.life(child), Life::gone) << "a zombie";
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(processes.life(child), Life::gone);
}

TEST(ProcProcesses, AProcessThatASignalEndedWasKilledAndOneThatExitedWasNot) {
    const ProcProcesses processes;
    for (const int signal : {0, SIGKILL, SIGTERM}) {
        const pid_t child = fork();
        if (child == 0) {
            if (signal != 0) raise(signal);
            _exit(3);
        }
        siginfo_t info{};
        ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
        EXPECT_EQ(processes.was_killed(child), signal != 0);
        ASSERT_EQ(waitpid(child, nullptr, 0), child);
        EXPECT_FALSE(processes.was_killed(child)) << "it has gone";
    }
    EXPECT_FALSE(processes.was_killed(getpid()));
    EXPECT_FALSE(processes.was_killed(0));
}

TEST(ProcProcesses, AThreadIsSeenByItsOwnNumber) {
    const ProcProcesses processes;
    std::promise<pid_t> number;
    std::promise<void> end;
    std::thread thread([&] {
        number.set_value(static_cast<pid_t>(syscall(SYS_gettid)));
        end.get_future().wait();
    });
    const pid_t tid = number.get_future().get();
    EXPECT_NE(tid, getpid());
    EXPECT_EQ(processes.life(tid), Life::alive);
    end.set_value();
    thread.join();
    EXPECT_EQ(processes.life(tid), Life::gone);
}

TEST(ProcProcesses, AThreadHasTheNameOfItsProcess) {
    char own[16] = {};
    ASSERT_EQ(pthread_getname_np(pthread_self(), own, sizeof own), 0);
    std::promise<std::string> name;
    std::thread thread([&] {
        pthread_setname_np(pthread_self(), "another");
        name.set_value(ProcProcesses().name(static_cast<pid_t>(syscall(SYS_gettid))));
    });
    EXPECT_EQ(name.get_future().get(), own);
    thread.join();
    EXPECT_EQ(ProcProcesses().name(0), "");
}

TEST(ProcProcesses, WhatCannotBeSeenIsUnknown) {
    EXPECT_EQ(ProcProcesses().life(0), Life::unknown);
    EXPECT_EQ(ProcProcesses().life(-1), Life::unknown);
}

TEST_F(OpenFolderEntry, IsOpenUntilItsLastDescriptorIsClosed) {
    EXPECT_TRUE(processes.may_have_open(getpid(), inode));
    EXPECT_FALSE(processes.may_have_open(getpid(), inode + 1));
    const int second = dup(fd);
    close(fd);
    EXPECT_TRUE(processes.may_have_open(getpid(), inode));
    close(second);
    EXPECT_FALSE(processes.may_have_open(getpid(), inode));
    fd = -1;
}

TEST_F(OpenFolderEntry, AProcessThatIsNotThereHasNothingOpen) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(processes.may_have_open(child, inode));
}

TEST_F(OpenFolderEntry, AProcessOfTooManyDescriptorsIsNotLookedThrough) {
    const pid_t child = fork();
    if (child == 0) {
        bool right = !ProcProcesses().may_have_open(getpid(), inode + 1);
        for (int i = 0; i < ProcProcesses::kMaxDescriptors; ++i) {
            if (dup(STDIN_FILENO) < 0) _exit(77);  // the limit of descriptors does not allow it
        }
        right = right && ProcProcesses().may_have_open(getpid(), inode + 1);
        _exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "RLIMIT_NOFILE is too small";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace btfs
