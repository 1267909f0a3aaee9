// Regression tests: each is a seed by which the simulator has found a fault.
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

// hostile, seed 3: a near peer rejected each request, so its queue was empty and it was always the soonest to
// be asked. A read never ended.
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

// Cancelled blocks of hedges were not counted until they arrived all the same. Hedging went on as if they
// would not arrive, and more bytes came twice than the budget allows.
TEST(Seeds, ManySlow2) {
    expect_no_violation("many_slow", 2);
}

// The block that a snubbed peer was asked for as a test stayed with that peer for ever. With the budget of
// duplicates spent, the read that waited for the block never ended.
TEST(Seeds, Hostile6) {
    expect_no_violation("hostile", 6);
}

// The patience with peers that trickle grew in proportion to their slowness, to more than a minute.
TEST(Seeds, Hostile32) {
    expect_no_violation("hostile", 32);
}
TEST(Seeds, Hostile67) {
    expect_no_violation("hostile", 67);
}
TEST(Seeds, Hostile77) {
    expect_no_violation("hostile", 77);
}

// A failed piece was asked of a single honest peer: first a silent one, then the slowest of all.
TEST(Seeds, Cramped4) {
    expect_no_violation("cramped", 4);
}

// A piece on parole stayed for 20 s with each sender that sent nothing of it.
TEST(Seeds, Hostile90) {
    expect_no_violation("hostile", 90);
}

// A piece on parole went to the slowest sender, the only one that had not taken part in a failure: the film
// stood still for 8 s.
TEST(Seeds, Cramped72) {
    Simulation simulation(family_named("cramped")->make(72), 72);
    EXPECT_LT(visit(simulation, 72).film.stalled, 4s);
}

// A peer was taken for silent while our own link was full, and all blocks asked of it came twice.
TEST(Seeds, Narrow58) {
    expect_no_violation("narrow", 58);
}

}  // namespace
}  // namespace btfs::sim
