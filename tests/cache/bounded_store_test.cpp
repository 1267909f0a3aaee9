// Stores of a bounded cache, with the evictor at work, on a real file system.
#include <gtest/gtest.h>

#include <thread>

#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBound = CacheBound::kLeast;

World bounded_world(std::uint32_t piece_length, std::uint64_t size) {
    return World(make_torrent(piece_length, size));
}

/// Gives the store a piece, once it takes it.
void fill_when_there_is_room(World& w, PieceIndex piece) {
    PieceBufferPtr buffer;
    ASSERT_TRUE(w.engine.wait([&] {
        buffer = w.store->acquire(piece, Urgency::blocked_read);
        return buffer != nullptr;
    })) << "no room for piece "
        << piece.value();
    receive_all(*buffer, w.torrent.piece(piece));
    w.store->verify(piece, std::move(buffer), false);
}

/// Reads as a file system does, and fetches as an engine does what is missing or is evicted just before.
void read_through(World& w, ReaderId reader, ByteRange range) {
    w.store->set_reader(reader, {.blocked = {range}, .window = {range.begin, range.end + kMiB}});
    const auto result = std::make_shared<ReadResult>();
    w.store->read(reader, range, reply_to(result, *w.store, reader, range));
    const Layout& layout = w.torrent.spec.layout;
    while (!result->done()) {
        const PieceIndex last = layout.piece_at(range.end - 1);
        for (PieceIndex p = layout.piece_at(range.begin); p <= last; p = p.next())
            if (!w.store->has(layout.piece_range(p))) {
                fill_when_there_is_room(w, p);
                ASSERT_TRUE(
                    w.engine.wait([&] { return result->done() || w.store->has(layout.piece_range(p)); }));
            }
        ASSERT_TRUE(w.engine.wait([&] { return result->done() || !w.store->has(range); }));
    }
    ASSERT_EQ(result->bytes(), w.expected(range)) << "from " << range.begin;
}

/// Streams the torrent through the cache, and checks each piece and the bound.
void stream(World& w) {
    const Layout& layout = w.torrent.spec.layout;
    for (PieceIndex p(0); p.value() < layout.piece_count(); p = p.next()) {
        read_through(w, 1, layout.piece_range(p));
        ASSERT_LE(w.bytes_on_disk(), kBound);
    }
    w.store->drop_reader(1);
}

struct BoundedStoreTest : testing::TestWithParam<std::uint32_t> {};

INSTANTIATE_TEST_SUITE_P(PieceLengths, BoundedStoreTest, testing::Values(64 << 10, 1 << 20, 100'000));

TEST_P(BoundedStoreTest, WhatIsLargerThanTheBoundStreamsThroughIt) {
    World w = bounded_world(GetParam(), 40 * kMiB + 777);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    stream(w);
    EXPECT_FALSE(w.engine.evicted.empty());
    EXPECT_GE(w.store->bytes_had(), kBound / 3) << "more was evicted than had to be";
    stream(w);
}

TEST_P(BoundedStoreTest, TheBoundHoldsAfterAKillAndWhatWasNotEvictedIsThere) {
    World w = bounded_world(GetParam(), 20 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.run_and_kill([&] {
        w.open();
        stream(w);
    });
    w.open();
    const std::uint64_t had = w.store->bytes_had();
    EXPECT_GE(had, kBound / 3);
    for (PieceIndex p(0); p.value() < w.torrent.spec.layout.piece_count(); p = p.next()) {
        const ByteRange range = w.torrent.spec.layout.piece_range(p);
        if (!w.store->has(range)) continue;
        ASSERT_EQ(read_now(*w.store, range), w.expected(range)) << "piece " << p.value();
    }
    stream(w);
}

TEST(BoundedStore, WhatAReadWaitsForStaysThoughTheCacheIsFull) {
    World w = bounded_world(1 << 20, 20 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    const ByteRange first = w.range(0, 2 * kMiB);
    w.store->set_reader(1, {.blocked = {first}, .window = first});
    auto result = std::make_shared<ReadResult>();
    w.fill(PieceIndex(0), Urgency::blocked_read);
    ASSERT_TRUE(w.engine.wait_verified(PieceIndex(0)));
    const ByteRange read{kMiB / 2, kMiB + kMiB / 2};
    w.store->read(1, read, reply_to(result, *w.store, 1, read));
    for (unsigned p = 4; p < 18; ++p) fill_when_there_is_room(w, PieceIndex(p));
    EXPECT_FALSE(result->done());
    EXPECT_TRUE(w.store->has(w.range(0, kMiB)));
    fill_when_there_is_room(w, PieceIndex(1));
    EXPECT_EQ(result->bytes(), w.expected(read));
    EXPECT_LE(w.bytes_on_disk(), kBound);
}

TEST(BoundedStore, ReadersWhoHoldTheWholeCacheForEachOtherAreServedOneAfterTheOther) {
    World w = bounded_world(1 << 20, 40 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    // Each waits for two neighbours of which the first one comes.
    constexpr ReaderId kReaders = 12;
    std::vector<std::shared_ptr<ReadResult>> results;
    std::vector<ByteRange> reads;
    for (ReaderId r = 0; r < kReaders; ++r) {
        reads.push_back({2 * r * kMiB + kMiB / 2, 2 * r * kMiB + kMiB + kMiB / 2});
        results.push_back(std::make_shared<ReadResult>());
        w.store->set_reader(r, {.blocked = {reads[r]}, .window = reads[r]});
        w.store->read(r, reads[r], reply_to(results[r], *w.store, r, reads[r]));
    }
    // An engine serves the reads in its order, as long as there is room.
    ASSERT_TRUE(w.engine.wait([&] {
        bool all = true;
        for (ReaderId r = 0; r < kReaders; ++r) {
            if (results[r]->done()) {
                w.store->drop_reader(r);
                continue;
            }
            all = false;
            for (std::uint32_t p = 2 * r; p < 2 * r + 2; ++p) {
                const PieceIndex piece(p);
                if (w.store->has(w.torrent.spec.layout.piece_range(piece))) continue;
                PieceBufferPtr buffer = w.store->acquire(piece, Urgency::blocked_read);
                if (!buffer) continue;
                receive_all(*buffer, w.torrent.piece(piece));
                w.store->verify(piece, std::move(buffer), false);
            }
        }
        return all;
    }));
    for (ReaderId r = 0; r < kReaders; ++r) EXPECT_EQ(results[r]->bytes(), w.expected(reads[r]));
    EXPECT_LE(w.bytes_on_disk(), kBound);
}

TEST(BoundedStore, TheBackgroundEvictsNothingAndGoesOnWhenThereIsRoom) {
    World w = bounded_world(1 << 20, 20 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    unsigned taken = 0;
    for (unsigned p = 0; p < 20; ++p) {
        PieceBufferPtr buffer = w.store->acquire(PieceIndex(p), Urgency::background);
        if (!buffer) break;
        receive_all(*buffer, w.torrent.piece(PieceIndex(p)));
        w.store->verify(PieceIndex(p), std::move(buffer), false);
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
        ++taken;
    }
    EXPECT_GE(taken, 3u);
    EXPECT_LT(taken, 8u);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(w.engine.evicted.empty());
    const int credits = w.engine.credits;
    w.bound->budget().set_limit(30 * kMiB);
    EXPECT_TRUE(w.engine.wait([&] { return w.engine.credits > credits; }));
    EXPECT_TRUE(w.store->acquire(PieceIndex(taken), Urgency::background));
}

TEST(BoundedStore, WhatIsPinnedOutlastsWhatIsReadAndComesWithoutAReader) {
    World w = bounded_world(1 << 20, 40 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    Bitfield pins(40);
    for (unsigned p = 20; p < 23; ++p) pins.set(PieceIndex(p));
    w.store->set_pinned(pins);
    for (unsigned p = 0; p < 20; ++p) fill_when_there_is_room(w, PieceIndex(p));  // the cache is full now
    for (unsigned p = 20; p < 23; ++p) {
        PieceBufferPtr buffer;
        ASSERT_TRUE(w.engine.wait([&] {
            buffer = w.store->acquire(PieceIndex(p), Urgency::background);
            return buffer != nullptr;
        }));
        receive_all(*buffer, w.torrent.piece(PieceIndex(p)));
        w.store->verify(PieceIndex(p), std::move(buffer), false);
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
        EXPECT_TRUE(w.store->lasts(PieceIndex(p)));
    }
    EXPECT_FALSE(w.store->lasts(PieceIndex(0)));
    stream(w);
    const Layout& layout = w.torrent.spec.layout;
    for (unsigned p = 20; p < 23; ++p) EXPECT_TRUE(w.store->has(layout.piece_range(PieceIndex(p)))) << p;
    w.store->set_pinned(Bitfield(40));
    stream(w);
    EXPECT_FALSE(w.store->has(layout.piece_range(PieceIndex(20))));
}

TEST(BoundedStore, WhatIsRareInTheSwarmGoesAfterWhatIsNot) {
    World w = bounded_world(1 << 20, 5 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    for (unsigned p = 0; p < 5; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
    for (unsigned p = 0; p < 5; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    Bitfield rare(5);
    rare.set(PieceIndex(0));
    rare.set(PieceIndex(1));
    w.store->set_rare(rare);
    std::vector<EvictionCandidate> candidates;
    ASSERT_TRUE(w.engine.wait([&] {
        candidates.clear();
        w.store->list_evictable(0, 0, candidates);
        return candidates.size() == 5;
    })) << "on disk is so much: "
        << candidates.size();
    keep_least_worthy(candidates, 3 * kMiB, 0);
    EXPECT_EQ(candidates.size(), 3u);
    for (const EvictionCandidate& candidate : candidates) EXPECT_GT(candidate.item, 1u);
}

TEST(BoundedStore, PinsLeaveAPartOfTheCacheToReaders) {
    World w = bounded_world(1 << 20, 40 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    w.store->set_pinned(Bitfield(40, true));
    unsigned taken = 0;
    for (unsigned p = 0; p < 40; ++p) {
        PieceBufferPtr buffer = w.store->acquire(PieceIndex(p), Urgency::background);
        if (!buffer) continue;
        receive_all(*buffer, w.torrent.piece(PieceIndex(p)));
        w.store->verify(PieceIndex(p), std::move(buffer), false);
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
        ++taken;
    }
    EXPECT_GE(taken, 4u);
    EXPECT_LE(taken, 7u);
    stream(w);
}

TEST(BoundedStore, AWindowIsClippedToWhatTheCacheHolds) {
    World w = bounded_world(1 << 20, 40 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    const ReaderDemand demand = w.store->set_reader(1, {.blocked = {}, .window = w.range(0, 30 * kMiB)});
    EXPECT_GT(demand.window.size(), kMiB);
    EXPECT_LE(demand.window.size(), kBound / 2);
    for (ReaderId r = 2; r <= 8; ++r) w.store->set_reader(r, demand);
    EXPECT_LE(w.store->set_reader(1, {.blocked = {}, .window = w.range(0, 30 * kMiB)}).window.size(),
              kBound / 16);
    for (ReaderId r = 2; r <= 8; ++r) w.store->drop_reader(r);
    EXPECT_EQ(w.store->set_reader(1, {.blocked = {}, .window = w.range(0, 30 * kMiB)}).window.size(),
              demand.window.size());
}

TEST(BoundedStore, APieceThatSpilledAndWasGivenUpLeavesNoSpaceTaken) {
    World w(
        make_torrent(1 << 20, 20 * kMiB),
        {.spill_from = 64 << 10, .spill_share = 128 << 10, .spill_job = 16 << 10, .spill_room = 64 << 10});
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    const std::uint64_t used = w.bound->budget().used();
    {
        PieceBufferPtr buffer = w.store->acquire(PieceIndex(3), Urgency::blocked_read);
        ASSERT_TRUE(buffer);
        for (std::uint32_t block = 0; block < 40; ++block) {
            ASSERT_TRUE(w.engine.wait([&] { return buffer->has_room(); }));
            receive_block(*buffer, w.torrent.piece(PieceIndex(3)), block);
        }
        EXPECT_GT(w.bound->budget().used(), used);
    }
    ASSERT_TRUE(w.engine.wait([&] { return w.bound->budget().used() == used; }));
    EXPECT_LE(w.bytes_on_disk(), std::uint64_t{64} << 10);
    stream(w);
}

TEST(BoundedStore, WhatNoClaimCoversIsFreedWhenTheTorrentIsOpened) {
    World w = bounded_world(1 << 20, 20 * kMiB);
    w.open();  // without a bound
    for (unsigned p = 0; p < 20; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
    for (unsigned p = 0; p < 20; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    w.close();
    std::filesystem::resize_file(w.claims_path(), 0);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    EXPECT_LE(w.bytes_on_disk(), 64u << 10);
    EXPECT_EQ(w.store->bytes_had(), 0u);
}

TEST(BoundedStore, ACacheThatHasMoreThanItsNewBoundGivesThatUp) {
    World w = bounded_world(1 << 20, 30 * kMiB);
    w.open();
    for (unsigned p = 0; p < 30; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
    for (unsigned p = 0; p < 30; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    w.close();
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    ASSERT_TRUE(w.engine.wait([&] { return w.bytes_on_disk() <= kBound; }));
    EXPECT_GE(w.store->bytes_had(), kBound / 3);
    stream(w);
}

TEST(BoundedStore, WhatAClosedStoreHasIsCountedStillAndGoesBeforeWhatCameLater) {
    World w = bounded_world(1 << 20, 6 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    for (unsigned p = 0; p < 5; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
    for (unsigned p = 0; p < 5; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    w.close();
    EXPECT_GE(w.bound->budget().used(), 5 * kMiB);
    EXPECT_LE(w.bound->budget().used(), 5 * kMiB + (64 << 10));
    const std::filesystem::path first = w.data_path();
    std::filesystem::last_write_time(w.claims_path(), std::filesystem::file_time_type::clock::now() - 1h);
    w.bound->closed().rescan();
    w.torrent = make_torrent(1 << 20, 12 * kMiB, 2);
    w.engine.verified.clear();
    w.open();
    for (unsigned p = 0; p < 12; ++p) fill_when_there_is_room(w, PieceIndex(p));
    ASSERT_TRUE(w.engine.wait_verified(PieceIndex(11)));
    EXPECT_FALSE(std::filesystem::exists(first));
    EXPECT_GE(w.store->bytes_had(), 3 * kMiB);
}

/// The last block of the disk belongs to the last piece alone, wherever that ends.
TEST(BoundedStore, TheLastPieceIsFreedWhole) {
    for (const std::uint64_t size : {std::uint64_t{800'000}, std::uint64_t{790'001}}) {
        World w = bounded_world(100'000, size);
        w.sizes = CacheSizes{kBound, 0};
        w.open();
        for (unsigned p = 0; p < 8; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
        for (unsigned p = 0; p < 8; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
        ASSERT_TRUE(w.engine.wait([&] { return w.bytes_on_disk() >= size; }));
        ASSERT_TRUE(w.engine.wait([&] {
            w.bound->budget().set_limit(kDiskBlock);  // until it is looked at again
            return w.store->bytes_had() == 0;
        }));
        EXPECT_TRUE(w.engine.wait([&] { return w.bytes_on_disk() <= (std::uint64_t{16} << 10); }))
            << "the claims alone";
        w.bound->budget().set_limit(kBound);
        stream(w);
    }
}

TEST(BoundedStore, NothingIsCountedTwiceWhileStoresOpenAndClose) {
    World w = bounded_world(1 << 20, 5 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    for (unsigned p = 0; p < 5; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
    for (unsigned p = 0; p < 5; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    for (int i = 0; i < 20; ++i) {
        w.close();
        EXPECT_LE(w.bound->budget().used(), 5 * kMiB + (16 << 10));
        w.open();
        EXPECT_EQ(w.store->bytes_had(), 5 * kMiB) << "evicted for what was counted twice";
        w.bound->closed().rescan();
        EXPECT_GE(w.bound->budget().used(), 5 * kMiB);
        EXPECT_LE(w.bound->budget().used(), 5 * kMiB + (16 << 10));
    }
}

TEST(BoundedStore, WhereNothingCanBeFreedWhatFindsNoRoomIsReadThroughMemory) {
    World w = bounded_world(1 << 20, 20 * kMiB);
    w.use_faults().fail(DiskCall::punch, EOPNOTSUPP);
    w.sizes = CacheSizes{kBound, 0, false};
    w.open();
    stream(w);
    stream(w);
    EXPECT_TRUE(w.engine.evicted.empty());
    EXPECT_GE(w.bytes_on_disk(), kBound / 2);
    EXPECT_EQ(read_now(*w.store, w.range(0, kMiB)), w.expected(w.range(0, kMiB)));
}

TEST(BoundedStore, ATorrentIsOpenOnce) {
    World w = bounded_world(1 << 20, 5 * kMiB);
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    w.fill(PieceIndex(0), Urgency::blocked_read);
    ASSERT_TRUE(w.engine.wait_verified(PieceIndex(0)));
    auto dir = CacheDir::open(w.dir.path(), w.boot_id);
    dir->set_bound(*w.bound);
    const auto second = dir->open_torrent(w.torrent.spec, w.pool(), w.memory);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), make_error_code(Errc::storage_locked));
    w.bound->closed().rescan();
    EXPECT_LE(w.bound->budget().used(), kMiB + (16 << 10));
}

TEST(BoundedStore, ATorrentOfPiecesThatDoNotFitIsRefused) {
    World w = bounded_world(4 << 20, 20 * kMiB);
    auto cache_dir = CacheDir::open(w.dir.path(), w.boot_id);
    CacheBound bound(cache_dir->files(), w.pool(), {kBound, 0});
    cache_dir->set_bound(bound);
    const auto store = cache_dir->open_torrent(w.torrent.spec, w.pool(), w.memory);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error(), make_error_code(CacheDirErrc::bound_too_small));
}

}  // namespace
}  // namespace btfs::test
