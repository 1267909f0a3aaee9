// Tests of CacheBound: files of torrents that are not open, and the size of the bound.
#include "cache/bound/cache_bound.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/fault_files.hpp"
#include "tests/cache/support/memory_disk.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

struct CacheBoundTest : testing::Test {
    TempDir dir;
    std::shared_ptr<Files> files = LinuxFiles::open_folder(dir.path()).value();
    DiskPool pool{2};

    /// In the names of torrents' files stands a cache key, for which a word stands here.
    static std::string real(const std::string& name) {
        const std::size_t dot = name.find('.');
        for (const char* ending : {".data", ".claims", ".info", ".pins", ".peers", ".download"})
            if (name.substr(dot) == ending) return sha1(as_bytes(name.substr(0, dot))).hex() + ending;
        return name;
    }
    void put(const std::string& name, std::size_t size) const {
        std::ofstream(dir.path() / real(name)) << std::string(size, 'x');
    }
    void use_ago(const std::string& name, std::chrono::hours ago) const {
        std::filesystem::last_write_time(dir.path() / real(name),
                                         std::filesystem::file_time_type::clock::now() - ago);
    }
    bool is_there(const std::string& name) const { return std::filesystem::exists(dir.path() / real(name)); }
    /// Waits until the directory is as it says; false after a minute.
    static bool wait(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        return true;
    }
};

TEST_F(CacheBoundTest, CountsAllThatLiesInTheDirectory) {
    put("a.data", 3 * kMiB);
    put("a.claims", 100);
    put("dht.nodes", 5000);
    CacheBound bound(files, pool, {100 * kMiB, 0});
    EXPECT_EQ(bound.budget().used(), 3 * kMiB + 4096 + 8192);
    put("b.info", 4096);
    bound.closed().rescan();
    EXPECT_EQ(bound.budget().used(), 3 * kMiB + 4096 + 8192 + 4096);
}

TEST_F(CacheBoundTest, WhatTheFileSystemNeedsItselfIsKeptBack) {
    CacheBound bound(files, pool, {256 * kMiB, 0});
    EXPECT_LT(bound.budget().limit(), 255 * kMiB);
    EXPECT_GT(bound.budget().limit(), 254 * kMiB);
}

TEST_F(CacheBoundTest, TorrentsThatNobodyHasOpenGoWholeTheOldestFirst) {
    for (const char* key : {"old", "newer", "newest"}) {
        put(std::string(key) + ".data", 4 * kMiB);
        put(std::string(key) + ".claims", 100);
    }
    put("old.info", 50);
    put("old.peers", 50);
    use_ago("old.claims", std::chrono::hours(500));
    use_ago("newer.claims", std::chrono::hours(5));
    CacheBound bound(files, pool, {14 * kMiB, 0});
    bound.start();
    ASSERT_TRUE(wait([&] { return !is_there("old.data"); }));
    ASSERT_TRUE(wait([&] { return bound.budget().used() < 9 * kMiB; }));
    EXPECT_FALSE(is_there("old.claims"));
    EXPECT_FALSE(is_there("old.info"));
    EXPECT_FALSE(is_there("old.peers"));
    EXPECT_TRUE(is_there("newer.data"));
    EXPECT_TRUE(is_there("newest.data"));
}

TEST_F(CacheBoundTest, SmallFilesThatCanBeFetchedAgainGoLikeTorrents) {
    put("kept.data", 6 * kMiB);
    for (const char* name : {"kept.claims", "kept.info", "kept.peers"}) put(name, 100);
    for (const char* name : {"old.download", "lone.info", "alone.peers", "dht.nodes"}) {
        put(name, 3 * kMiB);
        use_ago(name, std::chrono::hours(500));
    }
    put("new.download", 2 * kMiB);
    CacheBound bound(files, pool, {17 * kMiB, 0});
    bound.start();
    ASSERT_TRUE(wait([&] { return !is_there("old.download") && !is_there("lone.info"); }));
    ASSERT_TRUE(wait([&] { return !is_there("alone.peers"); }));
    ASSERT_TRUE(wait([&] { return bound.budget().used() < 13 * kMiB; }));
    for (const char* name : {"kept.data", "kept.info", "kept.peers", "dht.nodes", "new.download"})
        EXPECT_TRUE(is_there(name)) << name;
}

TEST_F(CacheBoundTest, FilesOfSomebodyElseAreCountedAndStay) {
    std::ofstream(dir.path() / "results.data") << std::string(12 * kMiB, 'x');
    std::ofstream(dir.path() / "results.info") << "mine";
    put("old.data", 4 * kMiB);
    put("old.claims", 100);
    CacheBound bound(files, pool, {10 * kMiB, 0});
    EXPECT_GT(bound.budget().used(), 16 * kMiB);
    bound.start();
    ASSERT_TRUE(wait([&] { return !is_there("old.data"); }));
    bound.evictor().wake();
    ASSERT_TRUE(wait([&] { return bound.budget().used() < 13 * kMiB; }));
    EXPECT_TRUE(std::filesystem::exists(dir.path() / "results.data"));
    EXPECT_TRUE(std::filesystem::exists(dir.path() / "results.info"));
}

TEST_F(CacheBoundTest, ATorrentThatAnotherProcessHasOpenStays) {
    for (const char* name : {"used.data", "free.data"}) put(name, 6 * kMiB);
    for (const char* name : {"used.claims", "free.claims"}) put(name, 100);
    use_ago("used.claims", std::chrono::hours(500));
    const auto lock = files->open(real("used.claims"), {.write = true});
    ASSERT_TRUE(lock);
    ASSERT_FALSE((*lock)->try_lock());
    const auto other = SharedUse::open(files->status(".").value());
    ASSERT_TRUE(other);
    CacheBound bound(files, pool, {10 * kMiB, 0});
    EXPECT_EQ(bound.budget().used(), 6 * kMiB + 2 * kDiskBlock) << "what it has open it tells itself";
    (*other)->add(6 * kMiB);
    EXPECT_EQ(bound.budget().used(), 12 * kMiB + 2 * kDiskBlock);
    bound.start();
    ASSERT_TRUE(wait([&] {
        bound.evictor().wake();
        return !is_there("free.data");
    }));
    EXPECT_TRUE(is_there("used.data"));
    EXPECT_TRUE(wait([&] { return bound.budget().used() == 6 * kMiB + kDiskBlock; }))
        << bound.budget().used();
}

TEST_F(CacheBoundTest, GivesWayWhileOthersFillTheDisk) {
    /// A disk on which others have taken what they want.
    struct FullDisk : FaultFiles {
        using FaultFiles::FaultFiles;
        Result<std::uint64_t> bytes_free() override { return free; }
        std::uint64_t free = 0;
    };
    auto disk = std::make_shared<FullDisk>(files);
    put("a.data", 40 * kMiB);
    put("a.claims", 100);
    disk->free = 500 * kMiB;
    {
        const CacheBound roomy(disk, pool, {200 * kMiB, 100 * kMiB});
        EXPECT_GT(const_cast<CacheBound&>(roomy).budget().limit(), 190 * kMiB);
    }
    disk->free = 90 * kMiB;
    {
        CacheBound narrow(disk, pool, {200 * kMiB, 100 * kMiB});
        EXPECT_LE(narrow.budget().limit(), 30 * kMiB + (64 << 10)) << "ten of its 40 MiB are to be freed";
        EXPECT_GT(narrow.budget().limit(), 29 * kMiB);
    }
    disk->free = 0;
    CacheBound least(disk, pool, {200 * kMiB, 100 * kMiB});
    EXPECT_LE(least.budget().limit(), CacheBound::kLeast);
    EXPECT_GT(least.budget().limit(), CacheBound::kLeast * 9 / 10);
}

TEST_F(CacheBoundTest, HandsOutNothingThatASmallDiskDoesNotHave) {
    struct SmallDisk : FaultFiles {
        using FaultFiles::FaultFiles;
        Result<std::uint64_t> bytes_free() override { return kMiB; }
    };
    put("a.data", 5 * kMiB);
    CacheBound bound(std::make_shared<SmallDisk>(files), pool, {CacheBound::kLeast, 2 * kMiB});
    EXPECT_LE(bound.budget().limit(), 6 * kMiB);
    EXPECT_GT(bound.budget().limit(), 5 * kMiB) << "it needs what is there more than others do";
    struct LargePieces : Evictable {
        void list_evictable(std::uint32_t, std::uint64_t, std::vector<EvictionCandidate>&) override {}
        void evict(std::vector<std::uint32_t>) override {}
        std::uint64_t leaving() const override { return 0; }
    } store;
    bound.evictor().add(store, 4 * kMiB);
    bound.on_opened();
    EXPECT_LE(bound.budget().limit(), 6 * kMiB);
    bound.evictor().remove(store);
}

TEST_F(CacheBoundTest, ADirectoryThatCannotBeReadIsCountedAsBefore) {
    auto faults = std::make_shared<FaultFiles>(files);
    put("a.data", kMiB);
    CacheBound bound(faults, pool, {100 * kMiB, 0});
    const std::uint64_t used = bound.budget().used();
    faults->fail(DiskCall::list, EIO);
    bound.closed().rescan();
    EXPECT_EQ(bound.budget().used(), used);
}

TEST_F(CacheBoundTest, AnErrorWhileATorrentIsEvictedLeavesItWholeOrGone) {
    for (const DiskCall call :
         {DiskCall::open, DiskCall::lock, DiskCall::truncate, DiskCall::sync, DiskCall::remove}) {
        auto faults = std::make_shared<FaultFiles>(files);
        put("a.data", 20 * kMiB);
        put("a.claims", 100);
        faults->fail(call, EIO);
        CacheBound bound(faults, pool, {10 * kMiB, 0});
        bound.start();
        ASSERT_TRUE(wait([&] { return faults->failed() > 0; }));
        ASSERT_TRUE(wait([&] { return bound.closed().leaving() == 0; }));
        EXPECT_TRUE(is_there("a.data"));
        EXPECT_GT(bound.budget().used(), 19 * kMiB);
        faults->work();
    }
}

TEST(Holes, AreProbed) {
    auto disk = std::make_shared<MemoryDisk>();
    auto faults = std::make_shared<FaultFiles>(disk);
    const CacheDir dir(faults, BootId{});
    EXPECT_FALSE(dir.probe_holes());
    EXPECT_TRUE(disk->image().names.empty());
    faults->fail(DiskCall::punch, EOPNOTSUPP);
    EXPECT_EQ(dir.probe_holes().value(), EOPNOTSUPP);
    EXPECT_TRUE(disk->image().names.empty());
}

}  // namespace
}  // namespace btfs::test
