#include "cli/process/stop_signal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

namespace btfs::cli {
namespace {

using Waited = StopSignal::Waited;

/// Ends the process of a test. Each test has a process of its own, since a StopSignal leaves signals blocked.
void ends_with(bool passed) {
    std::_Exit(passed ? 0 : 1);
}

/// Gives the process a terminal of its own. False if there is none to be had.
bool take_a_terminal() {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || setsid() < 0) return false;
    return open(ptsname(master), O_RDWR) >= 0;
}

TEST(StopSignalDeathTest, ComesOfEachSignalThatEndsAProcess) {
    for (int number : {SIGTERM, SIGINT, SIGHUP}) {
        EXPECT_EXIT(
            {
                for (int each : {SIGTERM, SIGINT, SIGHUP}) signal(each, SIG_DFL);
                if (!take_a_terminal()) ends_with(false);
                StopSignal stop;
                const bool before = stop.wait_for(0ms, -1) == Waited::timed_out;
                kill(getpid(), number);
                const bool stopped = stop.wait_for(10s, -1) == Waited::stopped;
                ends_with(before && stopped && stop.wait_for(0ms, -1) == Waited::stopped);
            },
            testing::ExitedWithCode(0), "")
            << number;
    }
}

TEST(StopSignalDeathTest, AWakeEndsOneWaitAndStopsNothing) {
    EXPECT_EXIT(
        {
            StopSignal stop;
            stop.wake();
            stop.wake();
            const bool woken = stop.wait_for(10s, -1) == Waited::woken;
            const bool once = stop.wait_for(0ms, -1) == Waited::timed_out;
            stop.wake();
            stop.raise();
            ends_with(woken && once && stop.wait_for(10s, -1) == Waited::stopped);
        },
        testing::ExitedWithCode(0), "");
}

TEST(StopSignalDeathTest, WithoutATerminalAHangupIsACall) {
    EXPECT_EXIT(
        {
            for (int each : {SIGTERM, SIGHUP}) signal(each, SIG_DFL);
            setsid();
            int calls = 0;
            StopSignal stop([&] { ++calls; });
            kill(getpid(), SIGHUP);
            const bool goes_on = stop.wait_for(20ms, -1) == Waited::timed_out && calls == 1;
            kill(getpid(), SIGHUP);
            kill(getpid(), SIGTERM);
            stop.wait();
            ends_with(goes_on && calls >= 1 && stop.wait_for(0ms, -1) == Waited::stopped);
        },
        testing::ExitedWithCode(0), "");
}

TEST(StopSignalDeathTest, IsNotSetOffByASignalThatWasIgnoredBefore) {
    EXPECT_EXIT(
        {
            signal(SIGHUP, SIG_IGN);
            signal(SIGINT, SIG_IGN);
            StopSignal stop;
            kill(getpid(), SIGHUP);
            kill(getpid(), SIGINT);
            ends_with(stop.wait_for(0ms, -1) == Waited::timed_out);
        },
        testing::ExitedWithCode(0), "");
}

TEST(StopSignalDeathTest, IsSetOffBySigtermWhateverWasIgnored) {
    EXPECT_EXIT(
        {
            signal(SIGTERM, SIG_IGN);
            StopSignal stop;
            kill(getpid(), SIGTERM);
            ends_with(stop.wait_for(10s, -1) == Waited::stopped);
        },
        testing::ExitedWithCode(0), "");
}

TEST(StopSignalDeathTest, IsRaisedByHandAndSeesThePipeHungUp) {
    EXPECT_EXIT(
        {
            StopSignal stop;
            int ends[2];
            if (pipe(ends) != 0) ends_with(false);
            const bool open = stop.wait_for(0ms, ends[1]) == Waited::timed_out;
            close(ends[0]);
            const bool hung_up = stop.wait_for(10s, ends[1]) == Waited::hung_up;
            stop.raise();
            stop.wait();
            ends_with(open && hung_up && stop.wait_for(0ms, -1) == Waited::stopped);
        },
        testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace btfs::cli
