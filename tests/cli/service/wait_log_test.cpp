#include "cli/service/wait_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::cli {
namespace {

ReaderStatus reader(ReaderId id, Duration waited, std::size_t waiting = 1) {
    return {.reader = id, .waiting = waiting, .waited = waited};
}

struct WaitLogTest : ::testing::Test {
    /// The ids of the readers that are told.
    std::string look(std::vector<ReaderStatus> readers) {
        std::string ids;
        for (const ReaderStatus& told : log.look(readers)) ids += std::to_string(told.reader);
        return ids;
    }
    WaitLog log;
};

TEST_F(WaitLogTest, AWaitIsToldOnceWhenItIsLong) {
    EXPECT_EQ(look({reader(1, 4900ms), reader(2, 100ms)}), "");
    EXPECT_EQ(look({reader(1, 5900ms), reader(2, 1100ms)}), "1");
    EXPECT_EQ(look({reader(1, 6900ms), reader(2, 6s)}), "2");
    EXPECT_EQ(look({reader(1, 60s), reader(2, 60s)}), "");
}

TEST_F(WaitLogTest, ReadsOfTheSameWaitAreNotToldEach) {
    EXPECT_EQ(look({reader(1, 6s)}), "1");
    EXPECT_EQ(look({reader(1, 200ms)}), "") << "the next READ waits";
    EXPECT_EQ(look({reader(1, 7s)}), "");
}

TEST_F(WaitLogTest, ANewWaitIsToldAgain) {
    EXPECT_EQ(look({reader(1, 6s)}), "1");
    EXPECT_EQ(look({reader(1, 0s, 0)}), "");
    EXPECT_EQ(look({reader(1, 5s)}), "1");
    EXPECT_EQ(look({}), "") << "it was closed";
    EXPECT_EQ(look({reader(1, 5s)}), "1");
}

}  // namespace
}  // namespace btfs::cli
