#include "cache/bound/eviction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::test {
namespace {

using Kind = Worth::Kind;
constexpr std::uint64_t kMiB = 1 << 20, kBack = 16 * kMiB;

ByteRange mib(std::uint64_t begin, std::uint64_t end) {
    return {begin * kMiB, end * kMiB};
}
ReaderDemand reader_at(std::uint64_t begin, std::uint64_t end) {
    return {.blocked = {}, .window = mib(begin, end)};
}
Worth worth(ByteRange piece, std::vector<ReaderDemand> readers, std::uint64_t last_used = 5,
            bool pinned = false) {
    return worth_of(piece, last_used, pinned, readers, kBack);
}
std::vector<std::uint32_t> items(const std::vector<EvictionCandidate>& candidates) {
    std::vector<std::uint32_t> items;
    for (const EvictionCandidate& candidate : candidates) items.push_back(candidate.item);
    return items;
}

TEST(Eviction, WithoutReadersWhatWasUsedLongAgoGoesFirst) {
    EXPECT_EQ(worth(mib(0, 1), {}).kind, Kind::unread);
    EXPECT_LT(worth(mib(0, 1), {}, 5), worth(mib(9, 10), {}, 6));
}

TEST(Eviction, WhatAReaderHasLeftBehindGoesFirstTheFurthestBeforeTheRest) {
    const std::vector<ReaderDemand> readers{reader_at(100, 120)};
    const Worth far = worth(mib(10, 11), readers), near = worth(mib(80, 81), readers);
    EXPECT_EQ(far.kind, Kind::left_behind);
    EXPECT_LT(far, near);
    EXPECT_LT(near, worth(mib(200, 201), readers, 0)) << "beyond the window nobody has passed it";
    EXPECT_LT(near, worth(mib(90, 91), readers)) << "a reader may look back";
    EXPECT_EQ(worth(mib(90, 91), readers).kind, Kind::just_passed);
}

TEST(Eviction, OfAWindowTheFarEndGoesFirst) {
    const std::vector<ReaderDemand> readers{reader_at(100, 120)};
    EXPECT_LT(worth(mib(119, 120), readers), worth(mib(101, 102), readers));
    EXPECT_LT(worth(mib(90, 91), readers), worth(mib(119, 120), readers));
}

TEST(Eviction, TheEndOfAFileThatIsAboutToBeReadStaysLongest) {
    ReaderDemand reader = reader_at(0, 20);
    reader.edges = {mib(900, 901)};
    EXPECT_GT(worth(mib(900, 901), {reader}), worth(mib(1, 2), {reader}));
}

TEST(Eviction, WhatIsWantedLaterGoesBeforeAllWindows) {
    ReaderDemand reader = reader_at(0, 20);
    reader.later = {mib(900, 901)};
    EXPECT_LT(worth(mib(900, 901), {reader}), worth(mib(19, 20), {reader}));
    EXPECT_GT(worth(mib(900, 901), {reader}), worth(mib(500, 501), {reader}, UINT64_MAX));
}

TEST(Eviction, APieceIsWorthWhatItIsWorthToTheReaderWhoNeedsItMost) {
    const std::vector<ReaderDemand> readers{reader_at(100, 120), reader_at(50, 70)};
    EXPECT_EQ(worth(mib(60, 61), readers).kind, Kind::ahead);
    EXPECT_EQ(worth(mib(45, 46), readers).kind, Kind::just_passed);
}

TEST(Eviction, PinnedAndWaitedForStayLongest) {
    ReaderDemand reader = reader_at(100, 120);
    reader.blocked = {{100 * kMiB + 5, 100 * kMiB + 9}};
    EXPECT_EQ(worth(mib(100, 101), {reader}).kind, Kind::waited_for);
    EXPECT_EQ(worth(mib(3, 4), {reader}, 5, true).kind, Kind::pinned);
    EXPECT_LT(worth(mib(101, 102), {reader}), worth(mib(3, 4), {reader}, 5, true));
    EXPECT_LT(worth(mib(3, 4), {reader}, 5, true), worth(mib(100, 101), {reader}));
}

std::vector<EvictionCandidate> shuffled(unsigned count, std::uint64_t size) {
    std::vector<EvictionCandidate> candidates;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t item = i * 37 % count;  // 37 is prime to the counts below
        candidates.push_back({{Kind::unread, item}, 0, item, size});
    }
    return candidates;
}

TEST(Eviction, TakesTheLeastWorthyAndNoMoreThanNeedBe) {
    for (unsigned needed = 0; needed <= 100; ++needed) {
        std::vector<EvictionCandidate> candidates = shuffled(100, 10);
        keep_least_worthy(candidates, needed * 10, 0);
        std::vector<std::uint32_t> expected;
        for (std::uint32_t i = 0; i < needed; ++i) expected.push_back(i);
        ASSERT_EQ(items(candidates), expected);
    }
    std::vector<EvictionCandidate> part = shuffled(100, 10);
    keep_least_worthy(part, 31, 0);
    EXPECT_EQ(items(part).size(), 4u);
}

TEST(Eviction, TakesAllThereIsIfThatIsNotEnough) {
    std::vector<EvictionCandidate> candidates = shuffled(10, 10);
    keep_least_worthy(candidates, 1000, 0);
    EXPECT_EQ(candidates.size(), 10u);
    candidates.clear();
    keep_least_worthy(candidates, 1000, 1000);
    EXPECT_TRUE(candidates.empty());
}

EvictionCandidate candidate(Kind kind, std::uint64_t order, std::uint32_t owner, std::uint32_t item) {
    return {{kind, order}, owner, item, 10};
}

TEST(Eviction, WhatReadersWillComeToGoesOnlyIfAReadWaits) {
    const std::vector<EvictionCandidate> all{
        candidate(Kind::ahead, 9, 0, 1), candidate(Kind::pinned, 1, 0, 2),
        candidate(Kind::just_passed, 9, 0, 3), candidate(Kind::ahead, 8, 0, 4)};
    std::vector<EvictionCandidate> kept = all;
    keep_least_worthy(kept, 100, 10);
    EXPECT_THAT(items(kept), testing::ElementsAre(3)) << "the reserve is no reason";
    kept = all;
    keep_least_worthy(kept, 100, 15);
    EXPECT_THAT(items(kept), testing::ElementsAre(3, 4)) << "the further one";
    kept = all;
    keep_least_worthy(kept, 100, 40);
    EXPECT_THAT(items(kept), testing::ElementsAre(3, 4, 1, 2));
}

TEST(Eviction, WhatReadsWaitForGoesLastAndOneReadKeepsIts) {
    ReaderDemand reader;
    reader.blocked = {mib(0, 2), mib(4, 6)};
    const Worth first = worth(mib(1, 2), {reader}), second = worth(mib(4, 5), {reader});
    EXPECT_LT(second, first) << "of one reader's reads the older one comes first";
    const Worth of_later_reader = worth(mib(9, 10), {reader, {.blocked = {mib(9, 10)}, .window = {}}});
    EXPECT_LT(of_later_reader, second);
    const std::vector<EvictionCandidate> all{{first, 0, 1, 10},
                                             {second, 0, 2, 10},
                                             {of_later_reader, 0, 3, 10},
                                             {first, 1, 4, 10},
                                             candidate(Kind::pinned, 1, 1, 5)};
    std::vector<EvictionCandidate> kept = all;
    keep_least_worthy(kept, 100, 11);
    EXPECT_THAT(items(kept), testing::ElementsAre(5, 3));
    kept = all;
    keep_least_worthy(kept, 100, 100);
    EXPECT_THAT(items(kept), testing::UnorderedElementsAre(5, 3, 2, 4))
        << "the first read of the first store stays";
}

}  // namespace
}  // namespace btfs::test
