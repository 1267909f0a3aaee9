// Tests of what a store keeps beside its content: the info dictionary, and the time of the last use.
#include "cache/records/kept_info.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cache/disk/whole_file.hpp"
#include "cache/records/last_use.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr PieceIndex p0(0);

struct KeptInfoTest : testing::Test {
    World w{with_info()};

    static Torrent with_info() {
        Torrent torrent = make_torrent(kPiece, 3 * kPiece);
        give_info(torrent);
        return torrent;
    }
    std::optional<Bytes> kept() const {
        return CacheDir::open(w.dir.path()).value().kept_info(w.torrent.spec.identity);
    }
    void fill_one() {
        w.fill(p0);
        ASSERT_TRUE(w.engine.wait_verified(p0));
    }
    std::int64_t time_on_file() const {
        const auto time = std::filesystem::last_write_time(w.claims_path());
        return std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::file_clock::to_sys(time).time_since_epoch())
            .count();
    }
    void set_time_on_file(std::int64_t seconds) const {
        const timespec times[2] = {{seconds, 0}, {seconds, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, w.claims_path().c_str(), times, 0), 0);
    }
};

TEST_F(KeptInfoTest, ComesWithTheFirstContent) {
    w.open();
    w.close();
    EXPECT_FALSE(std::filesystem::exists(w.info_path())) << "a torrent that nobody has read needs none";
    w.open();
    fill_one();
    w.close();
    ASSERT_TRUE(kept());
    EXPECT_EQ(*kept(), *w.torrent.spec.info);
}

TEST_F(KeptInfoTest, ComesWithTheFirstProofOfWhatAnEarlierVersionHasStored) {
    const auto info = std::exchange(w.torrent.spec.info, nullptr);
    w.open();
    fill_one();
    w.close();
    EXPECT_FALSE(kept());
    w.torrent.spec.info = info;
    w.open();
    read_now(*w.store, {0, 10});
    w.close();
    EXPECT_TRUE(kept());
}

TEST_F(KeptInfoTest, AnotherFileOfThatNameIsReplaced) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{10}, w.torrent.spec.info->size(), w.torrent.spec.info->size() + 1}) {
        SCOPED_TRACE(size);
        ASSERT_FALSE(write_whole(w.info_path(), Bytes(size, std::byte{1}), 0600));
        EXPECT_FALSE(kept()) << "only what has the right hash is believed";
        std::filesystem::remove(w.claims_path());
        w.open();
        fill_one();
        w.close();
        EXPECT_TRUE(kept());
    }
}

TEST_F(KeptInfoTest, IsCountedByTheBoundAtOnce) {
    w.sizes = CacheSizes{100 << 20, 0};
    w.open();
    fill_one();
    const std::uint64_t info = kDiskBlock, claims = kDiskBlock;
    EXPECT_TRUE(w.engine.wait([&] { return w.bound->budget().used() == kPiece + info + claims; }));
    w.close();
    w.bound->closed().rescan();
    EXPECT_EQ(w.bound->budget().used(), w.bytes_on_disk());
}

TEST_F(KeptInfoTest, ADiskThatDoesNotTakeItCostsNothingElse) {
    w.use_faults().set_rule([](DiskCall call, const std::string& name, std::size_t) {
        const bool of_info = name.ends_with(".part") || name.ends_with(".info");
        return of_info && call != DiskCall::remove ? FaultFiles::Fault{ENOSPC} : FaultFiles::Fault{};
    });
    w.open();
    fill_one();
    w.close();
    EXPECT_FALSE(kept());
    w.open();
    EXPECT_TRUE(w.store->available().test(p0));
}

// ---- the last use ----

constexpr std::int64_t kLongAgo = 1'000'000'000;

TEST_F(KeptInfoTest, ATorrentThatNobodyUsesKeepsItsTime) {
    w.open();
    fill_one();
    w.close();
    set_time_on_file(kLongAgo);
    w.open();
    w.store->read(1, {p0, 0, kBlockSize});  // an upload, which proves the piece
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.reads.contains(1); }));
    w.close();
    EXPECT_EQ(time_on_file(), kLongAgo);
}

TEST_F(KeptInfoTest, AReadIsOnFileAtOnceAndAtTheEnd) {
    w.open();
    fill_one();
    w.close();
    set_time_on_file(kLongAgo);
    const std::int64_t before = unix_time();
    w.open();
    EXPECT_EQ(time_on_file(), kLongAgo);
    read_now(*w.store, {0, 10});
    EXPECT_TRUE(w.engine.wait([&] { return time_on_file() >= before; })) << "a kill would lose it";
    set_time_on_file(kLongAgo);
    w.close();
    EXPECT_GE(time_on_file(), before);
}

TEST_F(KeptInfoTest, WhatIsWrittenIsUsed) {
    w.open();
    set_time_on_file(kLongAgo);
    w.close();
    w.open();
    const std::int64_t before = unix_time();
    fill_one();
    w.close();
    EXPECT_GE(time_on_file(), before);
}

}  // namespace
}  // namespace btfs::test
