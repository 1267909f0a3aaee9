#include "cache/pieces/sequential_reads.hpp"

#include <gtest/gtest.h>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kRead = 128 << 10;

TEST(SequentialReadsTest, KeepsAColdStreamAWindowAhead) {
    SequentialReads reads;
    std::uint64_t ahead_until = 0;
    for (std::uint64_t at = 0; at < (64 << 20); at += kRead) {
        const auto ahead = reads.on_read({at, at + kRead}, at == 0);
        if (ahead) {
            EXPECT_GE(ahead->begin, ahead_until) << "nothing is asked for twice";
            ahead_until = ahead->end;
        }
        if (at >= 2 * SequentialReads::kProof) {
            EXPECT_GE(ahead_until, at + kRead + SequentialReads::kWindow / 2);
        }
    }
}

TEST(SequentialReadsTest, LeavesAWarmFileAlone) {
    SequentialReads reads;
    for (std::uint64_t at = 0; at < (16 << 20); at += kRead)
        EXPECT_FALSE(reads.on_read({at, at + kRead}, false));
}

TEST(SequentialReadsTest, FollowsAStreamThatTheKernelReadsOutOfOrder) {
    SequentialReads reads;
    bool asked = false;
    for (std::uint64_t at = 0; at < (8 << 20); at += 2 * kRead) {
        asked |= reads.on_read({at + kRead, at + 2 * kRead}, true).has_value();
        asked |= reads.on_read({at, at + kRead}, true).has_value();
    }
    EXPECT_TRUE(asked);
}

TEST(SequentialReadsTest, ScatteredReadsAreNotReadAhead) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        SequentialReads reads;
        for (int i = 0; i < 5000; ++i) {
            const std::uint64_t at = rng.below(std::uint64_t{4} << 30) / 4096 * 4096;
            EXPECT_FALSE(reads.on_read({at, at + 4096}, true));
        }
    }
}

TEST(SequentialReadsTest, TwoStreamsDoNotDisturbEachOther) {
    SequentialReads reads;
    int asked[2] = {};
    for (std::uint64_t at = 0; at < (16 << 20); at += kRead) {
        for (std::uint64_t file : {0, 1}) {
            const std::uint64_t base = file << 32;
            if (reads.on_read({base + at, base + at + kRead}, true)) ++asked[file];
        }
    }
    EXPECT_GT(asked[0], 3);
    EXPECT_EQ(asked[0], asked[1]);
}

}  // namespace
}  // namespace btfs
