#include "fs/scan_guard.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

struct Openings {
    int admitted(int files, Duration every = {}) {
        int count = 0;
        for (int i = 0; i < files; ++i, now += every) count += guard.admits(++inode, now);
        return count;
    }
    ScanGuard guard;
    TimePoint now{1h};
    std::uint64_t inode = 100;
};

TEST(ScanGuard, AFewFilesAreAdmittedAtOnceAndOfAScanHardlyAny) {
    Openings openings;
    EXPECT_EQ(openings.admitted(500), 4);
    EXPECT_EQ(openings.admitted(501, 10ms), 2);  // the refill of five seconds
}

TEST(ScanGuard, RestIsRemembered) {
    Openings openings;
    EXPECT_EQ(openings.admitted(10), 4);
    openings.now += 4s;
    EXPECT_EQ(openings.admitted(10), 2);
    openings.now += 1h;
    EXPECT_EQ(openings.admitted(10), 4);
}

TEST(ScanGuard, AFileThatWasAdmittedIsAdmittedAgain) {
    Openings openings;
    EXPECT_TRUE(openings.guard.admits(1, openings.now));
    EXPECT_EQ(openings.admitted(10), 3);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(openings.guard.admits(1, openings.now));
    openings.now += 1h;
    for (std::size_t i = 0; i < ScanGuard::kRemembered; ++i, openings.now += 1min) openings.admitted(1);
    EXPECT_EQ(openings.admitted(10), 4);
    EXPECT_FALSE(openings.guard.admits(1, openings.now)) << "it is forgotten after others";
}

TEST(ScanGuard, FilesThatAreReadOnDoNotCount) {
    Openings openings;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(openings.admitted(1), 1);
        openings.guard.on_read_on(openings.inode);
    }
    EXPECT_EQ(openings.admitted(10), 4);
}

TEST(ScanGuard, NothingIsTakenBackForAFileThatDidNotCount) {
    Openings openings;
    EXPECT_EQ(openings.admitted(5), 4);
    const std::uint64_t refused = openings.inode, admitted = refused - 1;
    for (int i = 0; i < 10; ++i) openings.guard.on_read_on(refused);
    EXPECT_EQ(openings.admitted(10), 0);
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(openings.guard.admits(admitted, openings.now));
        openings.guard.on_read_on(admitted);  // as a player that asks for range after range
    }
    EXPECT_EQ(openings.admitted(10), 1);
}

TEST(ScanGuard, NorForAFileThatTimeHasMadeGoodFor) {
    Openings openings;
    EXPECT_EQ(openings.admitted(1), 1);
    const std::uint64_t first = openings.inode;
    openings.now += 1h;
    EXPECT_EQ(openings.admitted(10), 4);
    openings.guard.on_read_on(first);
    EXPECT_EQ(openings.admitted(10), 0);
}

}  // namespace
}  // namespace btfs
