#include "fs/readahead.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs {
namespace {

constexpr std::uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;
constexpr std::uint64_t kRead = 128 * KiB;

// Reader in virtual time.
struct Reader {
    explicit Reader(std::uint64_t size = GiB) : readahead(size) {}

    void read(std::uint64_t begin, std::uint64_t size = kRead) {
        if (const auto behind = readahead.on_read({begin, begin + size}, now)) left_behind.push_back(*behind);
        position = begin + size;
    }
    // Reads in sequence, at `rate` bytes a second.
    void sequential(std::uint64_t bytes, std::uint64_t rate = 0) {
        for (const std::uint64_t end = position + bytes; position < end;) {
            read(position);
            if (rate > 0) now += from_seconds(static_cast<double>(kRead) / static_cast<double>(rate));
        }
    }
    // Reads in sequence; each READ blocks for `wait` and is consumed at once.
    void starved(std::uint64_t bytes, Duration wait) {
        for (const std::uint64_t end = position + bytes; position < end;) {
            read(position);
            readahead.on_blocked(now);
            now += wait;
            readahead.on_served(now);
            now += 1ms;
        }
    }
    std::uint64_t ahead() const { return readahead.window().end - position; }

    Readahead readahead;
    TimePoint now{1h};
    std::uint64_t position = 0;
    std::vector<ByteRange> left_behind;
};

TEST(Readahead, ASingleRandomReadWantsOnlyItself) {
    Reader reader;
    for (std::uint64_t at : {500 * MiB, 3 * MiB, 900 * MiB, 100 * MiB, 700 * MiB, 10 * MiB}) {
        reader.read(at, 64 * KiB);
        EXPECT_EQ(reader.readahead.window(), (ByteRange{at, at + 64 * KiB}));
    }
}

TEST(Readahead, AfterAJumpWhoHasReadInSequenceGetsAWindowAtOnce) {
    Reader reader;
    reader.sequential(3 * MiB);
    reader.read(600 * MiB);
    EXPECT_EQ(reader.ahead(), kJumpWindow);
    reader.sequential(1 * MiB);
    EXPECT_GE(reader.ahead(), kJumpWindow);
}

TEST(Readahead, LookingAtTheHeadOfAFileStartsNothing) {
    Reader reader;
    reader.sequential(256 * KiB);
    EXPECT_EQ(reader.ahead(), 0u);
}

TEST(Readahead, ALargeRandomReadThatTheKernelSplitsStartsNothing) {
    Reader reader;
    for (int i = 0; i < 20; ++i) {
        reader.read(static_cast<std::uint64_t>(i) * 40 * MiB);
        reader.read(reader.position);
        EXPECT_EQ(reader.ahead(), 0u);
    }
}

TEST(Readahead, GrowsWithWhatWasReadInSequence) {
    Reader reader;
    reader.sequential(384 * KiB);
    EXPECT_EQ(reader.ahead(), 768 * KiB);
    reader.sequential(384 * KiB);
    EXPECT_EQ(reader.ahead(), 1536 * KiB);
    std::uint64_t before = 0;
    while (reader.position < 40 * MiB) {
        reader.sequential(kRead);
        EXPECT_GE(reader.ahead(), before);
        if (reader.position >= 2 * MiB) {
            EXPECT_GE(reader.ahead(), 8 * MiB);
        }
        EXPECT_LE(reader.ahead(), 64 * MiB);
        before = reader.ahead();
    }
    EXPECT_EQ(before, 64 * MiB);
}

TEST(Readahead, NeverWastesMoreThanTwiceWhatWasReadOr8MiB) {
    for (std::uint64_t read = kRead; read < 20 * MiB; read += 3 * kRead) {
        Reader reader;
        reader.sequential(read);
        EXPECT_LE(reader.ahead(), std::max(2 * reader.position, read >= 2 * MiB ? 8 * MiB : 0));
    }
}

TEST(Readahead, EndsWithTheFile) {
    Reader reader(3 * MiB + 5);
    reader.sequential(2 * MiB);
    EXPECT_EQ(reader.readahead.window().end, 3 * MiB + 5);
}

TEST(Readahead, TheKernelsOutOfOrderReadsAreNoSeek) {
    Reader reader;
    reader.sequential(4 * MiB);
    const std::uint64_t head = reader.position, ahead = reader.ahead();
    for (std::uint64_t at : {head + 512 * KiB, head + 256 * KiB, head + 384 * KiB}) {
        reader.read(at);
        EXPECT_GE(reader.readahead.window().end, head + ahead);
    }
}

TEST(Readahead, AReadThatWasOvertakenStaysWanted) {
    Reader reader;
    reader.sequential(4 * MiB);
    const std::uint64_t head = reader.position;
    reader.read(head + 256 * KiB);
    EXPECT_EQ(reader.readahead.window().begin, head);
    reader.read(head + 384 * KiB);
    EXPECT_EQ(reader.readahead.window().begin, head);
    reader.read(head);
    EXPECT_EQ(reader.readahead.window().begin, head);
    reader.read(head + 512 * KiB);
    EXPECT_EQ(reader.readahead.window().begin, head + kRead) << "one of them has not come yet";
    reader.read(head + kRead);
    reader.read(head + 640 * KiB);
    EXPECT_EQ(reader.readahead.window().begin, head + 640 * KiB);
}

TEST(Readahead, WhatAReaderLeavesOutIsNotWantedForLong) {
    Reader reader;
    reader.sequential(4 * MiB);
    const std::uint64_t head = reader.position;
    for (std::uint64_t at = head + 256 * KiB; at <= head + 640 * KiB; at += kRead) reader.read(at);
    EXPECT_EQ(reader.readahead.window().begin, head + 640 * KiB);
}

TEST(Readahead, WhatLiesFurtherBackThanTheRecentPastIsLeftBehindOnce) {
    Reader reader;
    reader.sequential(30 * MiB);
    std::uint64_t until = 0;
    for (const ByteRange range : reader.left_behind) {
        EXPECT_EQ(range.begin, until);
        EXPECT_GE(range.size(), kBehindStep);
        until = range.end;
    }
    EXPECT_LE(until, 30 * MiB - kRecentPast);
    EXPECT_GT(until, 30 * MiB - kRecentPast - kBehindStep - kRead);
}

TEST(Readahead, ScatteredReadsLeaveNothingBehind) {
    Reader reader;
    for (std::uint64_t at : {500 * MiB, 3 * MiB, 900 * MiB, 100 * MiB, 700 * MiB, 10 * MiB}) reader.read(at);
    reader.sequential(MiB);
    EXPECT_TRUE(reader.left_behind.empty());
}

TEST(Readahead, ASmallStepBackKeepsTheWindow) {
    Reader reader;
    reader.sequential(4 * MiB);
    const std::uint64_t end = reader.readahead.window().end;
    reader.read(reader.position - 256 * KiB);
    EXPECT_EQ(reader.readahead.window().end, end);
}

TEST(Readahead, ASeekStartsAnew) {
    Reader reader;
    reader.sequential(MiB);
    reader.read(500 * MiB);
    EXPECT_EQ(reader.readahead.window(), (ByteRange{500 * MiB, 500 * MiB + kRead}));
    reader.sequential(256 * KiB);
    EXPECT_EQ(reader.ahead(), 768 * KiB);
}

TEST(Readahead, TwoPlacesReadInTurnsStayTwoSequences) {
    Reader reader;
    reader.sequential(4 * MiB);
    std::uint64_t a = reader.position, b = 500 * MiB;
    for (int i = 0; i < 20; ++i) {
        reader.read(b);
        b = reader.position;
        reader.read(a);
        a = reader.position;
        EXPECT_GE(reader.ahead(), 8 * MiB);
    }
    reader.read(b);
    EXPECT_GE(reader.ahead(), 5 * MiB);
}

TEST(Readahead, AFilmAtOneMegabyteASecondIsThirtySecondsAhead) {
    Reader reader;
    reader.sequential(40'000'000, 1'000'000);
    EXPECT_NEAR(static_cast<double>(reader.readahead.bytes_per_second()), 1'000'000, 50'000);
    EXPECT_NEAR(static_cast<double>(reader.ahead()), 30'000'000, 2'000'000);
}

TEST(Readahead, ASlowReaderStillGets8MiB) {
    Reader reader;
    reader.sequential(10 * MiB, 50'000);
    EXPECT_EQ(reader.ahead(), 8 * MiB);
}

TEST(Readahead, TimeSpentWaitingIsNotSlowness) {
    Reader reader;
    reader.starved(60 * MiB, 500ms);  // a copy over a slow line, which reads at once whatever arrives
    EXPECT_EQ(reader.ahead(), 64 * MiB);
    const std::uint64_t rate = reader.readahead.bytes_per_second();
    EXPECT_TRUE(rate == 0 || rate > 50'000'000) << rate;
}

TEST(Readahead, APauseIsNotSlowness) {
    Reader reader;
    reader.sequential(40'000'000, 1'000'000);
    reader.now += 1h;
    reader.sequential(kRead, 1'000'000);
    EXPECT_GT(reader.readahead.bytes_per_second(), 500'000u);
}

TEST(Readahead, TheRateIsUnknownAtFirst) {
    Reader reader;
    reader.sequential(800'000, 1'000'000);
    EXPECT_EQ(reader.readahead.bytes_per_second(), 0u);
}

TEST(Readahead, ATimeThatGoesBackDoesNoHarm) {
    Reader reader;
    reader.sequential(MiB, MiB);
    reader.now -= 10s;
    reader.sequential(MiB, MiB);
    EXPECT_LT(reader.readahead.bytes_per_second(), 10 * MiB);
}

}  // namespace
}  // namespace btfs
