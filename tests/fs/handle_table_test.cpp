#include "fs/handle_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace btfs {
namespace {

TEST(HandleTable, KeepsAValueUntilItIsClosed) {
    HandleTable<std::string> table;
    const auto first = table.open("first"), second = table.open("second");
    EXPECT_NE(first, second);
    EXPECT_EQ(*table.get(first), "first");
    EXPECT_EQ(*table.get(second), "second");
    table.close(first);
    EXPECT_EQ(table.get(first), nullptr);
    EXPECT_EQ(*table.get(second), "second");
}

TEST(HandleTable, KnowsNoHandleThatItHasNotGiven) {
    HandleTable<int> table;
    EXPECT_EQ(table.get(0), nullptr);
    EXPECT_EQ(table.get(1), nullptr);
    table.close(1);  // a second close has no effect
    EXPECT_NE(table.open(5), 0u);
}

TEST(HandleTable, AHandleIsNotGivenTwice) {
    HandleTable<int> table;
    std::set<std::uint64_t> handles;
    for (int i = 0; i < 100; ++i) {
        const auto handle = table.open(i);
        handles.insert(handle);
        table.close(handle);
    }
    EXPECT_EQ(handles.size(), 100u);
}

TEST(HandleTable, WhoHasAValueKeepsItAfterTheClose) {
    HandleTable<std::string> table;
    const auto handle = table.open("text");
    const auto held = table.get(handle);
    table.close(handle);
    EXPECT_EQ(*held, "text");
}

TEST(HandleTable, IsUsedByManyThreadsAtOnce) {
    HandleTable<int> table;
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 1000; ++i) {
                const auto handle = table.open(1000 * t + i);
                const auto value = table.get(handle);
                if (value == nullptr || *value != 1000 * t + i) ++wrong;
                table.close(handle);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace btfs
