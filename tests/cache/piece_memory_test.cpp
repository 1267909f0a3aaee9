#include "cache/pieces/piece_memory.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs {
namespace {

constexpr std::size_t MiB = 1 << 20;

TEST(PieceMemoryTest, ReadaheadLeavesTheReserveToBlockedReads) {
    PieceMemory memory(16 * MiB);
    std::vector<PieceBufferPtr> held;
    while (auto buffer = memory.acquire(MiB, MemoryUse::ahead)) held.push_back(buffer);
    EXPECT_EQ(held.size(), 8u);
    while (auto buffer = memory.acquire(MiB, MemoryUse::blocked)) held.push_back(buffer);
    EXPECT_EQ(held.size(), 16u);
    EXPECT_EQ(memory.held_bytes(), 16 * MiB);
}

TEST(PieceMemoryTest, OnePieceIsAdmittedHoweverLargeItIs) {
    PieceMemory memory(4 * MiB);
    auto ahead = memory.acquire(32 * MiB, MemoryUse::ahead);
    EXPECT_TRUE(ahead);
    EXPECT_FALSE(memory.acquire(32 * MiB, MemoryUse::ahead));
    auto blocked = memory.acquire(32 * MiB, MemoryUse::blocked);
    EXPECT_TRUE(blocked) << "a blocked read waits for nobody's readahead";
    EXPECT_FALSE(memory.acquire(32 * MiB, MemoryUse::blocked));
}

TEST(PieceMemoryTest, ProofsHaveABudgetOfTheirOwn) {
    PieceMemory memory(MiB);
    auto full = memory.acquire(MiB, MemoryUse::blocked);
    EXPECT_FALSE(memory.acquire(MiB, MemoryUse::blocked));
    EXPECT_TRUE(memory.acquire(MiB, MemoryUse::proof));
}

TEST(PieceMemoryTest, BuffersArePageAlignedAndOfTheSizeAskedFor) {
    PieceMemory memory;
    auto buffer = memory.acquire(100'001, MemoryUse::ahead);
    EXPECT_EQ(buffer->bytes().size(), 100'001u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer->bytes().data()) % 4096, 0u);
}

TEST(PieceMemoryTest, TellsOnceWhenMemoryIsThere) {
    PieceMemory memory(MiB);
    auto held = memory.acquire(MiB, MemoryUse::ahead);
    int told = 0, forgotten = 0, other = 0;
    memory.when_free(MiB, MemoryUse::ahead, &told, [&] { ++told; });
    memory.when_free(MiB, MemoryUse::ahead, &forgotten, [&] { ++forgotten; });
    memory.forget(&forgotten);
    EXPECT_EQ(told, 0);
    held.reset();
    EXPECT_EQ(told, 1);
    EXPECT_EQ(forgotten, 0);
    memory.acquire(MiB, MemoryUse::ahead).reset();
    EXPECT_EQ(told, 1);
    memory.when_free(MiB, MemoryUse::ahead, &other, [&] { ++other; });
    EXPECT_EQ(other, 1) << "there is memory already";
}

TEST(PieceMemoryTest, ReusesWhatWasFreedAndGivesBackWhatNobodyUses) {
    PieceMemory memory(64 * MiB);
    auto first = memory.acquire(MiB, MemoryUse::ahead);
    first->bytes()[12'345] = std::byte{0x5a};  // fresh memory is zeros
    first.reset();
    EXPECT_EQ(memory.idle_bytes(), MiB);
    auto again = memory.acquire(MiB, MemoryUse::ahead);
    EXPECT_EQ(again->bytes()[12'345], std::byte{0x5a}) << "memory that was touched before";
    again.reset();

    std::vector<PieceBufferPtr> held;
    for (int i = 0; i < 50; ++i) held.push_back(memory.acquire(MiB, MemoryUse::ahead));
    held.resize(25);
    EXPECT_EQ(memory.idle_bytes(), 25 * MiB) << "as much as is in use";
    held.clear();
    EXPECT_EQ(memory.idle_bytes(), PieceMemory::kIdleBytes);
}

TEST(PieceMemoryTest, IdleBuffersOfAnotherSizeDoNotComeOnTopOfTheBudget) {
    PieceMemory memory(8 * MiB);
    std::vector<PieceBufferPtr> held;
    for (int i = 0; i < 8; ++i) held.push_back(memory.acquire(MiB, MemoryUse::blocked));
    held.resize(4);
    EXPECT_EQ(memory.idle_bytes(), 4 * MiB);
    auto other = memory.acquire(3 * MiB, MemoryUse::blocked);
    ASSERT_TRUE(other);
    EXPECT_LE(memory.held_bytes() + memory.idle_bytes(), 8 * MiB);
}

TEST(PieceMemoryTest, BuffersMayOutliveIt) {
    PieceBufferPtr buffer;
    {
        PieceMemory memory;
        buffer = memory.acquire(MiB, MemoryUse::ahead);
    }
    buffer->bytes()[0] = std::byte{1};
}

}  // namespace
}  // namespace btfs
