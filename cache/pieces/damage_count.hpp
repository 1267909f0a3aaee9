// DamageCount: tells a disk that has lost some bytes from one that keeps losing them.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "engine/core/types.hpp"

namespace btfs {

/// Counts how often each piece was found damaged on disk in this run, or could not be read back while it
/// spilled. A damaged piece is fetched again, and its readers wait for that; but a disk that damages it each
/// time would have it fetched for ever. Called from any thread.
class DamageCount {
  public:
    /// So often a read of the piece waits for the swarm; after that it fails.
    static constexpr std::uint8_t kMaxHealed = 3;

    /// The pieces first to last were found damaged. False if one of them was too often.
    bool may_heal(PieceIndex first, PieceIndex last) {
        std::lock_guard lock(mutex_);
        bool heals = true;
        for (PieceIndex piece = first; piece <= last; piece = piece.next()) {
            std::uint8_t& count = counts_[piece];
            if (count <= kMaxHealed) ++count;
            heals = heals && count <= kMaxHealed;
        }
        return heals;
    }

  private:
    std::mutex mutex_;
    std::unordered_map<PieceIndex, std::uint8_t> counts_;  // guarded by mutex_
};

}  // namespace btfs
