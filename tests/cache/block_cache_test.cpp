#include "cache/pieces/block_cache.hpp"

#include <gtest/gtest.h>

#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

/// Cache of four pieces of two blocks; the last one is short.
struct BlockCacheTest : testing::Test {
    test::Torrent torrent = test::make_torrent(2 * kBlockSize, 7 * kBlockSize + 100);
    PieceMemory memory;
    BlockCache cache{torrent.spec.layout};
    CacheActions actions;

    PieceBufferPtr buffer(unsigned piece) {
        const ByteView content = torrent.piece(PieceIndex(piece));
        PieceBufferPtr b = memory.acquire(content.size(), MemoryUse::ahead);
        std::ranges::copy(content, b->bytes().begin());
        return b;
    }
    BlockSpan whole(unsigned piece) { return cache.whole(PieceIndex(piece)); }
    bool publish(unsigned piece) { return cache.publish(whole(piece), buffer(piece), actions); }
    bool parks(ReadId id, std::uint64_t begin, std::uint64_t end,
               Patience patience = Patience::until_fetched) {
        return cache.read(id, {begin, end}, test::reply_to(std::make_shared<test::ReadResult>()), patience,
                          actions);
    }
    std::uint64_t losses(unsigned piece) {
        return cache.losses(torrent.spec.layout.piece_range(PieceIndex(piece)));
    }
    BlockCache::Proof prove(unsigned piece, std::uint64_t losses_before) {
        return cache.proved(whole(piece), buffer(piece), losses_before, actions);
    }
    /// Returns the bytes that the only ready read gets from memory.
    Bytes ready_bytes() {
        Bytes out;
        EXPECT_EQ(actions.ready.size(), 1u);
        for (const ReadSegment& s : actions.ready.at(0).segments) {
            EXPECT_TRUE(s.memory);
            if (s.memory) out.insert(out.end(), s.bytes, s.bytes + s.range.size());
        }
        return out;
    }
    Bytes content(std::uint64_t begin, std::uint64_t end) {
        const ByteView v = torrent.bytes({begin, end});
        return {v.begin(), v.end()};
    }
};

TEST_F(BlockCacheTest, AMissingReadParksUntilItsPieceIsVerified) {
    EXPECT_TRUE(parks(1, 100, 200));
    EXPECT_FALSE(cache.has({100, 200}));
    EXPECT_TRUE(publish(0));
    EXPECT_EQ(ready_bytes(), content(100, 200));
    EXPECT_EQ(cache.parked_count(), 0u);
    EXPECT_TRUE(cache.has({100, 200}));
}

TEST_F(BlockCacheTest, AReadOverTwoPiecesWaitsForBothInAnyOrder) {
    const std::uint64_t edge = 2 * kBlockSize;
    for (const unsigned first : {0u, 1u}) {
        SCOPED_TRACE(first);
        BlockCache fresh(torrent.spec.layout);
        CacheActions a;
        EXPECT_TRUE(fresh.read(1, {edge - 10, edge + 10}, nullptr, Patience::until_fetched, a));
        fresh.publish(whole(first), buffer(first), a);
        EXPECT_TRUE(a.ready.empty());
        fresh.publish(whole(1 - first), buffer(1 - first), a);
        ASSERT_EQ(a.ready.size(), 1u);
        EXPECT_EQ(a.ready[0].segments.size(), 2u);
    }
}

TEST_F(BlockCacheTest, APieceLostBeforeTheOtherOneCameIsWaitedForAgain) {
    const std::uint64_t edge = 2 * kBlockSize;
    EXPECT_TRUE(parks(1, edge - 10, edge + 10));
    publish(0);
    EXPECT_TRUE(cache.lose(whole(0), actions));
    publish(1);
    EXPECT_TRUE(actions.ready.empty());
    publish(0);
    EXPECT_EQ(ready_bytes(), content(edge - 10, edge + 10));
}

TEST_F(BlockCacheTest, WrittenPiecesAreReadFromDiskWithoutTheLock) {
    publish(2);
    EXPECT_FALSE(cache.on_disk({4 * kBlockSize, 5 * kBlockSize}));
    cache.on_written(whole(2));
    EXPECT_TRUE(cache.on_disk({4 * kBlockSize, 6 * kBlockSize}));
    EXPECT_FALSE(cache.on_disk({4 * kBlockSize, 6 * kBlockSize + 1}));
    EXPECT_EQ(memory.held_bytes(), 0u) << "the buffer goes back when its bytes are on disk";
    EXPECT_EQ(cache.bytes_had(), 2 * kBlockSize);
    EXPECT_FALSE(publish(2)) << "a piece that is had is not taken twice";
}

TEST_F(BlockCacheTest, AReadMayComeFromMemoryAndDiskAtOnce) {
    publish(0);
    cache.on_written(whole(0));
    publish(1);
    EXPECT_FALSE(parks(1, 0, 4 * kBlockSize));
    ASSERT_EQ(actions.ready.size(), 1u);
    ASSERT_EQ(actions.ready[0].segments.size(), 2u);
    EXPECT_FALSE(actions.ready[0].segments[0].memory);
    EXPECT_EQ(actions.ready[0].segments[0].range, (ByteRange{0, 2 * kBlockSize}));
    EXPECT_TRUE(actions.ready[0].segments[1].memory);
}

TEST_F(BlockCacheTest, AClaimedPieceIsProvenOnceForAllItsReaders) {
    cache.claim(whole(0), false);
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_TRUE(parks(2, 100, 200));
    EXPECT_EQ(actions.to_prove, std::vector{PieceIndex(0)});
    EXPECT_EQ(prove(0, losses(0)), BlockCache::Proof::of_trusted);
    EXPECT_EQ(actions.ready.size(), 2u);
    EXPECT_TRUE(cache.on_disk({0, 2 * kBlockSize}));
}

TEST_F(BlockCacheTest, AProofOfWhatWasLostMeanwhileIsStale) {
    cache.claim(whole(0), false);
    EXPECT_TRUE(parks(1, 0, 100));
    const std::uint64_t before = losses(0);
    EXPECT_TRUE(cache.lose(whole(0), actions));
    EXPECT_EQ(prove(0, before), BlockCache::Proof::stale);
    EXPECT_FALSE(cache.has({0, 100}));
    EXPECT_EQ(cache.parked_count(), 1u);
}

TEST_F(BlockCacheTest, AStaleProofBeginsAgainIfSomebodyWaits) {
    cache.claim(whole(0), false);
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_EQ(prove(0, losses(0) + 1), BlockCache::Proof::stale);  // as if another piece was lost
    EXPECT_EQ(actions.to_prove, (std::vector{PieceIndex(0), PieceIndex(0)}));
    EXPECT_EQ(prove(0, losses(0)), BlockCache::Proof::of_trusted);
    EXPECT_EQ(actions.ready.size(), 1u);
}

TEST_F(BlockCacheTest, AProofThatCannotBeHadNowFailsItsReadsAndLeavesTheClaim) {
    cache.claim(whole(0), true);
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_TRUE(parks(2, 0, 100, Patience::until_proven));
    cache.proof_failed(PieceIndex(0), Errc::storage_failed, actions);
    EXPECT_EQ(actions.failed.size(), 2u);
    EXPECT_EQ(cache.parked_count(), 0u);
    EXPECT_TRUE(cache.doubtful_pieces().test(PieceIndex(0)));
    EXPECT_TRUE(parks(3, 0, 100)) << "the next read tries again";
    EXPECT_EQ(actions.to_prove.size(), 2u);
}

TEST_F(BlockCacheTest, ALossIsSeenByWhoeverReadsTheDiskMeanwhile) {
    publish(0);
    cache.on_written(whole(0));
    const std::uint64_t before = losses(0), elsewhere = losses(1);
    EXPECT_TRUE(cache.on_disk({0, 100}));
    EXPECT_TRUE(cache.lose(whole(0), actions));
    publish(0);
    cache.on_written(whole(0));
    EXPECT_TRUE(cache.on_disk({0, 100})) << "it looks as before";
    EXPECT_NE(losses(0), before);
    EXPECT_EQ(losses(1), elsewhere) << "who reads another piece is not disturbed";
}

TEST_F(BlockCacheTest, AfterASyncThatFailedAllThatIsStoredIsDoubtful) {
    cache.claim(whole(0), false);
    publish(1);
    cache.on_written(whole(1));
    cache.doubt_all();
    EXPECT_TRUE(cache.available().none());
    EXPECT_EQ(cache.doubtful_pieces().count(), 2u);
    EXPECT_TRUE(cache.on_disk({2 * kBlockSize, 4 * kBlockSize})) << "within this run it is what was written";
}

TEST_F(BlockCacheTest, PiecesOfAnEarlierRunAreToldFromThoseOfThisOneUntilTheyAreProven) {
    cache.claim(whole(0), false);
    publish(1);
    cache.on_written(whole(1));
    EXPECT_EQ(cache.claimed_pieces().count(), 1u);
    EXPECT_TRUE(cache.claimed_pieces().test(PieceIndex(0)));
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_EQ(prove(0, losses(0)), BlockCache::Proof::of_trusted);
    EXPECT_TRUE(cache.claimed_pieces().none());
}

TEST_F(BlockCacheTest, WhatIsExpectedIsProvenOnceBeforeItIsRead) {
    cache.claim(whole(0), false);
    publish(1);
    cache.on_written(whole(1));
    cache.expect({0, 6 * kBlockSize}, actions);  // piece 1 is proven, piece 2 is missing
    cache.expect({0, 6 * kBlockSize}, actions);
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_EQ(actions.to_prove, std::vector{PieceIndex(0)});
    EXPECT_EQ(prove(0, losses(0)), BlockCache::Proof::of_trusted);
    EXPECT_EQ(actions.ready.size(), 1u);
}

TEST_F(BlockCacheTest, AFailedProofLeavesReadersWaitingForTheSwarmAndUploadsFailed) {
    cache.claim(whole(0), true);
    EXPECT_TRUE(cache.doubtful_pieces().test(PieceIndex(0)));
    EXPECT_FALSE(cache.available().test(PieceIndex(0)));
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_TRUE(parks(2, 0, 100, Patience::until_proven));
    EXPECT_TRUE(cache.lose(whole(0), actions));
    ASSERT_EQ(actions.failed.size(), 1u);
    EXPECT_EQ(cache.parked_count(), 1u);
    EXPECT_TRUE(cache.doubtful_pieces().none());
    publish(0);
    EXPECT_EQ(ready_bytes(), content(0, 100));
}

TEST_F(BlockCacheTest, UploadsOfMissingPiecesFailAtOnce) {
    EXPECT_FALSE(parks(1, 0, 100, Patience::until_proven));
    EXPECT_EQ(actions.failed.size(), 1u);
}

TEST_F(BlockCacheTest, ACancelledReadIsTakenOutOnce) {
    EXPECT_TRUE(parks(1, 0, 100));
    EXPECT_TRUE(parks(2, 0, 100));
    EXPECT_TRUE(cache.cancel(1));
    EXPECT_FALSE(cache.cancel(1));
    publish(0);
    EXPECT_EQ(actions.ready.size(), 1u);
    EXPECT_FALSE(cache.cancel(2));
}

TEST_F(BlockCacheTest, CloseFailsWhatIsParkedAndWhatWouldPark) {
    publish(0);
    EXPECT_TRUE(parks(1, 3 * kBlockSize, 3 * kBlockSize + 1));
    EXPECT_EQ(cache.close(Errc::cancelled).size(), 1u);
    EXPECT_FALSE(parks(2, 3 * kBlockSize, 3 * kBlockSize + 1));
    ASSERT_EQ(actions.failed.size(), 1u);
    EXPECT_EQ(actions.failed[0].error, Errc::cancelled);
    EXPECT_FALSE(parks(3, 0, 10));
    EXPECT_EQ(actions.ready.size(), 1u) << "what is there can still be read";
}

TEST_F(BlockCacheTest, ParkedReadsAreBounded) {
    for (ReadId id = 0; id < BlockCache::kMaxParked; ++id)
        ASSERT_TRUE(cache.read(id, {0, 1}, nullptr, Patience::until_fetched, actions));
    EXPECT_FALSE(parks(BlockCache::kMaxParked, 0, 1));
    EXPECT_EQ(actions.failed.size(), 1u);
    // Cancels the newest first: cancel() must not search the reads from either end.
    for (ReadId id = BlockCache::kMaxParked; id-- > 0;) cache.cancel(id);
    EXPECT_EQ(cache.parked_count(), 0u);
}

TEST_F(BlockCacheTest, SingleBlocksOfAPieceHaveStatesOfTheirOwn) {
    const PieceBufferPtr piece = buffer(0);
    EXPECT_TRUE(parks(1, 0, 10));
    EXPECT_TRUE(parks(2, 0, kBlockSize + 1));
    EXPECT_TRUE(cache.publish({PieceIndex(0), 0, 1}, piece, actions));
    ASSERT_EQ(actions.ready.size(), 1u);
    EXPECT_EQ(cache.bytes_had(), kBlockSize);
    EXPECT_FALSE(cache.available().test(PieceIndex(0)));
    EXPECT_TRUE(cache.publish({PieceIndex(0), 1, 1}, piece, actions));
    EXPECT_EQ(actions.ready.size(), 2u);
    cache.on_written({PieceIndex(0), 0, 1});
    EXPECT_TRUE(cache.on_disk({0, kBlockSize}));
    EXPECT_FALSE(cache.on_disk({0, kBlockSize + 1}));
    EXPECT_TRUE(cache.has({0, kBlockSize + 1}));
    EXPECT_TRUE(cache.available().test(PieceIndex(0)));
}

}  // namespace
}  // namespace btfs
