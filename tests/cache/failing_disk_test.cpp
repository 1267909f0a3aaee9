// TorrentStore with a disk that fails in a certain way, at a certain moment.
#include <gtest/gtest.h>

#include <cerrno>
#include <future>

#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

using test::DiskCall;
using test::FaultFiles;
using test::make_torrent;
using test::read_now;
using test::ReadResult;
using test::World;

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr PieceIndex p0(0), p1(1), p2(2);

std::shared_ptr<ReadResult> start_read(World& w, ReadId id, ByteRange range) {
    auto result = std::make_shared<ReadResult>();
    w.store->read(id, range, test::reply_to(result, *w.store, id, range));
    return result;
}

/// Store with three pieces on disk, claimed, or proven by reading them.
struct FailingDiskTest : testing::Test {
    World w{make_torrent(kPiece, 3 * kPiece)};
    FaultFiles& faults = w.use_faults();

    void SetUp() override {
        w.open();
        w.fill_all();
        w.close();
        w.open();
    }
    void prove_all() { EXPECT_EQ(read_now(*w.store, w.range(0, 3 * kPiece)), w.torrent.content); }
    /// Makes reads go to the pool and fail there with this error.
    void fail_reads(int error) {
        faults.set_rule([error](DiskCall call, const std::string& name, std::size_t) {
            if (!name.ends_with(".data")) return FaultFiles::Fault{};
            if (call == DiskCall::read_cached) return FaultFiles::Fault{EAGAIN};
            return call == DiskCall::read ? FaultFiles::Fault{error} : FaultFiles::Fault{};
        });
    }
    std::size_t losses() {
        std::lock_guard lock(w.engine.mutex);
        return w.engine.lost.size();
    }
};

/// A reply whose reader would rather wait for the disk than for another thread.
struct WaitingReply final : ReadReply {
    explicit WaitingReply(std::shared_ptr<ReadResult> read) : result(std::move(read)) {}
    bool may_wait_for_disk() const override { return true; }
    void data(std::span<const iovec> bytes) override {
        thread = std::this_thread::get_id();
        result->set_data(bytes);
    }
    void fail(Error error) override { result->set_error(error); }

    static inline std::thread::id thread;
    const std::shared_ptr<ReadResult> result;
};

TEST_F(FailingDiskTest, WhoMayWaitForTheDiskReadsByItselfWhatIsNotInThePageCache) {
    prove_all();
    fail_reads(0);
    for (const bool may_wait : {true, false}) {
        auto result = std::make_shared<ReadResult>();
        const ByteRange range = w.range(kPiece + 10, 100);
        WaitingReply::thread = {};
        EXPECT_EQ(w.store->read(may_wait, range,
                                may_wait ? std::make_unique<WaitingReply>(result) : test::reply_to(result)),
                  ReadOutcome::answered);
        EXPECT_EQ(result->bytes(), w.expected(range));
        if (may_wait) {
            EXPECT_EQ(WaitingReply::thread, std::this_thread::get_id());
        }
    }
}

TEST_F(FailingDiskTest, AReadErrorOfTheDiskIsHealedByTheSwarm) {
    prove_all();
    fail_reads(EIO);
    auto read = start_read(w, 1, w.range(kPiece + 10, 100));
    ASSERT_TRUE(w.engine.wait_lost(p1));
    EXPECT_FALSE(read->done());
    EXPECT_FALSE(w.store->has(w.range(kPiece, 1)));
    faults.work();
    w.fill(p1);
    EXPECT_EQ(read->bytes(), w.expected(w.range(kPiece + 10, 100)));
    EXPECT_EQ(losses(), 1u);
}

TEST_F(FailingDiskTest, AReadErrorDuringAProofIsHealedByTheSwarm) {
    fail_reads(EIO);
    auto read = start_read(w, 1, w.range(10, 100));
    ASSERT_TRUE(w.engine.wait_lost(p0));
    faults.work();
    w.fill(p0);
    EXPECT_EQ(read->bytes(), w.expected(w.range(10, 100)));
}

TEST_F(FailingDiskTest, AnErrorThatMayPassLosesNothing) {
    for (const int error : {EMFILE, ENFILE, ENOMEM, EACCES}) {
        SCOPED_TRACE(error);
        fail_reads(error);
        EXPECT_EQ(start_read(w, 1, w.range(10, 100))->error(), Errc::storage_failed) << "claimed";
        w.store->read(7, {p1, 0, kBlockSize});
        ASSERT_TRUE(w.engine.wait([&] { return w.engine.reads.contains(7); }));
        EXPECT_FALSE(w.engine.reads.at(7));
        w.engine.reads.clear();
        faults.work();
    }
    prove_all();
    for (const int error : {EMFILE, ENOMEM, EACCES}) {
        fail_reads(error);
        EXPECT_EQ(start_read(w, 2, w.range(10, 100))->error(), Errc::storage_failed) << "proven";
        faults.work();
    }
    prove_all();
    EXPECT_EQ(losses(), 0u);
    EXPECT_EQ(w.store->available().count(), 3u);
}

TEST_F(FailingDiskTest, ADataFileThatCannotBeOpenedNowLosesNothing) {
    for (const int error : {EMFILE, EACCES, EIO, EROFS}) {
        faults.fail(DiskCall::open, error, ".data");
        EXPECT_EQ(start_read(w, 1, w.range(10, 100))->error(), Errc::storage_failed) << error;
    }
    faults.work();
    prove_all();
    EXPECT_EQ(losses(), 0u);
    w.close();
    w.open();
    EXPECT_EQ(w.store->available().count(), 3u);
}

TEST_F(FailingDiskTest, ASidecarThatCannotBeReadNowIsLeftAlone) {
    w.close();
    for (const DiskCall call : {DiskCall::open, DiskCall::status, DiskCall::read, DiskCall::lock}) {
        faults.fail(call, ENOMEM, ".claims");
        const CacheDir dir(w.faults, w.boot_id);
        EXPECT_FALSE(dir.open_torrent(w.torrent.spec, w.pool(), w.memory));
        faults.work();
    }
    w.open();
    EXPECT_EQ(w.store->available().count(), 3u);
}

TEST_F(FailingDiskTest, BytesThatAreLostAndOverwrittenWhileTheyAreReadAreNotServed) {
    prove_all();
    // After the store has looked up where the bytes are, and before it reads them, another read fails, the
    // piece is lost, and other bytes are written to its place.
    faults.set_before(
        [&, once = std::make_shared<std::atomic<bool>>()](DiskCall call, const std::string& name) {
            if (call != DiskCall::read_cached || !name.ends_with(".data") || once->exchange(true)) return;
            fail_reads(EIO);
            start_read(w, 2, w.range(kPiece, 10));
            ASSERT_TRUE(w.engine.wait_lost(p1));
            faults.work();
            test::flip_byte(w.data_path(), kPiece + 50);
        });
    auto read = start_read(w, 1, w.range(kPiece + 10, 100));
    EXPECT_FALSE(read->done());
    w.fill(p1);
    EXPECT_EQ(read->bytes(), w.expected(w.range(kPiece + 10, 100)));
}

TEST_F(FailingDiskTest, AReadIsMadeOnceMoreIfWhatItReadWasLostAndIsThereAgain) {
    prove_all();
    faults.set_before(
        [&, once = std::make_shared<std::atomic<bool>>()](DiskCall call, const std::string& name) {
            if (call != DiskCall::read_cached || !name.ends_with(".data") || once->exchange(true)) return;
            fail_reads(EIO);
            start_read(w, 2, w.range(kPiece, 10));
            ASSERT_TRUE(w.engine.wait_lost(p1));
            faults.work();
            w.fill(p1);
            while (!w.store->available().test(p1) || w.memory.held_bytes() > 0) std::this_thread::yield();
        });
    EXPECT_EQ(start_read(w, 1, w.range(kPiece + 10, 100))->bytes(), w.expected(w.range(kPiece + 10, 100)));
}

TEST_F(FailingDiskTest, AfterASyncThatFailedNothingIsAnnouncedBeforeItsProof) {
    for (const DiskCall call : {DiskCall::sync, DiskCall::write_out}) {
        test::flip_byte(w.data_path(), 2 * kPiece);
        auto read = start_read(w, 1, w.range(2 * kPiece, 10));
        ASSERT_TRUE(w.engine.wait_lost(p2));
        w.fill(p2);
        EXPECT_EQ(read->bytes(), w.expected(w.range(2 * kPiece, 10)));
        w.engine.lost.clear();
        faults.set_rule(
            [call, once = std::make_shared<bool>()](DiskCall asked, const std::string& name, std::size_t) {
                const bool fails = asked == call && name.ends_with(".data") && !std::exchange(*once, true);
                return fails ? FaultFiles::Fault{EIO} : FaultFiles::Fault{};
            });
        w.close();
        w.open();
        EXPECT_TRUE(w.store->available().none())
            << "the kernel tells of it once: nobody knows what was written";
        EXPECT_EQ(w.store->unproven().count(), 3u);
        prove_all();
        w.close();
        w.open();
        EXPECT_EQ(w.store->available().count(), 3u);
    }
}

TEST_F(FailingDiskTest, ADiskTooSlowToSyncIsNotACleanEnd) {
    test::flip_byte(w.data_path(), 5);
    start_read(w, 1, w.range(0, 10));
    ASSERT_TRUE(w.engine.wait_lost(p0));
    w.store->close_begin(Clock::now());  // no time for a sync
    ASSERT_TRUE(w.store->close_finish(Clock::now() + 1min));
    w.close();
    w.boot_id = BootId{std::byte{8}};
    w.open();
    EXPECT_TRUE(w.store->available().none());
    EXPECT_EQ(w.store->unproven().count(), 2u);
}

TEST_F(FailingDiskTest, TheEndOfManyStoresIsBoundedWhenTheDiskHangs) {
    std::promise<void> open;
    std::shared_future<void> gate(open.get_future());
    faults.set_before([gate](DiskCall call, const std::string& name) {
        if (call == DiskCall::write && name.ends_with(".data")) gate.wait();
    });
    test::flip_byte(w.data_path(), 5);
    auto read = start_read(w, 1, w.range(0, 10));
    ASSERT_TRUE(w.engine.wait_lost(p0));
    w.fill(p0);
    EXPECT_EQ(read->bytes(), w.expected(w.range(0, 10)));
    w.store->close_begin();
    EXPECT_FALSE(w.store->close_finish(Clock::now() + 20ms));
    open.set_value();
    EXPECT_TRUE(w.store->close_finish(Clock::now() + 1min));
    auto late = start_read(w, 2, w.range(0, 10));
    EXPECT_EQ(late->bytes(), w.expected(w.range(0, 10))) << "what is in the page cache";
    fail_reads(EIO);
    EXPECT_EQ(start_read(w, 3, w.range(0, 10))->error(), Errc::cancelled) << "nothing begins any more";
}

TEST(StoreEndTest, StoresSyncAtTheSameTime) {
    test::TempDir dir;
    DiskPool pool(3);
    PieceMemory memory;
    std::promise<void> first_syncs, second_syncs;
    std::shared_future<void> of_first(first_syncs.get_future()), of_second(second_syncs.get_future());
    std::atomic<bool> together = true;
    std::vector<std::unique_ptr<TorrentStore>> stores;
    for (unsigned i = 0; i < 2; ++i) {
        auto files = std::make_shared<FaultFiles>(LinuxFiles::open_folder(dir.path()).value());
        files->set_before([&, i, once = std::make_shared<bool>()](DiskCall call, const std::string& name) {
            if (call != DiskCall::sync || !name.ends_with(".data") || std::exchange(*once, true)) return;
            (i == 0 ? first_syncs : second_syncs).set_value();
            if ((i == 0 ? of_second : of_first).wait_for(std::chrono::seconds(20)) !=
                std::future_status::ready)
                together = false;
        });
        const test::Torrent torrent = make_torrent(kPiece, kPiece, i + 1);
        auto store = CacheDir(files, BootId{}).open_torrent(torrent.spec, pool, memory);
        ASSERT_TRUE(store);
        test::RecordingEngine engine;
        (*store)->attach(engine);
        PieceBufferPtr buffer = (*store)->acquire(p0, Urgency::readahead);
        test::receive_all(*buffer, torrent.content);
        (*store)->verify(p0, std::move(buffer), false);
        ASSERT_TRUE(engine.wait_verified(p0));
        (*store)->detach();
        stores.push_back(std::move(*store));
    }
    const TimePoint deadline = Clock::now() + 1min;
    for (auto& store : stores) store->close_begin(deadline);
    for (auto& store : stores) EXPECT_TRUE(store->close_finish(deadline));
    EXPECT_TRUE(together);
}

/// A torrent of one piece that spills block by block.
struct FailingSpillTest : testing::Test {
    static constexpr std::uint32_t kBlocks = 6;
    static constexpr LargePieceSizes kSizes{.spill_from = 2 * kBlockSize,
                                            .spill_share = 2 * kBlockSize,
                                            .spill_job = kBlockSize,
                                            .spill_room = kBlockSize,
                                            .streamed_proof = 2 * kBlockSize};
    World w{make_torrent(kBlocks * kBlockSize, kBlocks* kBlockSize), kSizes};
    FaultFiles& faults = w.use_faults();

    void SetUp() override { w.open(); }
    /// Each block is written before the next one comes, and the first comes last: the hash has to read the
    /// others back.
    void fill_backwards() {
        PieceBufferPtr buffer = w.store->acquire(p0, Urgency::blocked_read);
        ASSERT_TRUE(buffer);
        for (std::uint32_t block = kBlocks; block-- > 0;) {
            test::receive_block(*buffer, w.torrent.content, block);
            ASSERT_TRUE(w.engine.wait([&] { return buffer->has_room(); }));
        }
        w.store->verify(p0, std::move(buffer), false);
    }
    int losses() {
        std::lock_guard lock(w.engine.mutex);
        return w.engine.lost[0];
    }
};

TEST_F(FailingSpillTest, APieceThatOnceCannotBeReadBackForItsHashIsFetchedAgain) {
    auto read = start_read(w, 1, w.range(100, 5000));
    faults.fail(DiskCall::read, EMFILE, ".data");
    fill_backwards();
    ASSERT_TRUE(w.engine.wait_lost(p0));
    EXPECT_FALSE(read->done());
    faults.work();
    fill_backwards();
    EXPECT_EQ(read->bytes(), w.expected(w.range(100, 5000)));
    EXPECT_EQ(losses(), 1);
}

TEST_F(FailingSpillTest, APieceThatNeverCanBeReadBackForItsHashIsNotFetchedForEver) {
    auto read = start_read(w, 1, w.range(100, 5000));
    faults.fail(DiskCall::read, EIO, ".data");
    for (int tries = 1; tries <= DamageCount::kMaxHealed + 1; ++tries) {
        EXPECT_FALSE(read->done()) << tries;
        fill_backwards();
        ASSERT_TRUE(w.engine.wait([&] { return w.engine.lost[0] == tries; }));
    }
    EXPECT_EQ(read->error(), Errc::storage_failed);
    faults.work();
    fill_backwards();
    ASSERT_TRUE(w.engine.wait_verified(p0));
    EXPECT_EQ(read_now(*w.store, w.range(100, 5000)), w.expected(w.range(100, 5000)))
        << "the disk is well again";
}

TEST(HugeProofTest, AHugeClaimedPieceIsProvenWithoutMemoryOfItsSize) {
    constexpr std::uint32_t kHuge = LargePieceSizes{}.streamed_proof + 3 * kBlockSize;
    World w(make_torrent(kHuge, kHuge));
    FaultFiles& faults = w.use_faults();
    w.open();
    w.fill_all();
    w.close();
    w.open();
    std::atomic<std::size_t> most = 0;
    faults.set_before([&](DiskCall call, const std::string&) {
        if (call == DiskCall::read) most = std::max(most.load(), w.memory.held_bytes());
    });
    EXPECT_EQ(read_now(*w.store, w.range(kHuge - 5000, 5000)), w.expected(w.range(kHuge - 5000, 5000)));
    EXPECT_EQ(most, 0u);
    EXPECT_EQ(read_now(*w.store, w.range(100, 5000)), w.expected(w.range(100, 5000)));
    w.close();
    test::flip_byte(w.data_path(), kHuge - 1);
    w.open();
    start_read(w, 1, w.range(0, 100));
    EXPECT_TRUE(w.engine.wait_lost(p0)) << "its last byte is wrong";
}

}  // namespace
}  // namespace btfs
