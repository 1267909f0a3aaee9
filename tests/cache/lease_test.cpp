// Leases of a store's data file, which the kernel reads by itself, on a real file system.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <barrier>
#include <thread>

#include "tests/cache/support/store_world.hpp"

namespace btfs::test {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kBound = CacheBound::kLeast;

Bytes read_from(int descriptor, ByteRange range) {
    Bytes bytes(range.size());
    const ssize_t got = pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(range.begin));
    EXPECT_EQ(got, static_cast<ssize_t>(bytes.size()));
    return bytes;
}

ByteRange whole(const World& w) {
    return {0, w.torrent.spec.layout.total_size()};
}

/// Fills the store and waits until all of it is on disk.
void complete(World& w) {
    w.fill_all();
    ASSERT_TRUE(w.engine.wait([&] { return w.store->lease(whole(w)) != nullptr; }));
}

/// As World::engine's wait(), for what needs its events meanwhile.
template <class F>
bool eventually(F condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition())
        if (std::chrono::steady_clock::now() > end) return false;
    return true;
}

std::unique_ptr<World> complete_world(std::uint64_t size, std::optional<CacheSizes> sizes = {}) {
    auto w = std::make_unique<World>(make_torrent(256 << 10, size));
    w->sizes = sizes;
    w->open();
    complete(*w);
    return w;
}

TEST(DataLeases, TheLeasedFileHasTheBytesOfTheTorrent) {
    const auto w = complete_world(3 * kMiB + 777);
    const auto lease = w->store->lease(whole(*w));
    ASSERT_TRUE(lease);
    EXPECT_EQ(read_from(lease->descriptor(), whole(*w)), w->expected(whole(*w)));
    EXPECT_EQ(lseek(lease->descriptor(), 0, SEEK_END), static_cast<off_t>(3 * kMiB + 777));
    EXPECT_TRUE(w->store->lease(whole(*w))) << "a second one, beside the first";
}

TEST(DataLeases, APartOfTheDataFileIsNotLeased) {
    World w(make_torrent(256 << 10, {{0, kMiB}, {kMiB, kMiB}}));
    w.open();
    complete(w);
    EXPECT_FALSE(w.store->lease(w.range(0, kMiB)));
    EXPECT_FALSE(w.store->lease(w.range(kMiB, kMiB)));
    EXPECT_FALSE(w.store->lease(w.range(0, 0)));
}

TEST(DataLeases, AMissingPieceAndOneThatIsClaimedButNotProvenAreNotLeased) {
    World w(make_torrent(256 << 10, 2 * kMiB));
    w.open();
    for (unsigned p = 0; p < 7; ++p) {
        w.fill(PieceIndex(p));
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    }
    EXPECT_FALSE(w.store->lease(whole(w)));
    w.fill(PieceIndex(7));
    ASSERT_TRUE(w.engine.wait([&] { return w.store->lease(whole(w)) != nullptr; }));
    w.close();
    w.open();
    EXPECT_TRUE(w.store->has(whole(w))) << "claimed";
    EXPECT_FALSE(w.store->lease(whole(w)));
    for (unsigned p = 0; p < 7; ++p) {
        const ByteRange piece = w.torrent.spec.layout.piece_range(PieceIndex(p));
        EXPECT_EQ(read_now(*w.store, piece), w.expected(piece));
        EXPECT_FALSE(w.store->lease(whole(w)));
    }
    read_now(*w.store, w.range(2 * kMiB - 1, 1));
    EXPECT_TRUE(w.store->lease(whole(w)));
}

TEST(DataLeases, ADataFileOfAnotherSizeIsNotLeased) {
    const auto w = complete_world(2 * kMiB);
    std::filesystem::resize_file(w->data_path(), 2 * kMiB + 1);
    EXPECT_FALSE(w->store->lease(whole(*w)));
}

TEST(DataLeases, PiecesThatAreWrittenBeforeTheyAreVerifiedAreNotLeased) {
    World w(
        make_torrent(256 << 10, kMiB),
        {.spill_from = 64 << 10, .spill_share = 128 << 10, .spill_job = 16 << 10, .spill_room = 64 << 10});
    w.open();
    w.fill_all();
    for (unsigned p = 0; p < 4; ++p) ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
    EXPECT_EQ(read_now(*w.store, whole(w)), w.expected(whole(w)));
    EXPECT_FALSE(w.store->lease(whole(w)));
}

TEST(DataLeases, ADamagedPieceEndsNewLeasesUntilItIsWholeAgainAndKeepsItsPlace) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    auto lease = w->store->lease(whole(*w));
    ASSERT_TRUE(lease);
    const ByteRange third = w->torrent.spec.layout.piece_range(PieceIndex(2));
    // The disk loses the end of the file: only then a proven piece is found to be damaged.
    const ByteRange last = w->torrent.spec.layout.piece_range(PieceIndex(11));
    std::filesystem::resize_file(w->data_path(), last.begin + 1000);
    const auto result = std::make_shared<ReadResult>();
    w->store->read(1, last, reply_to(result, *w->store, 1, last));
    ASSERT_TRUE(w->engine.wait_lost(PieceIndex(11)));
    EXPECT_FALSE(w->store->lease(whole(*w)));
    EXPECT_EQ(read_from(lease->descriptor(), {last.begin, last.begin + 1000}),
              w->expected({last.begin, last.begin + 1000}))
        << "its place was freed";
    EXPECT_EQ(read_from(lease->descriptor(), third), w->expected(third));
    w->fill(PieceIndex(11), Urgency::blocked_read);
    EXPECT_EQ(result->bytes(), w->expected(last));
    ASSERT_TRUE(w->engine.wait([&] { return w->store->lease(whole(*w)) != nullptr; }));
    EXPECT_EQ(read_from(lease->descriptor(), whole(*w)), w->expected(whole(*w)));
}

TEST(DataLeases, ADamagedPieceThatIsNotFetchedAgainGivesItsSpaceBackAfterTheLease) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    const std::uint64_t used = w->bound->budget().used();
    auto lease = w->store->lease(whole(*w));
    const ByteRange last = w->torrent.spec.layout.piece_range(PieceIndex(11));
    std::filesystem::resize_file(w->data_path(), last.begin + 1000);
    w->store->read(1, last, reply_to(std::make_shared<ReadResult>(), *w->store, 1, last));
    ASSERT_TRUE(w->engine.wait_lost(PieceIndex(11)));
    EXPECT_EQ(w->bound->budget().used(), used);
    lease.reset();
    EXPECT_TRUE(w->engine.wait([&] { return w->bound->budget().used() < used; }));
    w->store->cancel(1, Errc::cancelled);
}

TEST(DataLeases, LeasesTakeHalfOfTheBoundAtMost) {
    // The bound is somewhat less for content: the file system needs some of it.
    const auto small = complete_world(kBound / 2 - (256 << 10), CacheSizes{kBound, 0});
    EXPECT_TRUE(small->store->lease(whole(*small)));
    World w(make_torrent(256 << 10, kBound / 2));
    w.sizes = CacheSizes{kBound, 0};
    w.open();
    w.fill_all();
    const Layout& layout = w.torrent.spec.layout;
    for (unsigned p = 0; p < layout.piece_count(); ++p) {
        ASSERT_TRUE(w.engine.wait_verified(PieceIndex(p)));
        const ByteRange piece = layout.piece_range(PieceIndex(p));
        EXPECT_EQ(read_now(*w.store, piece), w.expected(piece));
    }
    EXPECT_FALSE(w.store->lease(whole(w)));
    w.bound->budget().set_limit(2 * kBound);
    EXPECT_TRUE(w.engine.wait([&] { return w.store->lease(whole(w)) != nullptr; }));
}

/// Fetches the second piece again.
void complete_again(World& w) {
    PieceBufferPtr buffer;
    ASSERT_TRUE(eventually([&] {
        buffer = w.store->acquire(PieceIndex(1), Urgency::blocked_read);
        return buffer != nullptr;
    }));
    receive_all(*buffer, w.torrent.piece(PieceIndex(1)));
    w.store->verify(PieceIndex(1), std::move(buffer), false);
    ASSERT_TRUE(eventually([&] { return w.store->has(whole(w)); }));
}

/// A second torrent in the same bounded cache, streamed through it so that all that may go goes.
class OtherTorrent {
  public:
    explicit OtherTorrent(World& w) : world_(w), torrent_(make_torrent(256 << 10, 20 * kMiB, 9)) {}

    void stream() {
        auto dir = CacheDir::open(world_.dir.path());
        ASSERT_TRUE(dir);
        dir->set_bound(*world_.bound);
        auto store = dir->open_torrent(torrent_.spec, world_.pool(), world_.memory);
        ASSERT_TRUE(store);
        RecordingEngine engine;
        (*store)->attach(engine);
        const Layout& layout = torrent_.spec.layout;
        for (PieceIndex p(0); p.value() < layout.piece_count(); p = p.next()) {
            PieceBufferPtr buffer;
            ASSERT_TRUE(engine.wait([&] {
                buffer = (*store)->acquire(p, Urgency::blocked_read);
                return buffer != nullptr;
            })) << "no room for piece "
                << p.value();
            receive_all(*buffer, torrent_.piece(p));
            (*store)->verify(p, std::move(buffer), false);
        }
        ASSERT_LE(world_.bytes_on_disk(), kBound);
        (*store)->detach();
    }

  private:
    World& world_;
    const Torrent torrent_;
};

TEST(DataLeases, WhatIsLeasedIsNotEvictedAndWhatWasLeasedIs) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    auto lease = w->store->lease(whole(*w));
    ASSERT_TRUE(lease);
    OtherTorrent other(*w);
    other.stream();
    EXPECT_TRUE(w->store->has(whole(*w)));
    EXPECT_EQ(read_from(lease->descriptor(), whole(*w)), w->expected(whole(*w)));
    lease.reset();
    EXPECT_TRUE(eventually([&] {
        other.stream();
        return !w->store->has(whole(*w));
    }));
}

TEST(DataLeases, WhatIsMappedByAProcessIsNotEvictedAfterTheLease) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    auto lease = w->store->lease(whole(*w));
    ASSERT_TRUE(lease);
    // As the kernel maps a file that it passes through: by an open of its own, that the mapping alone holds.
    const int own = open(w->data_path().c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(own, 0);
    void* const mapped = mmap(nullptr, whole(*w).size(), PROT_READ, MAP_SHARED, own, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    close(own);
    lease.reset();
    OtherTorrent other(*w);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2500);
    while (std::chrono::steady_clock::now() < until) {
        other.stream();
        ASSERT_TRUE(w->store->has(whole(*w)));
    }
    const auto* const bytes = static_cast<const std::byte*>(mapped);
    EXPECT_EQ(Bytes(bytes, bytes + whole(*w).size()), w->expected(whole(*w)));
    munmap(mapped, whole(*w).size());
    EXPECT_TRUE(eventually([&] {
        other.stream();
        return !w->store->has(whole(*w));
    }));
}

TEST(DataLeases, AReaderOfAnEarlierMountKeepsItsBytes) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    const int own = open(w->data_path().c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(own, 0);
    w->close();
    w->open();
    OtherTorrent other(*w);
    other.stream();
    EXPECT_EQ(read_from(own, whole(*w)), w->expected(whole(*w)));
    close(own);
    EXPECT_TRUE(eventually([&] {
        other.stream();
        return !w->store->has(whole(*w));
    }));
}

TEST(DataLeases, ALeaseThatOutlivesTheEndOfItsStoreDoesNotDelayIt) {
    const auto w = complete_world(3 * kMiB, CacheSizes{kBound, 0});
    auto lease = w->store->lease(whole(*w));
    ASSERT_TRUE(lease);
    w->store->close_begin();
    EXPECT_FALSE(w->store->lease(whole(*w)));
    ASSERT_TRUE(w->store->close_finish(Clock::now() + 10s));
    EXPECT_EQ(read_from(lease->descriptor(), whole(*w)), w->expected(whole(*w)));
    lease.reset();
    w->close();
}

TEST(DataLeases, ALeaseCountsAsAUse) {
    const auto w = complete_world(2 * kMiB);
    w->close();
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(5);
    const auto last_use = [&] { return std::filesystem::last_write_time(w->claims_path()); };
    for (const bool leases : {false, true}) {
        std::filesystem::last_write_time(w->claims_path(), old);
        w->open();
        w->store->expect(whole(*w));  // proves, and is no use
        if (leases) {
            ASSERT_TRUE(w->engine.wait([&] { return w->store->lease(whole(*w)) != nullptr; }));
        }
        w->close();
        EXPECT_EQ(last_use() > old + std::chrono::hours(4), leases);
    }
}

// A lease and an eviction that begin together: what is leased has all its bytes.
TEST(DataLeases, ALeaseThatRacesWithAnEvictionFindsNoHoles) {
    const auto w = complete_world(kMiB, CacheSizes{kBound, 0});
    int leased = 0, evicted = 0;
    for (int round = 0; round < 60; ++round) {
        w->close();
        w->open();
        ASSERT_EQ(read_now(*w->store, whole(*w)), w->expected(whole(*w)));
        std::barrier together(2);
        std::thread evicting([&] {
            together.arrive_and_wait();
            w->store->evict({1});
        });
        together.arrive_and_wait();
        if (round % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(round * 2));
        const auto lease = w->store->lease(whole(*w));
        evicting.join();
        ASSERT_TRUE(eventually([&] { return w->store->leaving() == 0; }));
        if (lease) {
            ++leased;
            ASSERT_EQ(read_from(lease->descriptor(), whole(*w)), w->expected(whole(*w)));
        }
        if (!w->store->has(whole(*w))) {
            ++evicted;
            ASSERT_FALSE(lease);
            complete_again(*w);
        }
    }
    RecordProperty("leased", leased);
    RecordProperty("evicted", evicted);
    EXPECT_GT(leased + evicted, 0);
}

}  // namespace
}  // namespace btfs::test
