// Chooses blocks of blocked reads that are worth asking of a second peer, within a budget of bytes that come
// twice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/swarm/partial_piece.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

/// Keeps the account of what came twice or may still do so, and picks what to ask for twice. A hedge is a
/// request for a block that another peer was asked for already: the first to send it wins, the others get
/// Cancel.
class Hedging {
  public:
    /// Bytes that may come twice: so many, and this share of what was useful.
    static constexpr std::uint64_t kDuplicateBytes = 1024 * 1024;
    static constexpr double kDuplicateShare = 0.08;
    /// Of these, left for what comes late from peers that were given up as silent.
    static constexpr std::uint64_t kDuplicateReserve = 16 * kBlockSize;
    /// A hedge is sent where it gains so much, at least; how often that is looked at.
    static constexpr Duration kGain = std::chrono::milliseconds(30);
    static constexpr Duration kEvery = std::chrono::milliseconds(20);

    /// `usable`: whether a piece can be asked of a peer. All references outlive this.
    Hedging(const PeerTable& peers, Picker& picker, std::function<bool(const Peer&, PieceIndex)> usable)
        : peers_(peers), picker_(picker), usable_(std::move(usable)) {}

    // ---- the account ----
    void on_asked_again(std::uint64_t bytes) { in_flight_ += bytes; }
    void on_no_longer_asked_again(std::uint64_t bytes) { in_flight_ -= std::min(in_flight_, bytes); }
    void on_useful(std::uint64_t bytes) { useful_ += bytes; }
    void on_wasted(std::uint64_t bytes) { wasted_ += bytes; }
    std::uint64_t wasted() const { return wasted_; }

    // ---- the choice ----
    /// Looks through what each peer owes, once for any number of hedge() that follow at this moment.
    void look(TimePoint now);
    struct Hedge {
        std::uint32_t block;
        Peer* peer;
    };
    /// Calls `ask(hedge)` for the blocks of the piece that are worth it, the one that will come last first.
    /// False once the budget is spent.
    bool hedge(const PartialPiece& partial, TimePoint now, const std::function<void(const Hedge&)>& ask);

  private:
    Duration remaining_time(const PartialPiece& partial, std::uint32_t block, TimePoint now) const;
    Peer* soonest_other(const PartialPiece& partial, std::uint32_t block, TimePoint now) const;
    std::uint64_t cancelled_in_flight() const;

    const PeerTable& peers_;
    Picker& picker_;
    const std::function<bool(const Peer&, PieceIndex)> usable_;
    std::vector<std::uint64_t> sums_;  ///< of look()
    std::uint64_t wasted_ = 0;
    std::uint64_t useful_ = 0;
    std::uint64_t in_flight_ = 0;
};

}  // namespace btfs
