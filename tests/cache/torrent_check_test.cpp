#include "cache/torrent_check.hpp"

#include <gtest/gtest.h>

#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr unsigned kPieces = 40;

struct TorrentCheckTest : testing::TestWithParam<LargePieceSizes> {
    World w{make_torrent(kPiece, kPieces* std::uint64_t{kPiece} - 777), GetParam()};
    std::uint64_t progress = 0;

    void SetUp() override {
        w.open();
        w.fill_all();
        w.close();
    }
    /// Opens the store as a command does: no engine is attached.
    void open() {
        auto dir = CacheDir::open(w.dir.path(), w.boot_id);
        w.store = dir->open_torrent(w.torrent.spec, w.pool(), w.memory).value();
    }
    CheckedPieces check() {
        open();
        progress = 0;
        return TorrentCheck(*w.store, 2, [this](std::uint64_t bytes) { progress += bytes; }).run();
    }
};

INSTANTIATE_TEST_SUITE_P(OfPieces, TorrentCheckTest,
                         testing::Values(LargePieceSizes{}, LargePieceSizes{.streamed_proof = 0}),
                         [](const auto& sizes) {
                             return sizes.param.streamed_proof == 0 ? "HashedAsStreams" : "HashedWhole";
                         });

TEST_P(TorrentCheckTest, RightContentIsRight) {
    const CheckedPieces checked = check();
    EXPECT_EQ(checked.right, kPieces);
    EXPECT_EQ(checked.damaged, 0u);
    EXPECT_EQ(checked.unread, 0u);
    EXPECT_EQ(progress, w.torrent.content.size());
    w.close();
    open();
    EXPECT_TRUE(w.store->available().all());
}

TEST_P(TorrentCheckTest, EachFlippedBitIsFoundAndItsPieceIsFetchedAgain) {
    Rng rng(21);
    std::set<std::uint32_t> hit;
    for (int i = 0; i < 25; ++i) {
        const std::uint64_t at = rng.below(w.torrent.content.size());
        if (!hit.insert(static_cast<std::uint32_t>(at / kPiece)).second) continue;
        flip_byte(w.data_path(), at);
    }
    const CheckedPieces checked = check();
    EXPECT_EQ(checked.damaged, hit.size());
    EXPECT_EQ(checked.right, kPieces - hit.size());
    EXPECT_EQ(progress, w.torrent.content.size());
    w.close();
    w.open();
    for (PieceIndex p(0); p.value() < kPieces; p = p.next())
        EXPECT_EQ(w.store->available().test(p), !hit.contains(p.value())) << p.value();
    for (const std::uint32_t p : hit) {
        w.fill(PieceIndex(p));
        EXPECT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    }
    for (PieceIndex p(0); p.value() < kPieces; p = p.next()) {
        const ByteRange range = w.torrent.spec.layout.piece_range(p);
        EXPECT_EQ(read_now(*w.store, range), w.expected(range));
    }
}

TEST_P(TorrentCheckTest, WhatWasDoubtfulIsProvenAndTheEndIsClean) {
    {
        auto dir = CacheDir::open(w.dir.path(), w.boot_id);
        EXPECT_FALSE(dir->doubt_claims(w.torrent.spec.identity));
    }
    open();
    EXPECT_EQ(w.store->unproven().count(), kPieces);
    w.close();
    flip_byte(w.data_path(), 5);
    EXPECT_EQ(check().damaged, 1u);
    w.close();
    w.boot_id = BootId{std::byte{99}};  // an unclean end would be doubted now
    open();
    EXPECT_TRUE(w.store->unproven().none());
    EXPECT_EQ(w.store->available().count(), kPieces - 1);
}

TEST_P(TorrentCheckTest, ADataFileThatIsShortOrGoneIsDamaged) {
    std::filesystem::resize_file(w.data_path(), 10 * std::uint64_t{kPiece} + 5);
    EXPECT_EQ(check().right, 10u);
    w.close();
    std::filesystem::remove(w.data_path());
    const CheckedPieces checked = check();
    EXPECT_EQ(checked.right, 0u);
    EXPECT_EQ(checked.damaged, 10u);
}

TEST_P(TorrentCheckTest, ADiskThatFailsForATimeCostsNoClaim) {
    w.use_faults().fail(DiskCall::open, EMFILE, ".data");
    auto store = CacheDir(w.faults, w.boot_id).open_torrent(w.torrent.spec, w.pool(), w.memory).value();
    const CheckedPieces checked = TorrentCheck(*store, 2, [](std::uint64_t) {}).run();
    EXPECT_EQ(checked.unread, kPieces);
    EXPECT_EQ(checked.damaged, 0u);
    store.reset();
    open();
    EXPECT_TRUE(w.store->available().all());
}

TEST_P(TorrentCheckTest, ATorrentOfNothingIsDoneAtOnce) {
    std::filesystem::remove(w.claims_path());
    const CheckedPieces checked = check();
    EXPECT_EQ(checked.right + checked.damaged + checked.unread, 0u);
}

}  // namespace
}  // namespace btfs::test
