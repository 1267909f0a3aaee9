// Stress test: readers, an engine and losses at the same time. Meant for ThreadSanitizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 32 * 1024;
constexpr unsigned kPieces = 64;

/// Engine that fetches lost pieces at once, until stopped.
class FetchingEngine final : public StorageEvents {
  public:
    void on_verified(PieceIndex, std::vector<Sha1Digest>) override { ++verified; }
    void on_mismatch(PieceIndex, PieceBufferPtr, std::vector<Sha1Digest>) override { ADD_FAILURE(); }
    void on_lost(PieceIndex piece) override { want(piece); }
    void on_evicted(const std::vector<PieceIndex>& pieces) override {
        for (const PieceIndex piece : pieces) want(piece);
    }
    void on_credit() override {}
    void on_read(ReadTicket, Result<ContentView>) override { ++uploads; }

    void want(PieceIndex piece) {
        std::lock_guard lock(mutex);
        wanted.push_back(piece);
    }
    std::vector<PieceIndex> take() {
        std::lock_guard lock(mutex);
        return std::exchange(wanted, {});
    }

    std::mutex mutex;
    std::vector<PieceIndex> wanted;  // guarded by mutex
    std::atomic<int> verified = 0, uploads = 0;
};

TEST(TorrentStoreStressTest, EveryReadIsAnsweredRightWhilePiecesComeAndGo) {
    test::World w(test::make_torrent(kPiece, kPieces * kPiece - 4321));
    w.open();
    for (unsigned p = 0; p < kPieces; p += 3) w.fill(PieceIndex(p));
    w.close();
    for (unsigned p = 0; p < kPieces; p += 6) test::flip_byte(w.data_path(), std::uint64_t{p} * kPiece + p);

    auto dir = CacheDir::open(w.dir.path(), w.boot_id);
    auto opened = dir->open_torrent(w.torrent.spec, w.pool(), w.memory);
    ASSERT_TRUE(opened);
    std::unique_ptr<TorrentStore> store = std::move(*opened);
    FetchingEngine engine;
    store->attach(engine);
    const Bitfield had = store->available();
    for (PieceIndex p(0); p.value() < kPieces; p = p.next()) {
        if (!had.test(p)) engine.want(p);
    }

    std::atomic<int> wrong = 0;
    std::vector<std::thread> readers;
    for (unsigned t = 0; t < 4; ++t) {
        readers.emplace_back([&, t] {
            Rng rng(t + 1);
            ReadId id = t * 1'000'000;
            for (int i = 0; i < 400; ++i) {
                const std::uint64_t total = w.torrent.content.size();
                const std::uint64_t begin = rng.below(total),
                                    size = std::min(total - begin, 1 + rng.below(128 * 1024));
                auto result = std::make_shared<test::ReadResult>();
                store->read(++id, {begin, begin + size}, test::reply_to(result));
                if (rng.below(10) == 0 && store->cancel(id, Errc::cancelled)) {
                    if (result->error() != Errc::cancelled) ++wrong;
                } else if (result->bytes() != w.expected({begin, begin + size})) {
                    ++wrong;
                }
                store->has({begin, begin + size});
            }
        });
    }
    std::atomic<bool> stop = false;
    std::thread engine_thread([&] {
        Rng rng(99);
        ReadTicket ticket = 0;
        while (!stop) {
            std::vector<PieceIndex> wanted = engine.take();
            for (std::size_t i = wanted.size(); i > 1; --i) std::swap(wanted[i - 1], wanted[rng.below(i)]);
            for (const PieceIndex piece : wanted) {
                PieceBufferPtr buffer = store->acquire(piece, Urgency::blocked_read);
                if (!buffer) {
                    engine.want(piece);
                    continue;
                }
                std::ranges::copy(w.torrent.piece(piece), buffer->bytes().begin());
                store->verify(piece, std::move(buffer), rng.below(2) == 0);
            }
            store->read(++ticket, {PieceIndex(rng.below(kPieces - 1)), 0, kBlockSize});
            store->available();
            std::this_thread::yield();
        }
    });
    for (std::thread& reader : readers) reader.join();
    stop = true;
    engine_thread.join();
    EXPECT_EQ(wrong, 0);
    store->detach();
    store.reset();
    w.open();
    EXPECT_EQ(w.store->bytes_had(), w.torrent.content.size());
}

TEST(TorrentStoreStressTest, ClosingInTheMiddleEndsEveryRead) {
    for (int round = 0; round < 10; ++round) {
        test::World w(test::make_torrent(kPiece, kPieces * kPiece));
        w.open();
        std::vector<std::shared_ptr<test::ReadResult>> results;
        for (ReadId id = 0; id < 200; ++id) {
            results.push_back(std::make_shared<test::ReadResult>());
            w.store->read(id, {id * 8192, id * 8192 + 8192}, test::reply_to(results.back()));
        }
        for (unsigned p = 0; p < kPieces / 2; ++p) w.fill(PieceIndex(p));
        w.close();
        for (const auto& result : results) EXPECT_TRUE(result->done());
    }
}

TEST(TorrentStoreStressTest, FourHundredIdleTorrentsTakeNoPieceMemory) {
    test::TempDir dir;
    auto cache = CacheDir::open(dir.path() / "a" / "b");
    ASSERT_TRUE(cache);
    DiskPool pool(2);
    PieceMemory memory;
    std::vector<std::unique_ptr<TorrentStore>> stores;
    const test::Torrent torrent = test::make_torrent(kPiece, 4 * kPiece);
    for (unsigned i = 0; i < 400; ++i) {
        StoreSpec spec = torrent.spec;
        spec.identity.v1->bytes[0] = static_cast<std::byte>(i);
        spec.identity.v1->bytes[1] = static_cast<std::byte>(i >> 8);
        auto store = cache->open_torrent(std::move(spec), pool, memory);
        ASSERT_TRUE(store) << store.error().message();
        stores.push_back(std::move(*store));
    }
    EXPECT_EQ(memory.held_bytes() + memory.idle_bytes(), 0u);
}

}  // namespace
}  // namespace btfs
