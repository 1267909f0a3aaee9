// The power fails, or the process is killed, at every moment of a cache's life; then the cache is opened
// anew. Nothing unproven is served or announced, and nothing that was synced is lost.
#include <gtest/gtest.h>

#include <functional>

#include "tests/cache/support/cache_script.hpp"
#include "tests/cache/support/memory_disk.hpp"

namespace btfs::test {
namespace {

constexpr unsigned kPieces = 6;
constexpr BootId kFirstBoot{std::byte{1}}, kSecondBoot{std::byte{2}}, kAfterTheCut{std::byte{9}};

/// A promise that holds after every cut between two moments.
struct Promise {
    std::size_t from;
    std::size_t until;
    std::string what;
    std::function<bool(CacheRun&)> holds;
};

struct CrashTest : testing::TestWithParam<PieceKind> {
    const LargePieceSizes sizes = GetParam().sizes;
    const std::uint32_t piece_length = GetParam().piece_length;
    Torrent torrent = torrent_with_info();
    DiskPool pool{2};
    std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
    std::vector<Promise> promises;
    std::size_t cuts = 0, kills = 0;

    Torrent torrent_with_info() const {
        Torrent made = make_torrent(piece_length, kPieces * std::uint64_t{piece_length} - 5000);
        give_info(made);
        return made;
    }
    std::string name(const char* ending) const { return torrent.spec.identity.cache_key() + ending; }
    std::size_t now() const { return disk->changes().size(); }

    /// The piece can be uploaded: it is there, and right.
    void promise_had(unsigned piece, std::size_t until = SIZE_MAX) {
        promises.push_back({now(), until, "piece " + std::to_string(piece), [piece](CacheRun& run) {
                                return run.upload(PieceIndex(piece)) == CacheRun::Outcome::right;
                            }});
    }
    /// From now on there are no pieces promised any more.
    void withdraw_pieces() {
        for (Promise& promise : promises)
            if (promise.what.starts_with("piece")) promise.until = std::min(promise.until, now());
    }
    void with_run(const BootId& boot, const std::function<void(CacheRun&)>& work,
                  std::optional<std::uint64_t> bound = {}) {
        CacheRun run(disk, boot, torrent, pool, sizes, bound);
        ASSERT_FALSE(run.open());
        work(run);
    }

    void check(DiskImage image, const BootId& boot, std::size_t cut) {
        const Bytes* found = image.content(name(".data"));
        const Bytes data = found ? *found : Bytes();
        CacheRun run(std::make_shared<MemoryDisk>(std::move(image)), boot, torrent, pool, sizes);
        ASSERT_FALSE(run.open()) << "cut " << cut;
        const auto info = run.dir().kept_info(torrent.spec.identity);
        ASSERT_TRUE(!info || *info == *torrent.spec.info) << "cut " << cut;
        const Bitfield announced = run.store().available();
        for (PieceIndex p(0); p.value() < announced.size(); p = p.next())
            if (announced.test(p)) {
                ASSERT_TRUE(is_on_file(&data, torrent, p)) << "cut " << cut << " piece " << p.value();
            }
        for (const Promise& promise : promises)
            if (promise.from <= cut && cut < promise.until) {
                ASSERT_TRUE(promise.holds(run)) << "cut " << cut << ": " << promise.what;
            }
        for (PieceIndex p(0); p.value() < announced.size(); p = p.next())
            ASSERT_NE(run.upload(p), CacheRun::Outcome::wrong) << "cut " << cut << " piece " << p.value();
    }

    /// Cuts the life so far at each of its changes.
    void cut_everywhere(unsigned random_cuts) {
        CrashModel model;
        Rng rng(5);
        const std::vector<DiskChange> changes = disk->changes();
        for (std::size_t cut = 0; cut <= changes.size(); ++cut) {
            if (cut > 0) model.apply(changes[cut - 1]);
            using Luck = CrashModel::Luck;
            for (const Luck luck :
                 {Luck::nothing_unsynced, Luck::everything, Luck::names_alone, Luck::data_alone}) {
                SCOPED_TRACE(static_cast<int>(luck));
                check(model.after_power_loss(luck, rng), kAfterTheCut, cut);
            }
            for (unsigned i = 0; i < random_cuts; ++i) {
                SCOPED_TRACE("random " + std::to_string(i));
                check(model.after_power_loss(Luck::random, rng), kAfterTheCut, cut);
            }
            cuts += 4 + random_cuts;
            if (HasFatalFailure()) return;
        }
        RecordProperty("changes", static_cast<int>(changes.size()));
        RecordProperty("cuts", static_cast<int>(cuts));
        std::cout << "[          ] " << changes.size() << " changes, " << cuts << " cuts of the power\n";
    }
    /// All of the piece's blocks are claimed on file.
    bool is_claimed(unsigned piece) const {
        const DiskImage image = disk->image();
        const Bytes* const claims = image.content(name(".claims"));
        const std::uint32_t count = piece_length / kBlockSize;
        for (std::uint32_t block = piece * count; block < (piece + 1) * count; ++block)
            if ((std::to_integer<unsigned>(claims->at(128 + block / 8)) >> block % 8 & 1) == 0) return false;
        return true;
    }
};

INSTANTIATE_TEST_SUITE_P(OfTheCache, CrashTest, testing::Values(kWholePieces, kSpillingPieces),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(CrashTest, NothingUnprovenIsAnnouncedAndNothingSyncedIsLost) {
    with_run(kFirstBoot, [&](CacheRun& run) {
        for (unsigned p : {0, 2, 3}) ASSERT_TRUE(run.fetch(PieceIndex(p)));
        EXPECT_FALSE(run.dir().keep_dht_table(as_bytes("the first table")));
    });
    for (unsigned p : {0, 2, 3}) promise_had(p);
    with_run(kFirstBoot, [&](CacheRun& run) {
        EXPECT_EQ(run.read({0, piece_length}), CacheRun::Outcome::right);
        ASSERT_TRUE(run.fetch(PieceIndex(5)));
    });
    promise_had(5);
    // Rot: a piece is lost, and fetched again, in another boot.
    withdraw_pieces();
    for (unsigned p : {0, 3, 5}) promise_had(p);
    disk->flip_byte(name(".data"), 2 * piece_length + 77);
    with_run(kSecondBoot, [&](CacheRun& run) {
        EXPECT_EQ(run.read({2 * piece_length, 3 * piece_length}), CacheRun::Outcome::right);
        EXPECT_EQ(run.lost(), 1u);
        EXPECT_FALSE(run.dir().keep_dht_table(as_bytes("the second table")));
    });
    promise_had(2);
    with_run(kSecondBoot, [&](CacheRun& run) {
        for (unsigned p = 0; p < kPieces; ++p) ASSERT_TRUE(run.fetch(PieceIndex(p)));
    });
    for (unsigned p = 0; p < kPieces; ++p) promise_had(p);
    // The rot is not among what the disk was asked to do.
    cut_everywhere(4);
}

TEST_P(CrashTest, WhatASyncThatFailedCoveredIsDoubtfulEvenIfTheNextOneWorks) {
    with_run(kFirstBoot, [&](CacheRun& run) {
        for (unsigned p : {0, 1}) ASSERT_TRUE(run.fetch(PieceIndex(p)));
    });
    with_run(kFirstBoot, [&](CacheRun& run) {
        ASSERT_TRUE(run.fetch(PieceIndex(2)));
        // Once it is claimed, the next sync is the one of the data.
        while (run.store().bytes_had() < 3 * std::uint64_t{piece_length}) std::this_thread::yield();
        EXPECT_EQ(run.upload(PieceIndex(2)), CacheRun::Outcome::right);
        while (!is_on_file(disk->image().content(name(".data")), torrent, PieceIndex(2)))
            std::this_thread::yield();
        while (!is_claimed(2)) std::this_thread::yield();
        disk->fail_next_sync();
    });
    with_run(kFirstBoot, [&](CacheRun& run) {
        EXPECT_TRUE(run.store().unproven().test(PieceIndex(2)));
        ASSERT_TRUE(run.fetch(PieceIndex(4)));
    });
    cut_everywhere(6);
}

TEST_P(CrashTest, AKillLosesNothingThatWasWritten) {
    with_run(kFirstBoot, [&](CacheRun& run) {
        for (unsigned p = 0; p < kPieces; ++p) ASSERT_TRUE(run.fetch(PieceIndex(p)));
    });
    CrashModel model;
    std::size_t claimed_before = 0;
    const std::vector<DiskChange> changes = disk->changes();
    for (std::size_t cut = 0; cut <= changes.size(); ++cut) {
        if (cut > 0) model.apply(changes[cut - 1]);
        check(model.after_kill(), kFirstBoot, cut);
        if (HasFatalFailure()) return;
        CacheRun run(std::make_shared<MemoryDisk>(model.after_kill()), kFirstBoot, torrent, pool, sizes);
        ASSERT_FALSE(run.open());
        const std::size_t claimed = run.store().available().count();
        EXPECT_GE(claimed, claimed_before) << "cut " << cut;
        claimed_before = claimed;
    }
    EXPECT_EQ(claimed_before, kPieces);
}

TEST_P(CrashTest, AfterEvictionsNothingIsClaimedThatIsGoneAndTheBoundHolds) {
    constexpr unsigned kMany = 14;
    torrent = make_torrent(piece_length, kMany * std::uint64_t{piece_length} - 5000);
    const std::uint64_t bound = 6 * std::uint64_t{piece_length} + (128 << 10);
    const auto stream = [&](CacheRun& run) {
        for (unsigned p = 0; p < kMany; ++p)
            ASSERT_EQ(run.read(torrent.spec.layout.piece_range(PieceIndex(p))), CacheRun::Outcome::right);
        EXPECT_GE(run.evicted(), 3u);
        EXPECT_EQ(run.lost(), 0u);
    };
    with_run(kFirstBoot, stream, bound);
    with_run(kFirstBoot, stream, bound);
    with_run(kSecondBoot, stream, bound);
    cut_everywhere(2);
    if (HasFatalFailure()) return;

    CrashModel model;
    const std::vector<DiskChange> changes = disk->changes();
    for (std::size_t cut = 0; cut <= changes.size(); ++cut) {
        if (cut > 0) model.apply(changes[cut - 1]);
        ASSERT_LE(model.after_kill().bytes_on_disk(), bound) << "cut " << cut;
        check(model.after_kill(), cut < changes.size() / 2 ? kFirstBoot : kSecondBoot, cut);
        if (HasFatalFailure()) return;
    }
}

TEST(SmallFilesCrashTest, SmallFilesAreWholeAfterEveryCutAndStayOnceTheyAreKept) {
    const Bytes info(20'000, std::byte{3}), first(9'000, std::byte{1}), second(14'000, std::byte{2});
    const Identity identity{.v1 = sha1(info), .v2 = {}};
    const auto disk = std::make_shared<MemoryDisk>();
    const auto now = [&] { return disk->changes().size(); };
    const CacheDir dir(disk, kFirstBoot);
    const std::string url = "http://host/a";
    struct Kept {
        std::size_t info, first, second, download;
    } since{};
    EXPECT_FALSE(dir.keep_info(identity, info));
    since.info = now();
    EXPECT_FALSE(dir.keep_dht_table(first));
    since.first = now();
    EXPECT_FALSE(dir.keep_download(url, first));
    since.download = now();
    EXPECT_FALSE(dir.keep_dht_table(second));
    since.second = now();

    CrashModel model;
    std::size_t cuts = 0;
    Rng rng(6);
    const std::vector<DiskChange> changes = disk->changes();
    for (std::size_t cut = 0; cut <= changes.size(); ++cut) {
        if (cut > 0) model.apply(changes[cut - 1]);
        for (unsigned i = 0; i < 40; ++i, ++cuts) {
            const auto luck = static_cast<CrashModel::Luck>(std::min(i, 4u));
            const CacheDir left(std::make_shared<MemoryDisk>(model.after_power_loss(luck, rng)),
                                kAfterTheCut);
            const auto table = left.kept_dht_table();
            ASSERT_TRUE(!table || *table == first || *table == second) << "cut " << cut;
            if (cut >= since.first) {
                ASSERT_TRUE(table) << "cut " << cut;
            }
            if (cut >= since.second) {
                ASSERT_EQ(*table, second);
            }
            if (cut >= since.info) {
                ASSERT_EQ(left.kept_info(identity), info) << "cut " << cut;
            }
            const auto download = left.kept_download(url);
            ASSERT_TRUE(!download || *download == first) << "cut " << cut;
            if (cut >= since.download) {
                ASSERT_TRUE(download) << "cut " << cut;
            }
        }
    }
    RecordProperty("cuts", static_cast<int>(cuts));
}

TEST(SmallFilesCrashTest, PinsAreThoseBeforeOrAfterEachChangeWhateverMomentThePowerFails) {
    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const auto disk = std::make_shared<MemoryDisk>();
    const CacheDir dir(disk, kFirstBoot);
    const std::vector<Pins> states{{}, {{0, 3}}, {{0, 3}, {9, 9}}, {{9, 9}}, {}};
    std::vector<std::size_t> begun{0}, kept{0};  // for each state: changes of the disk before and after it
    for (std::size_t i = 1; i < states.size(); ++i) {
        begun.push_back(disk->changes().size());
        ASSERT_FALSE(dir.keep_pins(identity, states[i]));
        kept.push_back(disk->changes().size());
    }
    CrashModel model;
    Rng rng(8);
    const std::vector<DiskChange> changes = disk->changes();
    for (std::size_t cut = 0; cut <= changes.size(); ++cut) {
        if (cut > 0) model.apply(changes[cut - 1]);
        const auto last_kept = std::ranges::upper_bound(kept, cut) - kept.begin() - 1;
        const auto last_begun = std::ranges::lower_bound(begun, cut) - begun.begin() - 1;
        for (unsigned i = 0; i < 40; ++i) {
            const auto luck = static_cast<CrashModel::Luck>(std::min(i, 4u));
            const CacheDir left(std::make_shared<MemoryDisk>(model.after_power_loss(luck, rng)),
                                kAfterTheCut);
            const Pins pins = left.kept_pins(identity);
            const bool right =
                std::any_of(states.begin() + last_kept, states.begin() + std::max(last_kept, last_begun) + 1,
                            [&](const Pins& state) { return state == pins; });
            ASSERT_TRUE(right) << "cut " << cut;
        }
    }
}

}  // namespace
}  // namespace btfs::test
