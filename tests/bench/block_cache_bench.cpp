// Benchmarks of BlockCache: looking up where blocks are, without any file.
#include <benchmark/benchmark.h>

#include <array>

#include "cache/pieces/block_cache.hpp"
#include "engine/core/rng.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 1 << 20;
constexpr std::uint64_t kSize = std::uint64_t{64} << 30;

struct Memory final : PieceBuffer {
    std::span<std::byte> bytes() override { return memory; }
    std::vector<std::byte> memory = std::vector<std::byte>(kPieceLength);
};

struct NoReply final : ReadReply {
    void data(std::span<const iovec>) override {}
    void fail(Error) override {}
};

enum Where : std::int64_t { on_disk, in_memory };

/// Cache that has every piece, on disk or in memory (the same memory for all).
struct World {
    explicit World(Where where) {
        const auto buffer = std::make_shared<Memory>();
        for (PieceIndex piece(0); piece.value() < layout.piece_count(); piece = piece.next()) {
            CacheActions actions;
            cache.publish(cache.whole(piece), buffer, actions);
            if (where == on_disk) cache.on_written(cache.whole(piece));
        }
    }
    ByteRange next(std::uint64_t size) {
        const std::uint64_t begin = rng.below((kSize - size) / 4096) * 4096;
        return {begin, begin + size};
    }
    const Layout layout{kPieceLength, {{0, kSize, false}}};
    BlockCache cache{layout};
    Rng rng{1};
};

/// Measures the look-up that every hit begins with. It takes no lock.
void BlockCacheOnDisk(benchmark::State& state) {
    World world(on_disk);
    const auto size = static_cast<std::uint64_t>(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(world.cache.on_disk(world.next(size)));
}
BENCHMARK(BlockCacheOnDisk)->ArgName("bytes")->Arg(4096)->Arg(128 << 10)->Arg(1 << 20);

/// Measures a whole read, up to the places of its bytes.
void BlockCacheRead(benchmark::State& state) {
    World world(static_cast<Where>(state.range(0)));
    const auto size = static_cast<std::uint64_t>(state.range(1));
    ReadId id = 0;
    for (auto _ : state) {
        CacheActions actions;
        if (world.cache.read(++id, world.next(size), std::make_unique<NoReply>(), Patience::until_fetched,
                             actions))
            state.SkipWithError("parked");
        benchmark::DoNotOptimize(actions);
    }
}
BENCHMARK(BlockCacheRead)
    ->ArgNames({"memory", "bytes"})
    ->ArgsProduct({{on_disk, in_memory}, {4096, 128 << 10, 1 << 20}});

/// Measures a read that parks beside others and is cancelled.
void BlockCacheParkAndCancel(benchmark::State& state) {
    const Layout layout{kPieceLength, {{0, kSize, false}}};
    BlockCache cache{layout};
    Rng rng{1};
    ReadId id = 0;
    const auto park = [&] {
        const std::uint64_t begin = rng.below(kSize / 4096) * 4096;
        CacheActions actions;
        if (!cache.read(++id, {begin, begin + 4096}, std::make_unique<NoReply>(), Patience::until_fetched,
                        actions))
            state.SkipWithError("not parked");
    };
    for (std::int64_t i = 0; i < state.range(0); ++i) park();
    for (auto _ : state) {
        park();
        benchmark::DoNotOptimize(cache.cancel(id));
    }
    cache.close(Errc::cancelled);
}
BENCHMARK(BlockCacheParkAndCancel)->ArgName("waiting")->Arg(0)->Arg(1000);

/// Measures a piece that verifies while a read waits for it: published, answered, written.
void BlockCachePublish(benchmark::State& state) {
    const Layout layout{kPieceLength, {{0, kSize, false}}};
    BlockCache cache{layout};
    const PieceBufferPtr buffer = std::make_shared<Memory>();
    PieceIndex piece(0);
    for (auto _ : state) {
        CacheActions actions;
        const std::uint64_t begin = layout.piece_offset_in_torrent(piece);
        cache.read(1, {begin, begin + 4096}, std::make_unique<NoReply>(), Patience::until_fetched, actions);
        cache.publish(cache.whole(piece), buffer, actions);
        if (actions.ready.size() != 1) state.SkipWithError("not answered");
        cache.on_written(cache.whole(piece));
        cache.lose(cache.whole(piece), actions);
        piece = PieceIndex((piece.value() + 1) % layout.piece_count());
    }
}
BENCHMARK(BlockCachePublish);

}  // namespace
}  // namespace btfs
