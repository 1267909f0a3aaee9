#include "cache/disk/use_count.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace btfs {
namespace {

TEST(UseCount, WaitsForTheLastTokenAndForThoseThatItBegot) {
    UseCount count;
    std::atomic<int> ended = 0;
    std::thread user([&, first = count.use()]() mutable {
        UseCount::Token second = count.use();
        first = {};
        ++ended;
    });
    count.wait_until_unused();
    EXPECT_EQ(ended, 1);
    user.join();
}

TEST(UseCount, CallsOnceWhenItIsUnused) {
    UseCount count;
    int calls = 0;
    UseCount::Token token = count.use(), other = count.use();
    count.when_unused([&] { ++calls; });
    token = {};
    EXPECT_EQ(calls, 0);
    EXPECT_TRUE(count.use_unless_ended()) << "work that is under way may beget work";
    EXPECT_EQ(calls, 0);
    other = {};
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(count.use_unless_ended());
    EXPECT_EQ(calls, 1);
}

TEST(UseCount, CallsAtOnceIfNobodyUsesIt) {
    UseCount count;
    int calls = 0;
    EXPECT_TRUE(count.use_unless_ended());
    count.when_unused([&] { ++calls; });
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(count.use_unless_ended());
}

}  // namespace
}  // namespace btfs
