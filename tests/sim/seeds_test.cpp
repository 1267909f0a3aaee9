// Faults that seeds of the simulator have found, each as a test of its own.
#include <gtest/gtest.h>

#include "tests/sim/visit.hpp"

namespace btfs::sim {
namespace {

SwarmOptions small_swarm() {
    SwarmOptions options;
    options.piece_length = 256 * 1024;
    options.size = 64 << 20;
    return options;
}

// hostile, seed 3: one near peer rejected each request, was free again, and so the soonest to be asked again;
// a read never ended.
TEST(Seeds, APeerThatRefusesEverythingDoesNotKeepAReadWaiting) {
    SwarmOptions options = small_swarm();
    options.peers.resize(2);
    options.peers[0].conduct = Conduct::refuses;
    options.peers[0].link.delay = 1ms;
    options.peers[1].link.delay = 50ms;
    Simulation simulation(options, 1);
    simulation.run_for(2s);
    OpenFile& file = simulation.open();
    Rng rng(1);
    EXPECT_LT(seek(simulation, file, rng).took, 1s);
    EXPECT_LT(seek(simulation, file, rng).took, 1s);
    simulation.read_path().release(file);
}

void expect_no_violation(std::string_view family, std::uint64_t seed) {
    Simulation simulation(family_named(family)->make(seed), seed);
    for (const std::string& violation : visit(simulation, seed).violations) ADD_FAILURE() << violation;
}

// Losers of hedges were out of the account from their Cancel until they came all the same: hedging went on as
// if they never would, and more came twice than the budget allows.
TEST(Seeds, ManySlow2) {
    expect_no_violation("many_slow", 2);
}

// The one block that a snubbed peer was tried with stayed with it for ever; with the budget of duplicates
// spent, the read that waited for it never ended.
TEST(Seeds, Hostile6) {
    expect_no_violation("hostile", 6);
}

// Peers that trickle were waited for in proportion to how slow they are: for more than a minute.
TEST(Seeds, Hostile32) {
    expect_no_violation("hostile", 32);
}
TEST(Seeds, Hostile67) {
    expect_no_violation("hostile", 67);
}
TEST(Seeds, Hostile77) {
    expect_no_violation("hostile", 77);
}

// A piece that failed was asked of one honest peer alone: one that was silent, then the slowest of all.
TEST(Seeds, Cramped4) {
    expect_no_violation("cramped", 4);
}

// A peer behind our own full link was taken for silent, and all that was asked of it came twice.
TEST(Seeds, Narrow58) {
    expect_no_violation("narrow", 58);
}

}  // namespace
}  // namespace btfs::sim
