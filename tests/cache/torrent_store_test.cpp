#include "cache/torrent_store.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <future>

#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

using test::FileSizeLimit;
using test::make_torrent;
using test::read_now;
using test::ReadResult;
using test::World;

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr PieceIndex p0(0), p1(1), p2(2);

std::shared_ptr<ReadResult> start_read(World& w, ReadId id, ByteRange range, ReadOutcome expected) {
    auto result = std::make_shared<ReadResult>();
    EXPECT_EQ(w.store->read(id, range, test::reply_to(result, *w.store, id, range)), expected);
    return result;
}

TEST(TorrentStoreTest, AParkedReadIsAnsweredWhenItsPieceIsVerified) {
    World w(make_torrent(kPiece, 5 * kPiece - 777));
    w.open();
    const ByteRange range = w.range(kPiece - 100, 300);
    auto read = start_read(w, 1, range, ReadOutcome::parked);
    w.fill(p1);
    EXPECT_TRUE(w.engine.wait_verified(p1));
    EXPECT_FALSE(read->done());
    w.fill(p0);
    EXPECT_EQ(read->bytes(), w.expected(range));
    EXPECT_TRUE(w.store->available().test(p0));
    EXPECT_EQ(w.store->bytes_had(), 2 * kPiece);
}

TEST(TorrentStoreTest, WhatIsHadIsReadAtOnceWithOrWithoutAnEngine) {
    World w(make_torrent(kPiece, 5 * kPiece - 777));
    w.open();
    w.fill_all();
    w.close();  // everything is written now
    w.open();
    w.store->detach();
    const ByteRange all = w.range(0, w.torrent.content.size());
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    auto read = start_read(w, 1, w.range(10, 5000), ReadOutcome::answered);
    EXPECT_EQ(read->bytes(), w.expected(w.range(10, 5000)));
    EXPECT_TRUE(start_read(w, 2, w.range(77, 0), ReadOutcome::answered)->bytes().empty());
    EXPECT_TRUE(w.store->has(all));
}

TEST(TorrentStoreTest, AMismatchComesBackWithBlockDigests) {
    World w(make_torrent(kPiece, 2 * kPiece));
    w.open();
    auto read = start_read(w, 1, w.range(0, 10), ReadOutcome::parked);
    PieceBufferPtr buffer = w.store->acquire(p0, Urgency::blocked_read);
    std::ranges::copy(w.torrent.piece(p0), buffer->bytes().begin());
    buffer->bytes()[kBlockSize + 5] ^= std::byte{1};
    w.store->verify(p0, std::move(buffer), false);
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.mismatched.contains(0); }));
    {
        std::lock_guard lock(w.engine.mutex);
        const auto& digests = w.engine.mismatched[0];
        ASSERT_EQ(digests.size(), 4u);
        EXPECT_EQ(digests[0], sha1(w.torrent.piece(p0).first(kBlockSize)));
        EXPECT_NE(digests[1], sha1(w.torrent.piece(p0).subspan(kBlockSize, kBlockSize)));
    }
    EXPECT_FALSE(read->done());
    EXPECT_FALSE(w.store->has(w.range(0, 1)));
    w.fill(p0, Urgency::blocked_read, true);
    EXPECT_EQ(read->bytes(), w.expected(w.range(0, 10)));
    ASSERT_TRUE(w.engine.wait_verified(p0));
    std::lock_guard lock(w.engine.mutex);
    EXPECT_EQ(w.engine.verified[0].size(), 4u);
}

TEST(TorrentStoreTest, UploadsGetVerifiedBytesOrAnError) {
    World w(make_torrent(kPiece, 2 * kPiece));
    w.open();
    w.fill(p0);
    ASSERT_TRUE(w.engine.wait_verified(p0));
    w.store->read(1, {p0, 3 * kBlockSize, kBlockSize});
    w.store->read(2, {p1, 0, kBlockSize});
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.reads.size() == 2; }));
    std::lock_guard lock(w.engine.mutex);
    EXPECT_EQ(w.engine.reads.at(1).value(), w.expected(w.range(3 * kBlockSize, kBlockSize)));
    EXPECT_FALSE(w.engine.reads.at(2));
}

TEST(TorrentStoreTest, AnUploadMayBeAsLongAsStorageAllows) {
    constexpr std::uint32_t kLarge = Storage::kMaxUpload + kBlockSize;
    World w(make_torrent(kLarge, kLarge));
    w.open();
    w.fill_all();
    w.store->read(1, {p0, kBlockSize, Storage::kMaxUpload});
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.reads.contains(1); }));
    EXPECT_EQ(w.engine.reads.at(1).value(), w.expected(w.range(kBlockSize, Storage::kMaxUpload)));
}

TEST(TorrentStoreTest, CancelledAndClosedReadsEndWithTheirError) {
    World w(make_torrent(kPiece, 2 * kPiece));
    w.open();
    auto a = start_read(w, 1, w.range(0, 10), ReadOutcome::parked);
    auto b = start_read(w, 2, w.range(0, 10), ReadOutcome::parked);
    EXPECT_TRUE(w.store->cancel(1, Errc::timed_out));
    EXPECT_FALSE(w.store->cancel(1, Errc::timed_out));
    EXPECT_EQ(a->error(), Errc::timed_out);
    w.store->close(Errc::cancelled);
    EXPECT_EQ(b->error(), Errc::cancelled);
    EXPECT_EQ(start_read(w, 3, w.range(0, 10), ReadOutcome::answered)->error(), Errc::cancelled);
}

TEST(TorrentStoreTest, PadBytesAreZerosInABufferUsedBefore) {
    World w(make_torrent(kPiece,
                         {{0, kPiece - 5000, false}, {kPiece - 5000, 5000, true}, {kPiece, kPiece, false}}));
    w.open();
    w.fill(p1);
    w.close();  // frees the buffer, which is full of other bytes
    w.open();
    PieceBufferPtr buffer = w.store->acquire(p0, Urgency::readahead);
    std::ranges::copy(w.torrent.piece(p0).first(kPiece - 5000), buffer->bytes().begin());
    w.store->verify(p0, std::move(buffer), false);
    EXPECT_TRUE(w.engine.wait_verified(p0)) << "the piece's hash counts the zeros";
}

// ---- earlier runs ----

TEST(TorrentStoreTest, KillLosesNothingThatWasWritten) {
    World w(make_torrent(kPiece, 20 * kPiece));
    w.run_and_kill([&] {
        w.open();
        for (PieceIndex p(0); p.value() < 20; p = p.next()) w.fill(p);
        // Buffers are freed once they are written. As much as this is free when none is held.
        std::promise<void> written;
        w.memory.when_free(PieceMemory::kDefaultBudget, MemoryUse::ahead, &written,
                           [&] { written.set_value(); });
        EXPECT_EQ(written.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
    });

    w.open();
    // The last claims may be missing: a claim is saved a moment after its buffer is freed.
    EXPECT_GE(w.store->available().count(), 18u);
    EXPECT_TRUE(w.store->unproven().none());
    const ByteRange range = w.range(3 * kPiece + 10, 2 * kPiece);
    auto read = start_read(w, 1, range, ReadOutcome::parked);
    EXPECT_EQ(read->bytes(), w.expected(range));
    EXPECT_EQ(start_read(w, 2, range, ReadOutcome::answered)->bytes(), w.expected(range));
}

TEST(TorrentStoreTest, RotIsNeverServed) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    test::flip_byte(w.data_path(), kPiece + 4321);
    w.open();
    EXPECT_TRUE(w.store->available().all());
    auto read = start_read(w, 1, w.range(kPiece, 100), ReadOutcome::parked);
    w.store->read(7, {p1, 0, kBlockSize});
    ASSERT_TRUE(w.engine.wait_lost(p1));
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.reads.contains(7); }));
    EXPECT_FALSE(w.engine.reads.at(7)) << "an upload does not wait for the swarm";
    EXPECT_FALSE(read->done());
    EXPECT_FALSE(w.store->available().test(p1));
    w.fill(p1);
    EXPECT_EQ(read->bytes(), w.expected(w.range(kPiece, 100)));
    w.close();
    w.open();
    EXPECT_EQ(read_now(*w.store, w.range(0, 3 * kPiece)), w.torrent.content);
}

TEST(TorrentStoreTest, AfterAPowerLossNothingIsAnnouncedBeforeItsProof) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.run_and_kill([&] {
        w.open();
        w.fill_all();
        w.close();
        // The next run begins to write, so the mark of a clean end is gone when the machine fails.
        w.open();
        test::flip_byte(w.data_path(), 5);
        read_now(*w.store, {kPiece, kPiece + 10});
        start_read(w, 1, {0, 10}, ReadOutcome::parked);
        const std::uint64_t first_stored_bits = 128;
        while ((test::byte_at(w.claims_path(), first_stored_bits) & std::byte{1}) != std::byte{0})
            std::this_thread::yield();  // until the loss is on file
    });
    w.boot_id = BootId{std::byte{8}};
    w.open();
    EXPECT_TRUE(w.store->available().none());
    EXPECT_EQ(w.store->unproven().count(), 2u);
    w.store->read(1, {p2, 0, kBlockSize});
    EXPECT_TRUE(w.engine.wait_verified(p2));
    EXPECT_TRUE(w.store->available().test(p2));
    EXPECT_TRUE(w.store->unproven().test(p1));
    w.close();
    w.open();
    EXPECT_TRUE(w.store->available().test(p2));
    EXPECT_TRUE(w.store->unproven().test(p1)) << "a clean end proves nothing that was doubted";
}

TEST(TorrentStoreTest, WhatIsRecheckedIsServedOnceItIsProvenAndWhatIsDamagedIsLost) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    w.open();
    EXPECT_EQ(read_now(*w.store, w.range(0, 3 * kPiece)), w.torrent.content);
    test::flip_byte(w.data_path(), kPiece + 5);
    EXPECT_NE(read_now(*w.store, w.range(kPiece, 10)), w.expected(w.range(kPiece, 10)))
        << "it was verified, and is not looked at again";
    w.store->recheck();
    auto damaged = start_read(w, 1, w.range(kPiece, 10), ReadOutcome::parked);
    EXPECT_EQ(read_now(*w.store, w.range(0, kPiece)), w.expected(w.range(0, kPiece)));
    EXPECT_TRUE(w.engine.wait_lost(p1));
    EXPECT_FALSE(damaged->done());
    EXPECT_TRUE(w.engine.wait([&] { return w.store->unproven().none(); }));
    EXPECT_TRUE(w.store->available().test(p0) && w.store->available().test(p2));
    EXPECT_FALSE(w.store->available().test(p1));
    EXPECT_EQ(w.store->bytes_had(), 2 * kPiece);
    w.fill(p1);
    EXPECT_EQ(damaged->bytes(), w.expected(w.range(kPiece, 10)));
    EXPECT_EQ(read_now(*w.store, w.range(0, 3 * kPiece)), w.torrent.content);
}

TEST(TorrentStoreTest, TheProgressOfARecheckIsToldUntilItHasEnded) {
    World w(make_torrent(kPiece, 40 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    w.open();
    const auto progress = w.store->recheck_progress();
    EXPECT_FALSE(progress->get());
    w.store->recheck();
    double done = 0;
    EXPECT_TRUE(w.engine.wait([&] {
        const auto state = progress->get();
        if (!state) return true;
        EXPECT_GE(state->done, done) << "it never falls";
        EXPECT_LE(state->done, 1);
        done = state->done;
        return false;
    }));
    EXPECT_TRUE(w.store->unproven().none());
    w.close();
    EXPECT_FALSE(progress->get());
}

TEST(TorrentStoreTest, WhatAnEarlierRunHasLeftIsRecheckedToo) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    test::flip_byte(w.data_path(), 2 * kPiece + 5);
    w.open();
    w.store->recheck();
    EXPECT_TRUE(w.engine.wait_lost(p2));
    EXPECT_TRUE(w.engine.wait([&] { return w.store->unproven().none(); }));
    EXPECT_EQ(w.store->available().count(), 2u);
    EXPECT_TRUE(w.store->earlier().none()) << "all is proven";
}

TEST(TorrentStoreTest, WhatIsRecheckedDuringACheckIsCheckedAgain) {
    World w(make_torrent(kPiece, 20 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    w.open();
    for (std::uint64_t piece = 0; piece < 20; ++piece) read_now(*w.store, w.range(piece * kPiece, kPiece));
    for (int i = 0; i < 5; ++i) {
        w.store->recheck();
        EXPECT_EQ(read_now(*w.store, w.range(5 * kPiece, kPiece)), w.expected(w.range(5 * kPiece, kPiece)));
    }
    EXPECT_TRUE(w.engine.wait([&] { return w.store->unproven().none(); }));
    EXPECT_TRUE(w.store->available().all());
    EXPECT_TRUE(w.engine.lost.empty());
}

TEST(TorrentStoreTest, ADataFileThatIsGoneIsALossNotAnError) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    std::filesystem::remove(w.data_path());
    w.open();
    auto read = start_read(w, 1, w.range(0, 10), ReadOutcome::parked);
    EXPECT_TRUE(w.engine.wait_lost(p0));
    w.fill(p0);
    EXPECT_EQ(read->bytes(), w.expected(w.range(0, 10)));
}

TEST(TorrentStoreTest, ADataFileCutUnderOurHandsIsALossThatTheSwarmHeals) {
    World w(make_torrent(kPiece, 3 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    w.open();
    EXPECT_EQ(read_now(*w.store, w.range(0, 3 * kPiece)), w.torrent.content);
    std::filesystem::resize_file(w.data_path(), kPiece);
    auto read = start_read(w, 1, w.range(2 * kPiece, 10), ReadOutcome::answered);
    EXPECT_TRUE(w.engine.wait_lost(p2));
    EXPECT_FALSE(read->done());
    w.fill(p2);
    EXPECT_EQ(read->bytes(), w.expected(w.range(2 * kPiece, 10)));
}

TEST(TorrentStoreTest, ASecondProcessIsToldSo) {
    World w(make_torrent(kPiece, kPiece));
    w.open();
    auto dir = CacheDir::open(w.dir.path(), w.boot_id);
    auto second = dir->open_torrent(w.torrent.spec, w.pool(), w.memory);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), Errc::storage_locked);
}

TEST(TorrentStoreTest, ManyProofsShareTheirMemory) {
    constexpr std::uint32_t kLarge = 4 << 20;
    World w(make_torrent(kLarge, 6 * kLarge));
    w.open();
    w.fill_all();
    w.close();
    w.open();
    std::vector<std::shared_ptr<ReadResult>> reads;
    for (std::uint64_t p = 0; p < 6; ++p)
        reads.push_back(start_read(w, p, w.range(p * kLarge, 100), ReadOutcome::parked));
    for (std::uint64_t p = 0; p < 6; ++p) EXPECT_EQ(reads[p]->bytes(), w.expected(w.range(p * kLarge, 100)));
}

// ---- memory and disk that run out ----

TEST(TorrentStoreTest, CreditComesBackOnceWhenMemoryDoes) {
    World w(make_torrent(1 << 20, 80 << 20));
    w.open();
    std::vector<PieceBufferPtr> held;
    PieceIndex p(0);
    while (auto buffer = w.store->acquire(p, Urgency::readahead)) held.push_back(buffer), p = p.next();
    EXPECT_EQ(held.size(), 56u);
    EXPECT_FALSE(w.store->acquire(p, Urgency::background));
    EXPECT_TRUE(w.store->acquire(p, Urgency::blocked_read));
    {
        std::lock_guard lock(w.engine.mutex);
        EXPECT_EQ(w.engine.credits, 0);
    }
    held.clear();
    EXPECT_TRUE(w.engine.wait([&] { return w.engine.credits == 1; }));
    EXPECT_LE(w.memory.idle_bytes(), PieceMemory::kIdleBytes);
}

TEST(TorrentStoreTest, AFullDiskIsServedFromMemoryAndRecoversByItself) {
    World w(make_torrent(kPiece, 8 * kPiece));
    w.open();
    w.fill(p0);
    ASSERT_TRUE(w.engine.wait_verified(p0));
    {
        FileSizeLimit full(kPiece + 4096);
        auto read = start_read(w, 1, w.range(kPiece, 10), ReadOutcome::parked);
        w.fill(p1, Urgency::blocked_read);
        EXPECT_EQ(read->bytes(), w.expected(w.range(kPiece, 10)));
        ASSERT_TRUE(w.engine.wait_verified(p1));
        while (w.store->acquire(p2, Urgency::readahead))
            std::this_thread::yield();  // until the write has failed
        EXPECT_FALSE(w.store->acquire(p2, Urgency::background))
            << "nothing is fetched ahead onto a full disk";
        EXPECT_TRUE(w.store->acquire(p2, Urgency::blocked_read));
        EXPECT_EQ(start_read(w, 2, w.range(kPiece + 10, 10), ReadOutcome::answered)->bytes(),
                  w.expected(w.range(kPiece + 10, 10)))
            << "the rest of the piece need not be fetched again";
        EXPECT_EQ(read_now(*w.store, w.range(0, 10)), w.expected(w.range(0, 10)));
    }
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.credits > 0; }))
        << "it has tried again, and tells the engine";
    w.fill(p2, Urgency::readahead);
    ASSERT_TRUE(w.engine.wait_verified(p2));
    EXPECT_TRUE(w.engine.lost.empty());
    w.close();
    w.open();
    EXPECT_EQ(w.store->available().count(), 3u);
}

TEST(TorrentStoreTest, WhatTheDiskDoesNotTakeIsLostWhenThereIsTooMuchOfIt) {
    constexpr std::uint32_t kLarge = 4 << 20;
    World w(make_torrent(kLarge, 8 * kLarge));
    w.open();
    FileSizeLimit full(4096);
    for (unsigned p = 0; p < 6; ++p) {
        w.fill(PieceIndex(p), Urgency::blocked_read);
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    }
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.lost.size() == 2; }));
    // The engine learns of a loss a moment before the memory is freed.
    EXPECT_TRUE(w.engine.wait([&] { return w.memory.held_bytes() == WriteBack::kKeptBytes; }));

    // Another torrent's blocked read needs the memory: the oldest piece is dropped, and on_credit() follows.
    std::vector<PieceBufferPtr> held;
    while (auto buffer = w.memory.acquire(kLarge, MemoryUse::blocked)) held.push_back(std::move(buffer));
    EXPECT_TRUE(w.engine.wait([&] { return w.engine.lost.size() == 3; }));
}

TEST(TorrentStoreTest, EndsThoughWhatItKeepsIsWantedAtThatMoment) {
    constexpr std::size_t kCalls = 4;  // the opening of the file, and three writes that fail
    const auto torrent = make_torrent(kPiece, 4 * kPiece);
    for (std::size_t i = 0; i < 50; ++i) {
        std::promise<void> called;
        std::atomic<std::size_t> calls = 0;
        World w(torrent);
        test::FaultFiles& faults = w.use_faults();
        faults.fail(test::DiskCall::write, ENOSPC, ".data");
        faults.set_before([&](test::DiskCall, const std::string& name) {
            if (name.ends_with(".data") && calls++ == i % kCalls) called.set_value();
        });
        w.open();
        for (unsigned p = 0; p < 3; ++p) w.fill(PieceIndex(p), Urgency::blocked_read);
        ASSERT_TRUE(w.engine.wait_verified(p2));
        ASSERT_EQ(called.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
        EXPECT_FALSE(w.memory.acquire(PieceMemory::kDefaultBudget, MemoryUse::blocked));
        w.close();
    }
}

TEST(TorrentStoreTest, ATinyFileSystemIsFilledAndFreedAgain) {
    if (geteuid() != 0) GTEST_SKIP() << "mounting a tmpfs needs root";
    World w(make_torrent(kPiece, 16 * kPiece));
    if (mount("tmpfs", w.dir.path().c_str(), "tmpfs", 0, "size=512k,mode=700") != 0)
        GTEST_SKIP() << "cannot mount";
    w.open();
    PieceIndex p(0);
    for (; p.value() < 16; p = p.next()) {
        w.fill(p, Urgency::blocked_read);
        ASSERT_TRUE(w.engine.wait_verified(p));
    }
    const ByteRange first = w.range(0, kPiece);
    EXPECT_EQ(read_now(*w.store, w.range(15 * kPiece, kPiece)), w.expected(w.range(15 * kPiece, kPiece)))
        << "what the disk did not take is read from memory";
    EXPECT_EQ(read_now(*w.store, first), w.expected(first));
    w.close();
    w.open();
    EXPECT_GE(w.store->available().count(), 5u);
    EXPECT_LT(w.store->available().count(), 8u);
    EXPECT_EQ(read_now(*w.store, first), w.expected(first));
    w.close();
    umount2(w.dir.path().c_str(), MNT_DETACH);
}

TEST(CacheDirTest, KeepsAnInfoDictionaryAndGivesNoOtherForIt) {
    test::TempDir dir;
    auto cache = CacheDir::open(dir.path());
    ASSERT_TRUE(cache);
    const Bytes info(50'000, std::byte{3});
    const Identity identity{.v1 = sha1(info), .v2 = {}};
    EXPECT_FALSE(cache->kept_info(identity));
    EXPECT_FALSE(cache->keep_info(identity, info));
    EXPECT_EQ(cache->kept_info(identity), info);
    test::flip_byte(dir.path() / (identity.cache_key() + ".info"), 777);
    EXPECT_FALSE(cache->kept_info(identity));
}

// ---- pieces that spill ----

constexpr std::uint32_t kHuge = LargePieceSizes{}.spill_from + 3 * kBlockSize;

TEST(TorrentStoreTest, AHugePieceIsAnsweredFromTheDiskWithLittleMemory) {
    World w(make_torrent(kHuge, 2 * kHuge - 100));
    w.open();
    auto read = start_read(w, 1, w.range(kHuge - 1000, 2000), ReadOutcome::parked);
    w.fill(p0, Urgency::blocked_read, true);
    ASSERT_TRUE(w.engine.wait_verified(p0));
    EXPECT_EQ(w.engine.verified[0].at(7), sha1(w.torrent.piece(p0).subspan(7 * kBlockSize, kBlockSize)));
    w.fill(p1);
    EXPECT_EQ(read->bytes(), w.expected(w.range(kHuge - 1000, 2000)));
    EXPECT_EQ(w.store->bytes_had(), 2 * kHuge - 100);
    w.close();
    EXPECT_EQ(w.memory.held_bytes(), 0u);
    w.open();
    EXPECT_TRUE(w.store->available().all());
    EXPECT_EQ(read_now(*w.store, w.range(kHuge + 5, 1 << 20)), w.expected(w.range(kHuge + 5, 1 << 20)));
}

TEST(TorrentStoreTest, AWrongBlockOfAHugePieceIsNamedAndReplaced) {
    World w(make_torrent(kHuge, kHuge));
    w.open();
    auto read = start_read(w, 1, w.range(0, 4096), ReadOutcome::parked);
    PieceBufferPtr buffer = w.store->acquire(p0, Urgency::blocked_read);
    Bytes wrong(w.torrent.content);
    wrong[9 * kBlockSize] ^= std::byte{1};
    test::receive_all(*buffer, wrong);
    w.store->verify(p0, buffer, false);
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.mismatched.contains(0); }));
    EXPECT_FALSE(read->done());
    EXPECT_EQ(w.engine.mismatched[0].at(9), sha1(ByteView(wrong).subspan(9 * kBlockSize, kBlockSize)));
    test::receive_block(*buffer, w.torrent.content, 9);
    w.store->verify(p0, std::move(buffer), false);
    EXPECT_EQ(read->bytes(), w.expected(w.range(0, 4096)));
    EXPECT_EQ(read_now(*w.store, w.range(9 * kBlockSize, 4096)), w.expected(w.range(9 * kBlockSize, 4096)));
}

TEST(TorrentStoreTest, AHugePieceThatWasGivenUpLeavesNothingToALaterTry) {
    World w(make_torrent(kHuge, kHuge));
    w.open();
    Rng rng(3);
    const Bytes wrong(kHuge);
    for (int i = 0; i < 5; ++i) {
        PieceBufferPtr buffer;
        while (!buffer) buffer = w.store->acquire(p0, Urgency::blocked_read);
        for (std::uint32_t block = 0; block < rng.below(500); ++block)
            test::receive_block(*buffer, wrong, block);
    }
    PieceBufferPtr buffer;
    while (!buffer) buffer = w.store->acquire(p0, Urgency::blocked_read);
    test::receive_all(*buffer, w.torrent.content);
    w.store->verify(p0, std::move(buffer), false);
    ASSERT_TRUE(w.engine.wait_verified(p0));
    for (std::uint64_t at = 0; at < kHuge; at += 1 << 20) {
        const ByteRange range{at, std::min<std::uint64_t>(at + (1 << 20), kHuge)};
        ASSERT_EQ(read_now(*w.store, range), w.expected(range)) << at;
    }
}

TEST(TorrentStoreTest, AHugePieceIsServedFromMemoryWhenTheDiskIsFull) {
    World w(make_torrent(kHuge, 2 * kHuge));
    w.open();
    FileSizeLimit full(kHuge / 2);
    auto read = start_read(w, 1, w.range(kHuge - 4096, 4096), ReadOutcome::parked);
    w.fill(p0, Urgency::blocked_read);
    EXPECT_EQ(read->bytes(), w.expected(w.range(kHuge - 4096, 4096)));
    ASSERT_TRUE(w.engine.wait_verified(p0));
    EXPECT_EQ(read_now(*w.store, w.range(100, 4096)), w.expected(w.range(100, 4096)));
}

}  // namespace
}  // namespace btfs
