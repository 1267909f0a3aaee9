#include "cache/pieces/write_back.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

const TimePoint kStart = TimePoint{} + 1h;
constexpr Duration kRetry = WriteBack::kRetryAfter;

struct Memory final : PieceBuffer {
    explicit Memory(std::size_t size) : memory(size) {}
    std::span<std::byte> bytes() override { return memory; }
    std::vector<std::byte> memory;
};

WriteBack::Piece piece(unsigned index, std::size_t size = 1000) {
    return {PieceIndex(index), std::make_shared<Memory>(size)};
}

/// Disk in virtual time: writes fail until it recovers, and requested writes happen at once.
struct Disk {
    WriteBack write_back;
    TimePoint now = kStart;
    bool works = false;
    std::optional<TimePoint> wake;
    std::vector<unsigned> written, lost;
    int credits = 0, began_to_fail = 0, recoveries = 0;

    void write(WriteBack::Piece one) {
        const unsigned index = one.index.value();
        if (works) written.push_back(index);
        carry_out(works ? write_back.on_written(now) : write_back.on_failed(std::move(one), now));
    }
    void carry_out(WriteBack::Actions actions) {
        credits += actions.credit;
        began_to_fail += actions.began_to_fail;
        recoveries += actions.recovered;
        for (const auto& one : actions.lost) lost.push_back(one.index.value());
        if (actions.wake) {
            EXPECT_FALSE(wake) << "one timer is enough";
            wake = actions.wake;
        }
        for (auto& one : actions.write) write(std::move(one));
    }
    void run_until(TimePoint end) {
        while (wake && *wake <= end) {
            now = *wake;
            wake.reset();
            carry_out(write_back.handle_timeout(now));
        }
        now = end;
    }
};

TEST(WriteBack, OnlyTheFirstFailureIsNews) {
    Disk disk;
    disk.write(piece(0));
    disk.write(piece(1));
    EXPECT_EQ(disk.began_to_fail, 1);
    EXPECT_TRUE(disk.write_back.failing());
}

TEST(WriteBack, WritesThatFailAtDifferentTimesAreAllRetriedAndCreditFollows) {
    Disk disk;
    disk.write(piece(0));
    disk.now = kStart + 900ms;
    disk.write(piece(1));
    EXPECT_FALSE(disk.write_back.admits_ahead());
    disk.now = kStart + 2s;
    disk.works = true;
    disk.run_until(kStart + 10s);
    EXPECT_EQ(disk.written, (std::vector{0u, 1u}));
    EXPECT_EQ(disk.recoveries, 1);
    EXPECT_EQ(disk.credits, 1);
    EXPECT_FALSE(disk.write_back.failing());
    EXPECT_TRUE(disk.write_back.admits_ahead());
}

TEST(WriteBack, NoOrderOfFailuresAndRecoveriesLeavesAWaiterWithoutCredit) {
    // A write fails or succeeds every 300 ms for a while, in every pattern. Then the disk works.
    for (unsigned pattern = 0; pattern < 4096; ++pattern) {
        Disk disk;
        for (unsigned i = 0; i < 12; ++i) {
            disk.run_until(kStart + i * 300ms);
            disk.works = (pattern >> i & 1) != 0;
            disk.write(piece(i));
        }
        const bool waits = !disk.write_back.admits_ahead();
        const int before = disk.credits;
        disk.works = true;
        disk.run_until(disk.now + 1min);
        if (waits) {
            ASSERT_GT(disk.credits, before) << pattern;
        }
        if (!disk.write_back.failing()) continue;
        // No piece was left to write: after on_credit() a new piece is written, with success.
        disk.write(piece(99));
        ASSERT_FALSE(disk.write_back.failing()) << pattern;
    }
}

TEST(WriteBack, AWriteThatFitsOntoAFullDiskIsNoRecovery) {
    Disk disk;
    disk.write(piece(0));
    disk.now += 100ms;
    disk.carry_out(disk.write_back.on_written(disk.now));
    EXPECT_TRUE(disk.write_back.failing());
    EXPECT_FALSE(disk.write_back.admits_ahead());
}

TEST(WriteBack, WithNothingKeptOnePieceIsFetchedToFindOut) {
    Disk disk;
    disk.write(piece(0));
    disk.carry_out(disk.write_back.drop_oldest());
    EXPECT_EQ(disk.lost, std::vector{0u});
    EXPECT_FALSE(disk.write_back.admits_ahead());
    disk.run_until(kStart + kRetry);
    EXPECT_EQ(disk.credits, 1);
    EXPECT_TRUE(disk.write_back.admits_ahead());
    EXPECT_FALSE(disk.write_back.admits_ahead()) << "one";
    disk.run_until(kStart + 2 * kRetry);
    EXPECT_EQ(disk.credits, 2) << "and one more as long as it fails";
}

TEST(WriteBack, ADiskThatGoesOnFailingIsTriedAsOftenAsTheTimeSays) {
    Disk disk;
    for (unsigned i = 0; i < 4; ++i) disk.write(piece(i));
    disk.run_until(kStart + 10 * kRetry);
    EXPECT_TRUE(disk.lost.empty());
    EXPECT_TRUE(disk.wake);
    disk.works = true;
    disk.run_until(kStart + 12 * kRetry);
    EXPECT_EQ(disk.written.size(), 4u);
}

TEST(WriteBack, TheOldestGoWhenTooMuchIsKeptAndTheNewestStays) {
    Disk disk;
    for (unsigned i = 0; i < 5; ++i) disk.write(piece(i, WriteBack::kKeptBytes / 4));
    EXPECT_EQ(disk.lost, std::vector{0u});
    disk.write(piece(9, 2 * WriteBack::kKeptBytes));
    EXPECT_EQ(disk.lost, (std::vector{0u, 1u, 2u, 3u, 4u}));
    EXPECT_TRUE(disk.write_back.keeps_some());
}

TEST(WriteBack, AtTheEndAllIsTriedOnceMoreAndWhatFailsIsLost) {
    Disk disk;
    disk.write(piece(0));
    disk.write(piece(1));
    disk.carry_out(disk.write_back.close());
    EXPECT_EQ(disk.lost, (std::vector{0u, 1u}));
    disk.run_until(kStart + 1min);
    EXPECT_FALSE(disk.wake) << "no timer outlives the end";
}

}  // namespace
}  // namespace btfs
