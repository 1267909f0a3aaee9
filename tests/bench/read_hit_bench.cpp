// Benchmarks of a read of cached bytes, from the file system's question to its answer: the cost of each layer
// on top of a bare pread from the page cache. A reply copies the bytes once, as the kernel does.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "fs/filesystem.hpp"
#include "tests/cache/support/store_world.hpp"
#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 1 << 20;
constexpr std::uint64_t kSize = 64 << 20;

class Reply final : public InterruptibleReply {
  public:
    Reply(std::vector<std::byte>& into, std::atomic<bool>& answered) : into_(into), answered_(answered) {}
    void watch_interrupts(ReadId) override {}
    void data(std::span<const iovec> parts) override {
        std::size_t at = 0;
        for (const iovec& part : parts) {
            std::memcpy(into_.data() + at, part.iov_base, part.iov_len);
            at += part.iov_len;
        }
        answered_ = true;
    }
    void fail(Error) override {}

  private:
    std::vector<std::byte>& into_;
    std::atomic<bool>& answered_;
};

/// Store of a torrent that is on disk and in the page cache as a whole.
struct World {
    World() {
        store.open();
        store.fill_all();
        store.close();
        store.open();
        for (std::uint64_t begin = 0; begin < kSize; begin += kPieceLength)
            test::read_now(*store.store, {begin, begin + kPieceLength});  // proves the first run's pieces
        file = ::open(store.data_path().c_str(), O_RDONLY | O_CLOEXEC);
        filesystem.add({*store.torrent.spec.identity.v1, files, *store.store, sink, 0});
        handle = filesystem.open(filesystem.lookup(kRootNode, "film").value().node, false).value();
    }
    ~World() {
        filesystem.close();
        ::close(file);
    }
    ByteRange next(std::uint64_t size, bool in_sequence) {
        if (in_sequence) {
            at = at + 2 * size > kSize ? 0 : at + size;
        } else {
            at = rng.below(kSize / size) * size;
        }
        return {at, at + size};
    }

    const FileList files = test::file_list({{"film", kSize}});
    test::World store{test::make_torrent(kPieceLength, kSize)};
    test::FakeDemandSink sink;
    int file = -1;
    Filesystem filesystem;
    Handle* handle = nullptr;
    Rng rng{1};
    std::uint64_t at = 0;
    std::vector<std::byte> into = std::vector<std::byte>(1 << 20);
    std::atomic<bool> answered = false;
};

World& the_world() {
    static World world;
    return world;
}

/// Measures `read(world, range)`, which sets world.answered.
template <class F>
void measure(benchmark::State& state, F&& read) {
    World& world = the_world();
    const auto size = static_cast<std::uint64_t>(state.range(0));
    for (auto _ : state) {
        world.answered = false;
        read(world, world.next(size, state.range(1) == 1));
        if (!world.answered) {
            state.SkipWithError("not answered at once");
            break;
        }
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void PreadAlone(benchmark::State& state) {
    std::vector<std::byte> between(1 << 20);
    measure(state, [&](World& world, ByteRange range) {
        const ssize_t got = pread(world.file, between.data(), range.size(), static_cast<off_t>(range.begin));
        std::memcpy(world.into.data(), between.data(), range.size());
        world.answered = got == static_cast<ssize_t>(range.size());
    });
}
void StoreReadHit(benchmark::State& state) {
    ReadId id = 0;
    measure(state, [&](World& world, ByteRange range) {
        world.store.store->read(++id, range, std::make_unique<Reply>(world.into, world.answered));
    });
}
void FilesystemReadHit(benchmark::State& state) {
    measure(state, [&](World& world, ByteRange range) {
        world.handle->read({range, false}, std::make_unique<Reply>(world.into, world.answered));
    });
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"bytes", "sequence"})->Unit(benchmark::kMicrosecond);
    bench->ArgsProduct({{4096}, {0}})->ArgsProduct({{128 << 10, 1 << 20}, {1}});
}
BENCHMARK(PreadAlone)->Apply(sizes);
BENCHMARK(StoreReadHit)->Apply(sizes);
BENCHMARK(FilesystemReadHit)->Apply(sizes);

}  // namespace
}  // namespace btfs
