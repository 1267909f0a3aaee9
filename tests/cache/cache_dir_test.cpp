#include "cache/cache_dir.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cache/disk/whole_file.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kPiece = 64 * 1024;

TEST(CacheDir, KeepsWhatUrlsLedTo) {
    test::TempDir dir;
    {
        const CacheDir cache = CacheDir::open(dir.path()).value();
        EXPECT_FALSE(cache.kept_download("http://host/a?key=1"));
        EXPECT_FALSE(cache.keep_download("http://host/a?key=1", as_bytes("one")));
        EXPECT_FALSE(cache.keep_download("http://host/a?key=2", as_bytes("two")));
        EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=1")), "one");
        EXPECT_FALSE(cache.keep_download("http://host/a?key=1", as_bytes("new")));
    }
    const CacheDir cache = CacheDir::open(dir.path()).value();
    EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=1")), "new");
    EXPECT_EQ(as_text(*cache.kept_download("http://host/a?key=2")), "two");
}

TEST(CacheDir, KeepsThePeersOfATorrentThatIsHere) {
    test::TempDir dir;
    const CacheDir cache = CacheDir::open(dir.path()).value();
    const Identity identity{sha1(as_bytes("t")), {}};
    EXPECT_FALSE(cache.kept_peers(identity));
    EXPECT_TRUE(cache.keep_peers(identity, as_bytes("peers"))) << "the torrent is not here";
    EXPECT_FALSE(cache.kept_peers(identity));
    ASSERT_FALSE(write_whole(dir.path() / (identity.cache_key() + ".claims"), as_bytes("x"), 0600));
    EXPECT_FALSE(cache.keep_peers(identity, as_bytes("peers")));
    EXPECT_FALSE(cache.keep_peers(identity, as_bytes("newer")));
    EXPECT_EQ(as_text(*cache.kept_peers(identity)), "newer");
}

TEST(CacheDir, IsMadeForItsOwnerAlone) {
    test::TempDir dir;
    ASSERT_TRUE(CacheDir::open(dir.path() / "a" / "b"));
    EXPECT_EQ(fs::status(dir.path() / "a" / "b").permissions(), fs::perms::owner_all);
}

TEST(CacheDir, AFolderThatOthersCanWriteOrOwnIsRefused) {
    test::TempDir dir;
    fs::permissions(dir.path(), fs::perms::all);
    EXPECT_EQ(CacheDir::open(dir.path()).error(), CacheDirErrc::open_to_all);
    fs::permissions(dir.path(), fs::perms::all | fs::perms::sticky_bit);
    EXPECT_EQ(CacheDir::open(dir.path()).error(), CacheDirErrc::open_to_all)
        << "others may put files there first";
    fs::permissions(dir.path(), fs::perms::owner_all | fs::perms::group_all | fs::perms::others_read);
    EXPECT_TRUE(CacheDir::open(dir.path()));
    if (geteuid() != 0) GTEST_SKIP() << "giving a folder away needs root";
    ASSERT_EQ(chown(dir.path().c_str(), 12345, 12345), 0);
    EXPECT_EQ(CacheDir::open(dir.path()).error(), CacheDirErrc::of_another_user);
}

TEST(CacheDir, ALinkToItIsFollowedAndOneThatIsNoFolderIsRefused) {
    test::TempDir dir;
    fs::create_directory(dir.path() / "real");
    fs::create_symlink("real", dir.path() / "link");
    EXPECT_TRUE(CacheDir::open(dir.path() / "link"));
    fs::create_symlink("nowhere", dir.path() / "dangling");
    EXPECT_FALSE(CacheDir::open(dir.path() / "dangling"));
    ASSERT_FALSE(write_whole(dir.path() / "file", as_bytes("x"), 0600));
    EXPECT_EQ(CacheDir::open(dir.path() / "file").error().value(), ENOTDIR);
}

TEST(CacheDir, LinksInItAreNotFollowed) {
    test::World w(test::make_torrent(kPiece, kPiece));
    const fs::path victim = w.dir.path() / "victim";
    const Bytes precious(3000, std::byte{7});
    ASSERT_FALSE(write_whole(victim, precious, 0600));

    fs::create_symlink(victim, w.claims_path());
    const CacheDir cache = CacheDir::open(w.dir.path(), w.boot_id).value();
    EXPECT_EQ(cache.open_torrent(w.torrent.spec, w.pool(), w.memory).error().value(), ELOOP);
    fs::remove(w.claims_path());

    fs::create_symlink(victim, w.data_path());
    w.open();
    w.fill(PieceIndex(0), Urgency::blocked_read);
    EXPECT_TRUE(w.engine.wait_verified(PieceIndex(0))) << "from memory";
    w.close();
    EXPECT_EQ(read_whole(victim, 10'000).value(), precious);

    fs::create_symlink(victim, w.dir.path() / "dht.nodes");
    EXPECT_FALSE(cache.kept_dht_table());
    EXPECT_FALSE(cache.keep_dht_table(as_bytes("table"))) << "in place of the link";
    EXPECT_EQ(as_text(*cache.kept_dht_table()), "table");
    EXPECT_EQ(read_whole(victim, 10'000).value(), precious);
}

TEST(CacheDir, WhatAKillLeftUnfinishedIsRemovedAfterADay) {
    test::TempDir dir;
    const std::vector<std::string> names{".btfs-00000000000000aa.part", ".btfs-00000000000000bb.part",
                                         "user.part"};
    for (const std::string& name : names) ASSERT_FALSE(write_whole(dir.path() / name, as_bytes("x"), 0600));
    for (const std::size_t old : {0, 2}) {
        timespec times[2];
        clock_gettime(CLOCK_REALTIME, &times[0]);
        times[0].tv_sec -= 25 * 60 * 60;
        times[1] = times[0];
        ASSERT_EQ(utimensat(AT_FDCWD, (dir.path() / names[old]).c_str(), times, 0), 0);
    }
    ASSERT_TRUE(CacheDir::open(dir.path()));
    EXPECT_FALSE(fs::exists(dir.path() / names[0]));
    EXPECT_TRUE(fs::exists(dir.path() / names[1])) << "somebody may be writing it";
    EXPECT_TRUE(fs::exists(dir.path() / names[2])) << "not ours";
}

TEST(CacheDir, WhatIsTooLargeIsNotRead) {
    test::TempDir dir;
    const CacheDir cache = CacheDir::open(dir.path()).value();
    ASSERT_FALSE(cache.keep_dht_table(Bytes(CacheDir::kMaxDhtTableSize)));
    EXPECT_TRUE(cache.kept_dht_table());
    ASSERT_FALSE(cache.keep_dht_table(Bytes(CacheDir::kMaxDhtTableSize + 1)));
    EXPECT_FALSE(cache.kept_dht_table());
}

}  // namespace
}  // namespace btfs
