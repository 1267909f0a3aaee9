#include "engine/core/signals_blocked.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace btfs {
namespace {

bool is_blocked(int signal) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return sigismember(&blocked, signal) == 1;
}

TEST(SignalsBlocked, BlocksInThreadsOfItsScopeAlone) {
    ASSERT_FALSE(is_blocked(SIGTERM));
    bool in_thread = false;
    {
        const SignalsBlocked blocked;
        EXPECT_TRUE(is_blocked(SIGTERM));
        std::thread([&] { in_thread = is_blocked(SIGTERM) && is_blocked(SIGHUP); }).join();
    }
    EXPECT_TRUE(in_thread);
    EXPECT_FALSE(is_blocked(SIGTERM));
    std::thread([&] { in_thread = is_blocked(SIGTERM); }).join();
    EXPECT_FALSE(in_thread);
}

}  // namespace
}  // namespace btfs
