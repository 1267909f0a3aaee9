// Content that is fetched to be passed on: what a reader among leechers pays with.
#pragma once

#include <cstdint>
#include <set>

#include "engine/core/time.hpp"
#include "engine/swarm/demand.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

/// Leechers unchoke those who feed them, and who reads on demand has little to feed them with. So, while a
/// reader that may trade starves among peers that choke us, pieces are fetched that no reader wants: from
/// whoever unchokes us even for a moment, and from the allowed-fast sets of those who do not. The bytes of
/// such pieces are bounded: kCapital, and a share of what was uploaded since, which shows that the trade
/// pays. When the reader is fed, no further piece is begun.
class Trade {
  public:
    static constexpr std::uint64_t kCapital = 8 << 20;
    /// One byte more for so many uploaded.
    static constexpr std::uint64_t kEarned = 4;
    /// A reader that waits for so long starves; after so long without that it is fed.
    static constexpr Duration kStarves = std::chrono::milliseconds(100);
    static constexpr Duration kFed = std::chrono::seconds(10);
    /// A reader that a seed serves does not starve, unless it waits for so long.
    static constexpr Duration kSeedIsSlow = std::chrono::seconds(3);
    static constexpr Duration kLookEvery = std::chrono::milliseconds(100);

    /// Looks whether to trade, if it is time. True if trade begins now.
    bool look(const Demand& demand, const PeerTable& peers, const Picker& picker, TimePoint now);
    /// The time of the next look; kNever if there is nothing to look for.
    TimePoint next_look(const Demand& demand) const {
        return open_ || !demand.blocked_traders().empty() ? next_look_ : kNever;
    }

    bool is_open() const { return open_; }
    /// True if the piece, of that many bytes, may be begun, or was begun for this.
    bool may_fetch(PieceIndex piece, std::uint64_t size) const {
        return contains(piece) || spent_ + size <= kCapital + uploaded_ / kEarned;
    }
    bool contains(PieceIndex piece) const { return pieces_.contains(piece); }
    void on_begun(PieceIndex piece, std::uint64_t size) {
        if (pieces_.insert(piece).second) spent_ += size;
    }
    /// The piece is here, or given up.
    void on_ended(PieceIndex piece) { pieces_.erase(piece); }
    void on_uploaded(std::uint64_t bytes) { uploaded_ += bytes; }

  private:
    bool open_ = false;
    TimePoint next_look_{};
    TimePoint starved_{};
    bool has_starved_ = false;
    TimePoint slow_seed_{};  // when a reader last waited so long that no seed counts
    std::uint64_t spent_ = 0, uploaded_ = 0;
    std::set<PieceIndex> pieces_;  // being fetched
};

}  // namespace btfs
