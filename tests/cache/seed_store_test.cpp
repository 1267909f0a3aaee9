#include "cache/seed_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

/// Store of files of 100,000 and 60,000 bytes with padding between them, in pieces of 64 KiB.
struct SeedStoreTest : testing::Test {
    static constexpr std::uint32_t kPiece = 64 * 1024;
    test::Torrent torrent =
        test::make_torrent(kPiece, {{0, 100'000, false}, {100'000, 31'072, true}, {131'072, 60'000, false}});
    test::TempDir dir;
    test::FaultFiles files{std::make_shared<LinuxFiles>()};
    DiskPool pool{2};
    test::RecordingEngine engine;

    std::filesystem::path path(int file) const { return dir.path() / std::to_string(file); }
    void SetUp() override {
        write(0, torrent.bytes({0, 100'000}));
        write(2, torrent.bytes({131'072, 191'072}));
    }
    void write(int file, ByteView bytes) const {
        std::ofstream(path(file), std::ios::binary | std::ios::trunc) << as_text(bytes);
    }
    Result<std::unique_ptr<SeedStore>> open() {
        return SeedStore::open({torrent.spec.layout, {path(0), {}, path(2)}}, files, pool);
    }
};

TEST_F(SeedStoreTest, HasAllPiecesAndReadsThemAcrossFilesAndPadding) {
    auto store = open();
    ASSERT_TRUE(store);
    (*store)->attach(engine);
    EXPECT_TRUE((*store)->available().all());
    EXPECT_TRUE((*store)->unproven().none());
    EXPECT_FALSE((*store)->acquire(PieceIndex(0), Urgency::blocked_read));

    ReadTicket ticket = 0;
    std::vector<ByteRange> ranges;
    for (PieceIndex p(0); p.value() < torrent.spec.layout.piece_count(); p = p.next()) {
        for (std::uint32_t b = 0; b < torrent.spec.layout.block_count(p); ++b) {
            const std::uint32_t size = torrent.spec.layout.block_size(p, b);
            const std::uint64_t begin = torrent.spec.layout.piece_offset_in_torrent(p) + b * kBlockSize;
            ranges.push_back({begin, begin + size});
            (*store)->read(ticket++, {p, b * kBlockSize, size});
        }
    }
    ASSERT_TRUE(engine.wait([&] { return engine.reads.size() == ranges.size(); }));
    for (ReadTicket t = 0; t < ranges.size(); ++t) {
        const ByteView expected = torrent.bytes(ranges[t]);
        EXPECT_EQ(engine.reads.at(t).value(), Bytes(expected.begin(), expected.end())) << t;
    }
}

TEST_F(SeedStoreTest, AChangedFileIsAnErrorAndALoss) {
    auto store = open();
    ASSERT_TRUE(store);
    (*store)->attach(engine);
    std::filesystem::resize_file(path(2), 59'999);
    (*store)->read(1, {PieceIndex(2), 0, kBlockSize});
    ASSERT_TRUE(engine.wait([&] { return engine.reads.contains(1); }));
    EXPECT_FALSE(engine.reads.at(1));
    EXPECT_EQ(engine.lost[2], 1);
    EXPECT_FALSE((*store)->available().test(PieceIndex(2)));

    write(0, torrent.bytes({20, 100'020}));  // the same size, other bytes
    (*store)->read(2, {PieceIndex(0), 0, kBlockSize});
    (*store)->read(3, {PieceIndex(0), kBlockSize, kBlockSize});
    ASSERT_TRUE(engine.wait([&] { return engine.reads.contains(2) && engine.reads.contains(3); }));
    EXPECT_FALSE(engine.reads.at(2));
    EXPECT_EQ(engine.lost[0], 1) << "told once";
}

TEST_F(SeedStoreTest, AnErrorThatMayPassLosesNothing) {
    auto store = open();
    ASSERT_TRUE(store);
    (*store)->attach(engine);
    ReadTicket ticket = 0;
    for (const test::DiskCall call : {test::DiskCall::open, test::DiskCall::read, test::DiskCall::status}) {
        for (const int error : {EMFILE, EACCES, ENOMEM}) {
            files.fail(call, error);
            (*store)->read(++ticket, {PieceIndex(0), 0, kBlockSize});
            ASSERT_TRUE(engine.wait([&] { return engine.reads.contains(ticket); }));
            EXPECT_FALSE(engine.reads.at(ticket));
        }
    }
    files.work();
    EXPECT_TRUE((*store)->available().all());
    EXPECT_TRUE(engine.lost.empty());
    (*store)->read(++ticket, {PieceIndex(0), 0, kBlockSize});
    ASSERT_TRUE(engine.wait([&] { return engine.reads.contains(ticket); }));
    EXPECT_TRUE(engine.reads.at(ticket));
}

TEST_F(SeedStoreTest, AFileThatIsGoneOrDamagedIsALoss) {
    auto store = open();
    ASSERT_TRUE(store);
    (*store)->attach(engine);
    files.fail(test::DiskCall::read, EIO);
    (*store)->read(1, {PieceIndex(0), 0, kBlockSize});
    EXPECT_TRUE(engine.wait_lost(PieceIndex(0)));
    files.work();
    std::filesystem::remove(path(2));
    (*store)->read(2, {PieceIndex(2), 0, kBlockSize});
    EXPECT_TRUE(engine.wait_lost(PieceIndex(2)));
}

TEST_F(SeedStoreTest, AFileThatChangedSinceItWasHashedIsRefused) {
    LinuxFiles plain;
    SeedStore::Spec spec{torrent.spec.layout, {path(0), {}, path(2)}};
    for (const std::filesystem::path& one : spec.paths)
        spec.hashed.push_back(one.empty() ? FileStatus{} : plain.status(one).value());
    EXPECT_TRUE(SeedStore::open(spec, files, pool));
    std::filesystem::rename(path(0), path(7));
    write(0, torrent.bytes({20, 100'020}));  // another file of the same size
    EXPECT_EQ(SeedStore::open(spec, files, pool).error(), Errc::storage_corrupt);
}

TEST_F(SeedStoreTest, FilesMustBeThereInTheirSize) {
    std::filesystem::resize_file(path(0), 7);
    auto short_file = open();
    ASSERT_FALSE(short_file);
    EXPECT_EQ(short_file.error(), Errc::storage_corrupt);
    std::filesystem::remove(path(0));
    EXPECT_FALSE(open());
}

}  // namespace
}  // namespace btfs
