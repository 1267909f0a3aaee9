#include "fs/scan_guard.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

int admitted(ScanGuard& guard, int openings, TimePoint now) {
    int count = 0;
    for (int i = 0; i < openings; ++i) count += guard.admits(now);
    return count;
}

TEST(ScanGuard, AFewFilesAreAdmittedAtOnceAndOfAScanHardlyAny) {
    ScanGuard guard;
    TimePoint now{1h};
    EXPECT_EQ(admitted(guard, 500, now), 4);
    int more = 0;
    for (int i = 0; i < 500; ++i) more += guard.admits(now += 10ms);
    EXPECT_EQ(more, 2);  // the refill of five seconds
}

TEST(ScanGuard, RestIsRemembered) {
    ScanGuard guard;
    EXPECT_EQ(admitted(guard, 10, TimePoint{1h}), 4);
    EXPECT_EQ(admitted(guard, 10, TimePoint{1h} + 4s), 2);
    EXPECT_EQ(admitted(guard, 10, TimePoint{2h}), 4);
}

}  // namespace
}  // namespace btfs
