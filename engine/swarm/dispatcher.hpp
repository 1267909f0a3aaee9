// Asks peers for blocks: the earliest deadline first, each block of the peer that will deliver it soonest.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/demand.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

/// Decides which block is asked of whom and when; see engine/README.md for why. Owns no state but its
/// accounts: pieces live in the picker, wants in the demand, peers in the torrent's table.
class Dispatcher {
  public:
    struct World {
        const Layout& layout;
        Picker& picker;
        Demand& demand;
        PeerTable& peers;
        Storage& storage;
    };
    explicit Dispatcher(const World& world) : world_(world) {}

    /// Besides what readers want, the rest of the torrent, rarest first.
    void set_background(bool background) { background_ = background; }
    /// A piece that failed is not asked again of peers for which this is true.
    void set_excluded(std::function<bool(PieceIndex, const Peer&)> excluded) {
        excluded_ = std::move(excluded);
    }

    /// Fills the peers' queues. Called after anything that may have changed what can be asked.
    void dispatch(TimePoint now);
    /// When dispatch() has to be called though nothing happened: a block will be late then.
    TimePoint next_timeout() const { return next_timeout_; }

    /// A requested block has come from a peer; `data` is empty if it is in its place. Gives its piece if that
    /// is complete now.
    PartialPiece* take_block(Peer& peer, const BlockRef& block, ByteView data, TimePoint now);
    /// Asks each unchoked peer that was not asked for a while for one useful block, so that it keeps us.
    void stay_in_touch(TimePoint now);
    /// Cancels what nobody wants any more, unless it is about to come.
    void drop_unwanted(TimePoint now);
    /// Gives all that was asked of a peer back to the others; cancels it if the peer is still connected.
    void release(Peer& peer, bool cancel, TimePoint now);
    /// One block will not come from this peer.
    void release_block(Peer& peer, const BlockRef& block, TimePoint now);

    /// Bytes came that were not needed (any more).
    void count_wasted(std::uint64_t bytes) { wasted_ += bytes; }
    std::uint64_t wasted() const { return wasted_; }

    /// Storage has memory again.
    void on_credit() { no_credit_ = false; }
    bool waits_for_credit() const { return no_credit_; }
    /// To be called when a piece's blocks or state changed, so that the demand offers it rightly.
    void refresh_offer(PieceIndex piece);
    Offer offer_of(PieceIndex piece);

  private:
    void ask_for_blocked(TimePoint now);
    void hedge_late_blocks(TimePoint now);
    std::uint64_t cancelled_in_flight() const;
    void take_from_the_silent(TimePoint now);
    void fill(Peer& peer, TimePoint now);
    bool fill_from(Peer& peer, PieceIndex piece, Urgency urgency, TimePoint now);
    PartialPiece* receiving(PieceIndex piece, Urgency urgency);
    Peer* soonest(const PartialPiece& partial, std::uint32_t block, bool beyond_target, TimePoint now);
    bool held_for_newcomer(const Peer& asked, PieceIndex piece, std::uint32_t size, TimePoint now);
    void ask(Peer& peer, PartialPiece& partial, std::uint32_t block, TimePoint now);
    bool usable(const Peer& peer, PieceIndex piece) const;
    bool make_room(Urgency urgency);
    void measure_pace(TimePoint now);
    Duration others_reach(const Peer& peer, std::uint64_t bytes_before) const;

    World world_;
    bool background_ = false;
    std::function<bool(PieceIndex, const Peer&)> excluded_ = [](PieceIndex, const Peer&) { return false; };
    bool no_credit_ = false;
    TimePoint next_timeout_ = kNever;
    std::uint64_t wasted_ = 0;
    std::uint64_t useful_ = 0;
    std::uint64_t hedged_in_flight_ = 0;

    /// Pieces of which blocks are left for peers that are about to be ready; found anew in each dispatch.
    std::set<PieceIndex> held_;
    // The swarm's pace, measured once in each dispatch.
    double total_rate_ = 0;
    Duration typical_delivery_{};
};

}  // namespace btfs
