// Memory with the largest number of peers and of waiting reads: it stays within a known limit.
#include <gtest/gtest.h>
#include <malloc.h>

#include "tests/sim/simulation.hpp"

namespace btfs::sim {
namespace {

constexpr std::size_t kPeers = 500;
constexpr std::size_t kReads = 10'000;
// Limits beside the memory of pieces. They include the memory of the simulated peers and the network.
constexpr std::size_t kBytesPerRead = 1024;
constexpr std::size_t kBytesPerPeer = 192 * 1024;

SwarmOptions crowd() {
    SwarmOptions options;
    options.piece_length = 256 * 1024;
    options.client.link = {.up = 10e6, .down = 60e6, .delay = 2ms};
    options.client.torrent.max_peers = kPeers;
    options.peers.resize(kPeers);
    for (std::size_t i = 0; i < kPeers; ++i) {
        options.peers[i].link.up = 100e3 + 1e3 * static_cast<double>(i % 50);
        options.peers[i].link.delay = std::chrono::milliseconds(10 + i % 60);
    }
    return options;
}

/// Returns the bytes on the heap, in small and large allocations. The memory of pieces is not on the heap.
std::size_t heap() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

TEST(Crowd, TenThousandParkedReadsAndFiveHundredPeersStayWithinTheirMemory) {
    const SwarmOptions options = crowd();
    Simulation simulation(options, 1);
    simulation.run_for(10s);
    ASSERT_EQ(simulation.client().torrent().totals().peers, kPeers);

    OpenFile& file = simulation.open();
    Rng rng(1);
    std::size_t answered = 0;
    const std::size_t heap_before = heap();
    for (std::size_t i = 0; i < kReads; ++i) {
        const std::uint64_t begin = rng.below(simulation.layout().total_size() / 4096 - 1) * 4096;
        simulation.read(file, {begin, begin + 4096}, [&](Duration) { ++answered; });
    }
    EXPECT_EQ(simulation.client().store().parked(), kReads);
    simulation.run_for(1ms);  // all demands reach the engine
    EXPECT_LT(heap() - heap_before, kReads * kBytesPerRead);
    std::size_t heap_most = 0, memory_most = 0;
    for (int i = 0; i < 10; ++i) {
        simulation.run_for(50ms);
        heap_most = std::max(heap_most, heap());
        memory_most = std::max(memory_most, simulation.client().store().memory_held());
    }
    EXPECT_LE(memory_most, PieceMemory::kDefaultBudget);
    EXPECT_GT(answered, 0u);
    EXPECT_LT(heap_most - heap_before, kReads * kBytesPerRead + kPeers * kBytesPerPeer);
    simulation.end_reader_of(file);
    simulation.run_for(1s);
    EXPECT_EQ(simulation.client().store().parked(), 0u);
    simulation.read_path().release(file);
    simulation.run_for(5s);
}

}  // namespace
}  // namespace btfs::sim
