// TorrentStore with files of another client: what lies there is read from there, once it is proven, and never
// a byte that is not the torrent's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "cache/adopted/adopted_files.hpp"
#include "cache/disk/linux_files.hpp"
#include "cache/torrent_store.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

using test::flip_byte;
using test::make_torrent;
using test::read_now;
using test::ReadResult;
using test::World;

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr PieceIndex p0(0), p1(1), p2(2), p3(3), p4(4), p5(5);
/// Longer than a tick of the clock of files.
constexpr Duration kSettles = 30ms;

/// A torrent of a file of three and a half pieces, one of 100 KB, and padding between them, in a folder where
/// another client has put them.
struct AdoptedStoreTest : testing::Test {
    explicit AdoptedStoreTest(const LargePieceSizes& large = {})
        : w(make_torrent(kPiece, {{0, kFirst}, {kFirst, kPad, true}, {kFirst + kPad, kSecond}}), large) {}

    World w;
    test::TempDir data;
    std::vector<std::string> names{"first", "", "second"};
    Duration settles = kSettles;
    bool unfinished = false;
    std::shared_ptr<test::FaultFiles> disk =
        std::make_shared<test::FaultFiles>(LinuxFiles::open_folder(data.path()).value());

    static constexpr std::uint64_t kFirst = 3 * kPiece + kPiece / 2, kPad = kPiece / 2, kSecond = 100'000;
    const ByteRange first{0, kFirst}, second{kFirst + kPad, kFirst + kPad + kSecond};
    const ByteRange all{0, kFirst + kPad + kSecond};

    void SetUp() override {
        write("first", first);
        write("second", second);
        w.adopted = [this] {
            return AdoptedFiles::find({disk, unfinished, settles}, w.torrent.spec.layout, names);
        };
    }
    void write(const std::string& name, ByteRange range) const {
        std::ofstream(data.path() / name, std::ios::binary | std::ios::trunc)
            << as_text(w.torrent.bytes(range));
    }
    /// Opens the store when files that were written just now count as old.
    void open() {
        std::this_thread::sleep_for(settles + 10ms);
        w.open();
    }
    /// The times of a file have a coarse clock: what is changed now gets another time than before.
    static void tick() { std::this_thread::sleep_for(15ms); }

    Result<Bytes> upload(PieceIndex piece) {
        const ReadTicket ticket = ++tickets;
        w.store->read(ticket, {piece, 0, kBlockSize});
        EXPECT_TRUE(w.engine.wait([&] { return w.engine.reads.contains(ticket); }));
        std::lock_guard lock(w.engine.mutex);
        return w.engine.reads.at(ticket);
    }
    /// Reads what is missing while a swarm sends each piece that is lost.
    Bytes read_with_a_swarm(ByteRange range) {
        auto result = std::make_shared<ReadResult>();
        const ReadId id = ++read_ids;
        w.store->read(id, range, test::reply_to(result, *w.store, id, range));
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!result->done() && std::chrono::steady_clock::now() < end) {
            for (PieceIndex p(0); p.value() < w.torrent.spec.layout.piece_count(); p = p.next())
                if (!w.store->has(w.torrent.spec.layout.piece_range(p))) w.fill(p, Urgency::blocked_read);
            std::this_thread::sleep_for(2ms);
        }
        return result->bytes();
    }
    bool nothing_in_cache() const { return !std::filesystem::exists(w.data_path()); }
    int times_lost(PieceIndex piece) {
        std::lock_guard lock(w.engine.mutex);
        return w.engine.lost[piece.value()];
    }

    ReadTicket tickets = 0;
    ReadId read_ids = 0;
    std::function<std::unique_ptr<AdoptedFiles>()> keep;
};

TEST_F(AdoptedStoreTest, CompleteFilesAreReadFromWhereTheyLie) {
    open();
    EXPECT_TRUE(w.store->available().all());
    EXPECT_TRUE(w.store->unproven().none());
    EXPECT_EQ(w.store->bytes_had(), all.size());
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content) << "padding is zeros";
    EXPECT_EQ(read_now(*w.store, {kPiece - 100, kPiece + 300}), w.expected({kPiece - 100, kPiece + 300}));
    EXPECT_EQ(upload(p1).value(), w.expected({kPiece, kPiece + kBlockSize}));
    w.close();
    EXPECT_TRUE(nothing_in_cache());
}

TEST_F(AdoptedStoreTest, ATorrentIsNotLeasedWhileAPieceOfItIsAdopted) {
    std::filesystem::remove(data.path() / "second");
    open();
    for (const PieceIndex piece : {p4, p5}) {
        w.fill(piece, Urgency::blocked_read);
        ASSERT_TRUE(w.engine.wait_verified(piece));
    }
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    EXPECT_FALSE(w.store->lease(all));
    w.close();
    w.adopted = {};
    w.open();
    for (const PieceIndex piece : {p0, p1, p2, p3}) w.fill(piece, Urgency::blocked_read);
    ASSERT_TRUE(w.engine.wait([&] { return w.store->has(all); }));
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    EXPECT_TRUE(w.engine.wait([&] { return w.store->lease(all) != nullptr; }));
}

TEST_F(AdoptedStoreTest, TheFirstUseProvesAndLaterOnesReadNoMoreThanTheyNeed) {
    open();
    read_now(*w.store, all);
    const std::size_t before = disk->calls();
    EXPECT_EQ(read_now(*w.store, {10, 20}), w.expected({10, 20}));
    EXPECT_LE(disk->calls() - before, 5u) << "the piece was hashed again";
}

TEST_F(AdoptedStoreTest, NothingIsReadBeforeItIsUsed) {
    disk->set_rule([](test::DiskCall call, const std::string&, std::size_t) {
        const bool reads = call == test::DiskCall::read || call == test::DiskCall::read_cached;
        EXPECT_FALSE(reads);
        return test::FaultFiles::Fault{};
    });
    open();
    EXPECT_TRUE(w.store->has(all));
    w.close();
}

TEST_F(AdoptedStoreTest, AWrongByteIsNeverServedAndItsPieceComesFromTheSwarm) {
    flip_byte(data.path() / "first", kPiece + 5);
    open();
    EXPECT_FALSE(upload(p1));
    EXPECT_TRUE(w.engine.wait_lost(p1));
    EXPECT_EQ(read_now(*w.store, {0, kPiece}), w.expected({0, kPiece})) << "the others are used";
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
    w.close();
    w.adopted = {};
    open();
    EXPECT_TRUE(w.store->available().test(p1)) << "it is in the cache";
    EXPECT_EQ(w.store->available().count(), 1u) << "claims on file are of the cache alone";
    EXPECT_EQ(read_now(*w.store, {kPiece, 2 * kPiece}), w.expected({kPiece, 2 * kPiece}));
}

TEST_F(AdoptedStoreTest, AFileThatChangesAfterItsProofIsNoticed) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    tick();
    flip_byte(data.path() / "first", 2 * kPiece + 9);
    EXPECT_EQ(read_with_a_swarm({2 * kPiece, 3 * kPiece}), w.expected({2 * kPiece, 3 * kPiece}));
    EXPECT_EQ(times_lost(p2), 1);
    EXPECT_EQ(read_now(*w.store, {0, 2 * kPiece}), w.expected({0, 2 * kPiece}));
    EXPECT_EQ(times_lost(p0) + times_lost(p1), 0) << "what is right still is proven again, or copied";
}

TEST_F(AdoptedStoreTest, ATimeThatWasSetBackDoesNotHideAChange) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    const auto then = std::filesystem::last_write_time(data.path() / "first");
    tick();
    flip_byte(data.path() / "first", 9);
    std::filesystem::last_write_time(data.path() / "first", then);
    EXPECT_FALSE(upload(p0));
    EXPECT_EQ(times_lost(p0), 1);
}

TEST_F(AdoptedStoreTest, AFileThatWasOnlyTouchedGoesOnWithoutTheSwarm) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    tick();
    std::filesystem::last_write_time(data.path() / "first", std::filesystem::file_time_type::clock::now());
    std::this_thread::sleep_for(settles + 10ms);
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    w.close();
    EXPECT_TRUE(nothing_in_cache());
    EXPECT_TRUE(w.engine.lost.empty());
}

TEST_F(AdoptedStoreTest, AFileThatIsBeingChangedIsReadRightAndKeptInTheCache) {
    settles = 1h;  // whatever is read may change at the next moment
    w.open();
    EXPECT_EQ(read_now(*w.store, {0, kPiece + 5}), w.expected({0, kPiece + 5}));
    tick();
    flip_byte(data.path() / "first", 0);
    EXPECT_EQ(read_now(*w.store, {0, kPiece + 5}), w.expected({0, kPiece + 5})) << "of the cache";
    w.close();
    EXPECT_FALSE(nothing_in_cache());
    w.adopted = {};
    w.open();
    EXPECT_TRUE(w.store->available().test(p0));
    EXPECT_FALSE(w.store->available().test(p2)) << "was not read";
}

TEST_F(AdoptedStoreTest, AFileThatIsReplacedShrinksOrGoesIsLost) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    tick();
    std::filesystem::resize_file(data.path() / "first", kPiece + 100);
    std::filesystem::remove(data.path() / "second");
    EXPECT_EQ(read_now(*w.store, {0, 100}), w.expected({0, 100})) << "the first piece is there still";
    EXPECT_TRUE(w.engine.wait_lost(p1));
    EXPECT_TRUE(w.engine.wait_lost(p2));
    EXPECT_FALSE(upload(p4));
    EXPECT_TRUE(w.engine.wait_lost(p4));
    EXPECT_EQ(w.store->bytes_had(), kPiece);
    write("second", {0, kSecond});  // other content
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
}

TEST_F(AdoptedStoreTest, AFileThatIsRenamedWhenItIsCompleteGoesOn) {
    std::filesystem::rename(data.path() / "first", data.path() / "first.part");
    open();
    EXPECT_TRUE(w.store->unproven().test(p0));
    EXPECT_EQ(read_now(*w.store, first), w.expected(first));
    tick();
    std::filesystem::rename(data.path() / "first.part", data.path() / "first");
    std::this_thread::sleep_for(settles);
    EXPECT_EQ(read_now(*w.store, first), w.expected(first));
    w.close();
    EXPECT_TRUE(nothing_in_cache());
    EXPECT_TRUE(w.engine.lost.empty());
}

TEST_F(AdoptedStoreTest, WhatAnotherClientDownloadsMeanwhileIsFoundWhenTheFileIsUsed) {
    std::filesystem::resize_file(data.path() / "first", kPiece);
    open();
    EXPECT_FALSE(w.store->has({kPiece, 2 * kPiece}));
    EXPECT_EQ(read_now(*w.store, {0, 5}), w.expected({0, 5}));
    auto waits = std::make_shared<ReadResult>();
    const ByteRange second_piece{kPiece, 2 * kPiece};
    EXPECT_EQ(w.store->read(99, second_piece, test::reply_to(waits, *w.store, 99, second_piece)),
              ReadOutcome::parked);
    tick();
    write("first", first);
    std::this_thread::sleep_for(settles + 10ms);
    EXPECT_EQ(read_now(*w.store, {0, 5}), w.expected({0, 5}));
    EXPECT_EQ(waits->bytes(), w.expected(second_piece));
    EXPECT_TRUE(w.engine.wait_verified(p1)) << "the engine did not know of it";
}

TEST_F(AdoptedStoreTest, ErrorsThatMayPassLoseNothing) {
    open();
    for (const test::DiskCall call : {test::DiskCall::open, test::DiskCall::status}) {
        for (const int error : {EMFILE, ENFILE, ENOMEM}) {
            disk->fail(call, error);
            EXPECT_TRUE(read_now(*w.store, {0, 100}).empty());
            EXPECT_FALSE(upload(p1));
        }
    }
    disk->work();
    EXPECT_TRUE(w.engine.lost.empty());
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
}

TEST_F(AdoptedStoreTest, AFileThatMayNotBeReadAnyMoreComesFromTheSwarm) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    disk->set_rule([](test::DiskCall call, const std::string& name, std::size_t) {
        return test::FaultFiles::Fault{call == test::DiskCall::open && name == "first" ? EACCES : 0};
    });
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
    EXPECT_GE(times_lost(p0), 1);
}

TEST_F(AdoptedStoreTest, ADamagedFileIsLostWhereItIsRead) {
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    disk->set_rule([](test::DiskCall call, const std::string& name, std::size_t) {
        const bool reads = call == test::DiskCall::read || call == test::DiskCall::read_cached;
        return test::FaultFiles::Fault{reads && name == "first" ? EIO : 0};
    });
    EXPECT_FALSE(upload(p0));
    EXPECT_TRUE(w.engine.wait_lost(p0));
    disk->work();
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
    EXPECT_EQ(times_lost(p1) + times_lost(p2) + times_lost(p3) + times_lost(p4), 0);
}

TEST_F(AdoptedStoreTest, PartsAreHeldBackUntilTheyAreProvenInTheBackground) {
    std::filesystem::resize_file(data.path() / "first", 2 * kPiece + 100);
    open();
    EXPECT_FALSE(w.store->available().test(p0));
    EXPECT_TRUE(w.store->unproven().test(p0));
    EXPECT_TRUE(w.store->unproven().test(p1));
    EXPECT_FALSE(w.store->unproven().test(p2));
    EXPECT_TRUE(w.store->available().test(p4)) << "of a complete file";
    w.store->prove_unproven();
    w.store->prove_unproven();
    EXPECT_TRUE(w.engine.wait_verified(p0));
    EXPECT_TRUE(w.engine.wait_verified(p1));
    EXPECT_TRUE(w.engine.wait([&] { return w.store->unproven().none(); }));
    EXPECT_TRUE(w.store->available().test(p0));
    w.close();
    EXPECT_TRUE(nothing_in_cache());
}

TEST_F(AdoptedStoreTest, TheBackgroundFindsWhatIsWrong) {
    unfinished = true;
    flip_byte(data.path() / "first", kPiece);
    open();
    EXPECT_TRUE(w.store->available().none());
    w.store->prove_unproven();
    EXPECT_TRUE(w.engine.wait_lost(p1));
    for (const PieceIndex p : {p0, p2, p3, p4}) EXPECT_TRUE(w.engine.wait_verified(p));
}

TEST_F(AdoptedStoreTest, WhatTheCacheHasIsReadFromThere) {
    w.adopted.swap(keep);
    w.open();
    w.fill(p1);
    ASSERT_TRUE(w.engine.wait_verified(p1));
    w.close();
    w.adopted.swap(keep);
    flip_byte(data.path() / "first", kPiece);
    open();
    EXPECT_EQ(read_now(*w.store, all), w.torrent.content);
    EXPECT_TRUE(w.engine.lost.empty());
}

// ---- large pieces, which are hashed as a stream ----

struct AdoptedStreamTest : AdoptedStoreTest {
    AdoptedStreamTest() : AdoptedStoreTest({.streamed_proof = kPiece / 2}) {}
};

TEST_F(AdoptedStreamTest, LargePiecesAreProvenAndFoundWrong) {
    flip_byte(data.path() / "first", kPiece);
    open();
    EXPECT_EQ(read_now(*w.store, {2 * kPiece, all.end}), w.expected({2 * kPiece, all.end}));
    EXPECT_FALSE(upload(p1));
    EXPECT_TRUE(w.engine.wait_lost(p1));
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
}

TEST_F(AdoptedStreamTest, AFileThatChangedJustNowIsWaitedFor) {
    settles = 200ms;
    w.open();
    EXPECT_EQ(read_now(*w.store, {0, 10}), w.expected({0, 10}));
    tick();
    std::filesystem::last_write_time(data.path() / "first", std::filesystem::file_time_type::clock::now());
    EXPECT_EQ(read_now(*w.store, {0, 10}), w.expected({0, 10}));
    w.close();
    EXPECT_TRUE(nothing_in_cache());
}

TEST_F(AdoptedStreamTest, AFileThatIsChangedAgainAndAgainIsLost) {
    open();
    disk->set_before([this](test::DiskCall call, const std::string& name) {
        if (call != test::DiskCall::read || name != "first") return;
        std::filesystem::last_write_time(data.path() / name, std::filesystem::file_time_type::clock::now());
    });
    EXPECT_EQ(read_with_a_swarm({0, 10}), w.expected({0, 10}));
    EXPECT_EQ(times_lost(p0), 1);
}

// ---- a bounded cache ----

TEST_F(AdoptedStoreTest, AdoptedPiecesTakeNoSpaceAndAreNeverEvicted) {
    w.sizes = CacheSizes{16 * kPiece, 0};
    flip_byte(data.path() / "first", kPiece);
    open();
    const std::uint64_t before = w.bound->budget().used();
    EXPECT_EQ(read_now(*w.store, {2 * kPiece, all.end}), w.expected({2 * kPiece, all.end}));
    EXPECT_EQ(w.bound->budget().used(), before);
    EXPECT_EQ(read_with_a_swarm(all), w.torrent.content);
    EXPECT_EQ(w.bound->budget().used(), before + kPiece) << "of the one that is not right there";
    EXPECT_TRUE(w.engine.wait([&] { return w.bound->budget().used() == before + kPiece; }));
    w.bound->budget().set_limit(kDiskBlock);
    ASSERT_TRUE(w.engine.wait([&] { return w.engine.evicted.size() == 1; }));
    EXPECT_EQ(w.engine.evicted.front(), p1) << "what is in the cache goes";
    EXPECT_TRUE(w.store->has({0, kPiece}));
    EXPECT_EQ(read_now(*w.store, {2 * kPiece, all.end}), w.expected({2 * kPiece, all.end}));
    EXPECT_EQ(std::filesystem::file_size(data.path() / "first"), kFirst) << "nothing was punched";
}

TEST_F(AdoptedStoreTest, AFileThatIsBeingChangedNeedsSpaceOrTheSwarm) {
    w.sizes = CacheSizes{16 * kPiece, 0};
    settles = 1h;
    w.open();
    const std::uint64_t before = w.bound->budget().used();
    EXPECT_EQ(read_now(*w.store, {0, kPiece}), w.expected({0, kPiece}));
    EXPECT_EQ(w.bound->budget().used(), before + kPiece);
    w.bound->budget().set_limit(kDiskBlock);
    EXPECT_FALSE(upload(p1)) << "no room for a copy";
    EXPECT_TRUE(w.engine.wait_lost(p1));
}

// ---- at random ----

/// Readers read all the time while the files are written, cut, replaced, touched and put back. The cache
/// begins anew again and again, since what has come into it is not read from the files any more.
TEST_F(AdoptedStoreTest, NoByteIsEverWrongWhateverHappensToTheFiles) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(seed);
    std::atomic<std::size_t> right = 0, wrong = 0;
    const auto read_until = [&](const std::atomic<bool>& over, unsigned reader) {
        Rng own(seed + reader);
        for (ReadId id = reader * 1'000'000; !over; ++id) {
            const std::uint64_t begin = own.below(all.size() - 1);
            const ByteRange range{begin, std::min(all.end, begin + 1 + own.below(2 * kPiece))};
            auto result = std::make_shared<ReadResult>();
            w.store->read(id, range, test::reply_to(result, *w.store, id, range));
            while (!result->done() && !over) std::this_thread::yield();
            if (!result->done() || result->error()) continue;
            result->bytes() == w.expected(range) ? ++right : ++wrong;
        }
    };
    for (int round = 0; round < 25; ++round) {
        open();
        std::atomic<bool> over = false;
        std::vector<std::thread> readers;
        for (unsigned i = 1; i <= 3; ++i) readers.emplace_back(read_until, std::cref(over), i);
        std::this_thread::sleep_for(10ms);
        const bool one = rng.below(2) == 0;
        const std::filesystem::path path = data.path() / (one ? "first" : "second");
        const ByteRange range = one ? first : second;
        switch (rng.below(5)) {
            case 0:
                flip_byte(path, rng.below(range.size()));
                break;
            case 1:
                std::filesystem::resize_file(path, rng.below(range.size()));
                break;
            case 2:
                std::filesystem::remove(path);
                break;
            case 3:
                write("new", {1, range.size() + 1});
                std::filesystem::rename(data.path() / "new", path);
                break;
            default:
                std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now());
                break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(rng.below(60)));
        if (rng.below(2) == 0) write(one ? "first" : "second", range);
        std::this_thread::sleep_for(std::chrono::milliseconds(rng.below(30)));
        over = true;
        for (std::thread& reader : readers) reader.join();
        w.close();
        std::filesystem::remove(w.data_path());
        std::filesystem::remove(w.claims_path());
        write("first", first);
        write("second", second);
    }
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(right, 100u);
}

}  // namespace
}  // namespace btfs
