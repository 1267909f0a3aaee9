// Plays a user's visit of a torrent, from mounting it to closing it, and measures it.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/families.hpp"
#include "tests/sim/readers.hpp"

namespace btfs::sim {

struct VisitResult {
    std::uint64_t seed = 0;
    Duration first_byte{};           ///< of a read at the moment of mounting
    std::vector<double> soon_seeks;  ///< time over limit, 0.2 s after the last answer
    std::vector<double> idle_seeks;  ///< time over limit, after 2 s
    std::vector<double> seek_ms;     ///< both kinds
    Playing film;
    Copying copy;
    WireTotals wire;
    std::uint64_t verified = 0;
    std::vector<std::string> violations;

    /// All that a run gave, for comparing two of them.
    std::string fingerprint() const;
};

/// Mounts and reads; seeks; plays a film; copies; plays while somebody else seeks. Then all reads have to be
/// answered.
VisitResult visit(Simulation& simulation, std::uint64_t seed);

}  // namespace btfs::sim
