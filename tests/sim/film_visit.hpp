// Plays a film with three jumps, as the lab's `leechers` does, and measures it.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/simulation.hpp"

namespace btfs::sim {

/// Content that one remote peer and the client have sent each other, in bytes.
struct Trade {
    std::string kind;  ///< of the peer: how it chokes, or that it rides free
    std::uint64_t sent_by_us = 0;
    std::uint64_t sent_to_us = 0;
};

struct FilmResult {
    std::uint64_t seed = 0;
    Duration start{};             ///< from mounting to the moving picture
    std::vector<Duration> jumps;  ///< from each jump to the moving picture
    int stalls = 0;
    Duration stalled{};
    Duration played{};
    std::vector<Trade> trades;  ///< with each remote peer
    WireTotals wire;
    std::vector<std::string> violations;

    std::uint64_t sent_by_us() const;
    std::uint64_t sent_to_us() const;
    /// All that a run gave, for comparing two of them.
    std::string fingerprint() const;
};

/// Mounts when the client joins; reads the begin and the index at the end; plays 12 s from the begin, from
/// 60 %, 25 % and 85 %. The player starts, and goes on after a jump or a stall, with 2 s in its buffer, and
/// holds no more.
FilmResult watch_film(Simulation& simulation, std::uint64_t seed, Duration joins_at);

}  // namespace btfs::sim
