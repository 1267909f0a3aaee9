// Asks peers for blocks: the earliest deadline first, each block of the peer that will deliver it soonest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/background_pieces.hpp"
#include "engine/swarm/demand.hpp"
#include "engine/swarm/hedging.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/picker.hpp"
#include "engine/swarm/piece_choice.hpp"
#include "engine/swarm/silence.hpp"
#include "engine/swarm/take_limit.hpp"
#include "engine/swarm/torrent_rate.hpp"
#include "engine/swarm/trade.hpp"

namespace btfs {

/// Decides which block is asked of whom and when; see engine/swarm/README.md for why. Owns no state but its
/// accounts: pieces live in the picker, wants in the demand, peers in the torrent's table.
///
/// Told what has changed, it looks at that alone: a block that comes costs O(log n), however many peers and
/// pieces there are.
class Dispatcher {
  public:
    struct World {
        const Layout& layout;
        Picker& picker;
        Demand& demand;
        PeerTable& peers;
        Storage& storage;
        TakeLimit& take_limit;
        const wire::PeerId& our_id;
        std::uint64_t random_seed;
        RateLimit* limit = nullptr;  ///< of what is requested
    };
    explicit Dispatcher(const World& world)
        : world_(world),
          silence_(world.peers),
          hedging_(world.peers, world.picker,
                   [this](const Peer& peer, PieceIndex piece) {
                       return usable(peer, piece) && !is_held(peer, Urgency::blocked_read);
                   }),
          choice_(world.layout, world.picker, world.peers, world.our_id, world.random_seed),
          share_(world.limit),
          background_(world.layout.piece_count()) {}

    /// Also fetches these pieces, rarest first, besides those that readers want; pins again after they were
    /// evicted.
    void set_background(Bitfield pieces) { background_.set_wanted(std::move(pieces), world_.picker.had()); }
    void set_pinned(Bitfield pieces);
    /// Adds pieces to those of set_background().
    void prefetch(const Bitfield& pieces);
    /// True while one of them is missing, and the storage takes it.
    bool has_background_work() const {
        return (background_.any_missing() && !no_background_credit_) ||
               (background_.any_pinned_missing() && !no_pinned_credit_);
    }
    /// The storage has refused memory or space to a reader, and takes nothing more for now.
    bool lacks_credit() const { return no_credit_; }
    /// The download limit lets nothing pass from peers that it holds for.
    bool limit_is_zero() const { return share_.is_zero(); }
    /// A reader starves among peers that choke us, and pieces are fetched to be passed on.
    bool trades() const { return trade_.is_open(); }
    /// We have the piece now, and did not before; or do not have it any more.
    void on_had(PieceIndex piece) {
        background_.on_had(piece);
        trade_.on_ended(piece);
    }
    void on_lost(PieceIndex piece) { background_.on_lost(piece); }
    /// Before on_lost(): the piece is not fetched again without a reader, or a pin.
    void on_evicted(PieceIndex piece) { background_.on_evicted(piece); }
    /// Peers are told that we have the piece, or that we do not have it any more.
    void on_announced(PieceIndex piece);
    void on_withdrawn(PieceIndex piece) { world_.take_limit.on_withdrawn(world_.layout.piece_size(piece)); }
    /// A piece that failed is not asked again of peers for which this is true.
    void set_excluded(std::function<bool(PieceIndex, const Peer&)> excluded) {
        excluded_ = std::move(excluded);
    }

    // ---- changes ----
    /// The peer's queue has changed.
    void on_peer_changed(Peer& peer);
    /// The peer may be asked for pieces that it could not be asked for before.
    void on_peer_offers(Peer& peer);
    void on_peer_gone(Peer& peer);
    /// The peer was another dispatcher's until now, which had no content to ask it for.
    void take_over(Peer& peer);
    /// A piece that we lack, and only seeds had, is now had by this leecher, too.
    void on_first_of_leechers(Peer& peer, TimePoint now) { choice_.on_first_of_leechers(peer, now); }
    /// There may be more blocks to ask for, or a new read waits.
    void on_demand_changed() { work_news_ = blocked_news_ = true; }
    /// Storage has memory again.
    void on_credit();
    /// Gives up a begun piece that has come in another way, and cancels what was asked of it.
    void give_up(PieceIndex piece, TimePoint now);
    /// Gives up the pieces that no reader wants and that nothing is asked of.
    void give_up_unwanted();
    /// Gives up the pieces of which nothing has come and that nothing is asked of.
    void give_up_empty();
    /// A piece's blocks or state changed: the demand is told what there is to ask for.
    void refresh_offer(PieceIndex piece);

    /// Fills the queues of the peers for which something has changed. Called after each change.
    void dispatch(TimePoint now);
    /// The time at which dispatch() has to be called without a change, since a block may be late then.
    TimePoint next_timeout() const;
    /// Sets the torrent's own limit of downloads; see TorrentRate.
    void set_limit(std::optional<std::uint64_t> own, bool heeds_process, TimePoint now);
    void set_priority(TransferPriority priority) { share_.set_priority(priority); }

    /// A requested block has come from a peer; `data` is empty if it is in its place. Gives its piece if that
    /// is complete now.
    PartialPiece* take_block(Peer& peer, const BlockRef& block, ByteView data, TimePoint now);
    /// Asks each unchoked peer that was not asked for a while for one useful block, so that it keeps us.
    void stay_in_touch(TimePoint now);
    /// Cancels requests for pieces that are not wanted any more, unless their blocks are about to arrive.
    void drop_unwanted(TimePoint now);
    /// Frees all blocks that were asked of a peer, so that others can be asked. `cancel`: tells the peer,
    /// which is still connected.
    void release(Peer& peer, bool cancel, TimePoint now);
    /// One block will not come from this peer.
    void release_block(const Peer& peer, const BlockRef& block);

    /// Content has gone to peers.
    void count_uploaded(std::uint64_t bytes) { trade_.on_uploaded(bytes); }
    /// Bytes have arrived that were not needed (any more).
    void count_wasted(std::uint64_t bytes) { hedging_.on_wasted(bytes); }
    std::uint64_t wasted() const { return hedging_.wasted(); }
    /// Requests for blocks that another peer was asked for already.
    std::uint64_t hedges() const { return hedges_; }

    Offer offer_of(PieceIndex piece) const;

  private:
    void ring_alarms(TimePoint now);
    void ask_for_blocked(TimePoint now);
    void look_ahead(TimePoint now);
    bool spread(PieceIndex piece, TimePoint now);
    void hedge_late(TimePoint now);
    bool hedge(PartialPiece& partial, TimePoint now);
    bool in_endgame() const;
    void fill_changed(TimePoint now);
    void fill(Peer& peer, TimePoint now);
    void fill_unread(Peer& peer, TimePoint now);
    void finish_unread(Peer& peer, TimePoint now);
    bool may_be_useful(const Peer& peer) const;
    std::optional<PieceIndex> unread_piece(Peer& peer, TimePoint now);
    std::optional<PieceIndex> piece_near_reader(const std::function<bool(PieceIndex)>& eligible) const;
    std::uint32_t pieces_in(std::uint64_t bytes) const;
    void abandon(PieceIndex piece);
    void probe(Peer& peer, TimePoint now);
    void release_asked_before(TimePoint time, Peer& peer, bool cancel, TimePoint now);
    bool fill_from(Peer& peer, PieceIndex piece, Urgency urgency, std::uint64_t limit, TimePoint now);
    bool has_room(const Peer& peer, std::uint64_t limit) const;
    std::uint64_t limit_for(const Peer& peer, Rank rank, TimePoint now) const;
    PartialPiece* receiving(PieceIndex piece, Urgency urgency);
    void ask(Peer& peer, PartialPiece& partial, std::uint32_t block, TimePoint now);
    bool is_held(const Peer& peer, Urgency urgency) const { return peer.limited && share_.is_held(urgency); }
    bool may_ask(Peer& peer, const BlockRef& block, Urgency urgency, TimePoint now);
    void settle_account(Peer& peer);
    void count_taken(Peer& peer);
    bool within_limit(const Peer& peer) const {
        return peer.is_web_seed || world_.take_limit.may_take(*peer.account, kBlockSize);
    }
    bool may_take(const Peer& peer, PieceIndex piece) const;
    bool is_last_resort(PieceIndex piece) const;
    bool usable(const Peer& peer, PieceIndex piece) const;
    bool in_background(PieceIndex piece) const { return background_.contains(piece); }
    bool may_begin_unread(PieceIndex piece) const {
        return !(background_.is_pinned(piece) ? no_pinned_credit_ : no_background_credit_);
    }
    bool may_go_on_unread() const;
    bool make_room(Urgency urgency);
    void measure_pace(TimePoint now);
    Duration others_reach(const Peer& peer, std::uint64_t bytes_before) const;

    /// Prediction of what a peer can do for blocked pieces, made once for all of them.
    struct Prospect {
        Peer* peer;
        TimePoint ready;  ///< when it should be ready; kNever if it is, or if that cannot be told
        PeerEstimate::Forecast forecast;
    };

    World world_;
    Silence silence_;
    Hedging hedging_;
    PieceChoice choice_;
    Trade trade_;
    TorrentRate share_;
    BackgroundPieces background_;
    std::function<bool(PieceIndex, const Peer&)> excluded_ = [](PieceIndex, const Peer&) { return false; };
    /// The storage has refused, and on_credit() follows: readahead too, or what no reader wants alone.
    bool no_credit_ = false, no_background_credit_ = false, no_pinned_credit_ = false;
    /// A peer was not asked, since too much was taken from its address.
    mutable bool held_by_take_limit_ = false;
    /// Whether nobody within the limit can send the piece. Looked at once in each dispatch.
    mutable std::map<PieceIndex, bool> last_resort_;

    TimePoint dispatched_at_{};  ///< the last time

    // Work that waits for dispatch().
    bool work_news_ = false;
    bool blocked_news_ = false;
    std::vector<ConnectionId> changed_;
    /// Peers with room that found nothing to be asked for.
    std::set<ConnectionId> hungry_;
    std::uint64_t hedges_ = 0;
    TimePoint hedge_at_ = kNever;
    TimePoint held_until_ = kNever;
    TimePoint retry_at_ = kNever;

    /// Pieces of which blocks are left for peers that are about to be ready.
    std::set<PieceIndex> held_;
    std::vector<Prospect> prospects_;  ///< of one dispatch

    // The swarm's pace.
    TimePoint pace_measured_{};
    double total_rate_ = 0;
    Duration typical_delivery_{};
};

}  // namespace btfs
