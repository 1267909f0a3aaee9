#include "cache/records/catalog.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "cache/disk/linux_files.hpp"
#include "cache/disk/whole_file.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

Catalog read(const World& w) {
    const auto files = LinuxFiles::open_folder(w.dir.path()).value();
    auto catalog = read_catalog(*files);
    EXPECT_TRUE(catalog);
    return catalog ? std::move(*catalog) : Catalog{};
}
CachedTorrent only_torrent(const World& w) {
    const Catalog catalog = read(w);
    EXPECT_EQ(catalog.torrents.size(), 1u);
    return catalog.torrents.empty() ? CachedTorrent{} : catalog.torrents.front();
}

TEST(CatalogTest, TellsOfATorrentWhatItsFilesSay) {
    constexpr std::uint32_t kPiece = 64 * 1024;
    World w(make_torrent(kPiece, 5 * kPiece - 777));
    give_info(w.torrent);
    w.open();
    for (const unsigned p : {0, 2}) {
        w.fill(PieceIndex(p));
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    }
    w.close();
    const CachedTorrent torrent = only_torrent(w);
    EXPECT_EQ(torrent.cache_key, w.torrent.spec.identity.cache_key());
    EXPECT_EQ(torrent.identity, w.torrent.spec.identity);
    EXPECT_TRUE(torrent.claims_are_valid);
    EXPECT_FALSE(torrent.in_use);
    EXPECT_EQ(torrent.size_in_pieces, 5 * kPiece);
    EXPECT_EQ(torrent.bytes_had, 2 * kPiece);
    EXPECT_EQ(torrent.bytes_of_content, 2 * kPiece);
    EXPECT_EQ(torrent.bytes_on_disk, w.bytes_on_disk());
    EXPECT_NEAR(static_cast<double>(torrent.last_use), static_cast<double>(time(nullptr)), 100);
    EXPECT_EQ(read(w).bytes_on_disk, w.bytes_on_disk());
}

TEST(CatalogTest, SeesThatATorrentIsOpenAndDoesNotHinderThat) {
    World w(make_torrent(kBlockSize, kBlockSize));
    w.open();
    EXPECT_TRUE(only_torrent(w).in_use);
    w.close();
    EXPECT_FALSE(only_torrent(w).in_use);
}

TEST(CatalogTest, CountsPiecesThatAreNoMultipleOfABlock) {
    constexpr std::uint32_t kPiece = 40'000;
    for (const unsigned count : {1, 2, 7, 300}) {
        World w(make_torrent(kPiece, std::uint64_t{count} * kPiece));
        w.open();
        w.fill_all();
        w.close();
        EXPECT_EQ(only_torrent(w).bytes_had, std::uint64_t{count} * kPiece);
    }
}

TEST(CatalogTest, CountsBitmapsOfManyParts) {
    World w(make_torrent(kBlockSize, kBlockSize));
    // A sidecar of 600,000 blocks in pieces of three, the last of which is short; every second piece is had.
    const ClaimsShape shape{200'000, 2 * kBlockSize + 1000, 600'000, sha1(as_bytes("x"))};
    const auto files = LinuxFiles::open_folder(w.dir.path()).value();
    EarlierClaims earlier;
    auto claims =
        Claims::open(*files, std::string(40, 'a') + ".claims", shape, BootId{std::byte{1}}, earlier).value();
    BlockBitmap stored(600'000), doubtful(600'000);
    for (std::size_t piece = 0; piece < 200'000; piece += 2) stored.assign(3 * piece, 3, true);
    ASSERT_FALSE(claims->save(0, 600'000, stored, doubtful));
    claims.reset();
    EXPECT_EQ(only_torrent(w).bytes_had, 100'000 * (2 * std::uint64_t{kBlockSize} + 1000));
}

TEST(CatalogTest, WhatIsNoTorrentIsOnlyCounted) {
    World w(make_torrent(kBlockSize, kBlockSize));
    for (const std::string& name :
         {std::string("holiday.data"), std::string(40, 'A') + ".claims", std::string("dht.nodes"),
          std::string(40, 'a') + ".download", std::string(40, 'a')})
        ASSERT_FALSE(write_whole(w.dir.path() / name, as_bytes("x"), 0600));
    const Catalog catalog = read(w);
    EXPECT_TRUE(catalog.torrents.empty());
    EXPECT_EQ(catalog.bytes_on_disk, w.bytes_on_disk());
}

TEST(CatalogTest, ADamagedSidecarClaimsNothing) {
    constexpr std::uint32_t kPiece = 2 * kBlockSize;
    World w(make_torrent(kPiece, 5 * kPiece));
    w.open();
    w.fill_all();
    w.close();
    const Bytes good = read_whole(w.claims_path(), 1 << 20).value();
    const auto expect_nothing = [&](const Bytes& claims, const std::string& what) {
        ASSERT_FALSE(write_whole(w.claims_path(), claims, 0600));
        const CachedTorrent torrent = only_torrent(w);
        EXPECT_FALSE(torrent.claims_are_valid) << what;
        EXPECT_EQ(torrent.bytes_had, 0u) << what;
        EXPECT_EQ(torrent.bytes_of_content, 5 * kPiece) << what;
    };
    for (std::size_t size = 0; size < good.size(); ++size)
        expect_nothing({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}, "cut short");
    Bytes longer = good;
    longer.push_back(std::byte{0});
    expect_nothing(longer, "too long");
    for (std::size_t i = 0; i < kClaimsHeaderSize; ++i) {
        Bytes bad = good;
        bad[i] ^= std::byte{1};
        expect_nothing(bad, "a flipped bit");
    }
    std::filesystem::remove(w.claims_path());
    EXPECT_FALSE(only_torrent(w).claims_are_valid);
    std::filesystem::create_directory(w.claims_path());
    EXPECT_FALSE(only_torrent(w).claims_are_valid);
}

TEST(CatalogTest, AFolderThatCannotBeListedIsAnError) {
    World w(make_torrent(kBlockSize, kBlockSize));
    w.use_faults().fail(DiskCall::list, EIO);
    EXPECT_EQ(read_catalog(w.use_faults()).error().value(), EIO);
    w.faults->work();
    w.open();
    w.close();
    w.faults->fail(DiskCall::open, EMFILE);
    EXPECT_EQ(read_catalog(*w.faults).value().torrents.size(), 1u);
}

}  // namespace
}  // namespace btfs::test
