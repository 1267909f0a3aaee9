// Benchmarks of hashing, per MiB. Every received byte is hashed.
#include <benchmark/benchmark.h>

#include "engine/core/hash.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMiB = 1 << 20;

template <class D, D (*hash)(ByteView)>
void HashMiB(benchmark::State& state) {
    const std::vector<std::byte> content = testing::make_content(kMiB);
    for (auto _ : state) benchmark::DoNotOptimize(hash(content));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kMiB));
}
BENCHMARK(HashMiB<Sha1Digest, sha1>)->Name("Sha1MiB")->Unit(benchmark::kMicrosecond);
BENCHMARK(HashMiB<Sha256Digest, sha256>)->Name("Sha256MiB")->Unit(benchmark::kMicrosecond);

/// Hashes block by block, as the verifier does if it has to report digests of blocks.
void Sha1Blocks(benchmark::State& state) {
    const std::vector<std::byte> content = testing::make_content(kMiB);
    for (auto _ : state)
        for (std::size_t at = 0; at < kMiB; at += kBlockSize)
            benchmark::DoNotOptimize(sha1(ByteView(content).subspan(at, kBlockSize)));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kMiB));
}
BENCHMARK(Sha1Blocks)->Name("Sha1MiBInBlocks")->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace btfs
