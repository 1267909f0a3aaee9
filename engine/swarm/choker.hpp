// Choker: chooses the peers of a torrent that are unchoked, the active peer set.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/upload_slots.hpp"

namespace btfs {

/// Gives the torrent's share of the upload slots to peers that are interested. engine/swarm/CHOKING.md says
/// why each peer is unchoked.
///
/// A peer that becomes interested is unchoked at once while a slot is free; a slot whose peer takes nothing
/// is free. Else who has one is decided in rounds: while we fetch, by what each peer gave us lately; while we
/// do not, by how fast it takes what we send, in turns. A part of the slots goes to peers regardless, so that
/// newcomers can show what they are good for.
class Choker {
  public:
    static constexpr Duration kRound = std::chrono::seconds(10);
    /// An optimistic unchoke lasts so long.
    static constexpr Duration kOptimistic = std::chrono::seconds(30);
    /// One in so many slots is for optimistic unchokes, and one at least.
    static constexpr std::size_t kOptimisticShare = 5;
    /// A host that is known for less is a newcomer, and kNewcomerOdds as likely to be the next one.
    static constexpr Duration kNewcomer = std::chrono::seconds(60);
    static constexpr unsigned kNewcomerOdds = 3;
    /// Hosts of which we remember something; the oldest are forgotten.
    static constexpr std::size_t kMaxHosts = 1024;
    /// A peer that took nothing for so long leaves its slot to another, and is still unchoked.
    static constexpr Duration kIdle = std::chrono::milliseconds(500);
    /// Peers that become interested within such a time draw lots for the slots that are free: whoever hears
    /// first of a new piece of one of us hears first of those of all others, and would get all slots.
    static constexpr Duration kGather = std::chrono::milliseconds(10);
    /// While peers wait, we look so often whether a slot has become free.
    static constexpr Duration kLook = std::chrono::milliseconds(250);
    /// So many peers for each slot may be unchoked, those that take nothing included.
    static constexpr std::size_t kMostIdle = 2;
    /// As a seed: after that much and that long it is another's turn.
    static constexpr std::uint64_t kQuotaPieces = 20;
    static constexpr Duration kQuotaTime = std::chrono::minutes(1);
    /// A peer that took so much more than it gave, its host's earlier connections included, while it had what
    /// we lack, gets optimistic unchokes only.
    static constexpr std::uint64_t kFreeRide = 2 << 20;

    /// References outlive this.
    Choker(PeerTable& peers, UploadSlots& slots, std::uint64_t seed)
        : peers_(peers), slots_(slots), share_(slots), rng_(seed) {}

    /// The torrent's purpose at this time.
    struct Aim {
        bool fetches = false;  ///< something is wanted of peers
        bool has_readers = false;
        bool trades = false;  ///< a reader starves among leechers
        std::uint32_t piece_length = 0;
        /// True of a peer that has what a blocked read waits for.
        std::function<bool(const Peer&)> has_blocked = {};
    };
    void set_aim(Aim aim) { aim_ = std::move(aim); }
    /// No peer is unchoked any more, or again.
    void set_closed(bool closed) { closed_ = closed; }
    /// False if no peer will be unchoked.
    bool may_unchoke() const { return !closed_ && slots_.total() > 0; }

    /// A peer's interest changed: fills free slots, at once if there are enough for all peers, else after
    /// kGather.
    void on_interest_changed(TimePoint now);
    /// Chokes those that are not interested any more, and fills free slots.
    void assign(TimePoint now);
    /// Ends rounds and optimistic unchokes that are over. Called about once a second.
    void tick(TimePoint now);
    /// When to call assign(), though nothing changed; kNever if no peer waits.
    TimePoint next_timeout() const { return look_at_; }
    /// The peer is about to join the table.
    void on_peer_connected(Peer& peer);
    /// The peer is about to leave the table: what it gave and took counts when its host comes again.
    void on_peer_gone(const Peer& peer, TimePoint now);

  private:
    struct Host {
        TimePoint known_since;
        std::uint64_t given = 0, taken = 0;  ///< by connections that have ended
    };

    void end_round(TimePoint now);
    void next_optimistic(TimePoint now);
    void fill(TimePoint now);
    bool wants_slot(const Peer& peer) const;
    bool is_busy(const Peer& peer, TimePoint now) const;
    bool rides_free(const Peer& peer) const;
    bool better(const Peer& a, const Peer& b, TimePoint now) const;
    std::vector<Peer*> ranked(TimePoint now);
    void unchoke(Peer& peer, TimePoint now);
    void choke(Peer& peer, TimePoint now);
    Host& host(const Peer& peer, TimePoint now);

    PeerTable& peers_;
    UploadSlots& slots_;
    UploadSlots::Share share_;
    Rng rng_;
    Aim aim_;
    bool closed_ = false;
    TimePoint round_end_{};
    TimePoint look_at_ = kNever;
    std::map<Address, Host> hosts_;
    std::deque<Address> hosts_in_order_;
};

}  // namespace btfs
