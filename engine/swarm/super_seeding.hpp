// Offers of the first seed of a torrent: few pieces at a time to each peer (super seeding, BEP 16).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/rng.hpp"
#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"
#include "engine/swarm/rarity.hpp"

namespace btfs {

/// Makes the first copy of a torrent cost little more upload than its size. Peers are greeted as by a peer
/// without pieces. Each is then offered a few pieces by Have, each piece to one peer, and the next ones as
/// other peers turn out to have those: the peer has passed them on. engine/swarm/CHOKING.md has the rules.
///
/// An *offer* is open from the Have until the piece is passed on, or until it is written off. A piece is
/// *fresh* if no peer has it, and no offer of it is open. Knows of each peer the pieces that it says it has,
/// believes that, and offers by itself; whoever answers requests asks may_request(). Super seeding is over
/// when each piece is at some peer. On the engine thread.
class SuperSeeding {
  public:
    /// Bytes of a peer's open offers, and two pieces at least: while one is passed on, the next one is sent.
    /// A peer that we choke has one piece.
    static constexpr std::uint64_t kWindow = 1 << 20;
    /// The same once it has doubled, which it does each time the uplink is unused.
    static constexpr std::uint64_t kLargestWindow = 64 << 20;
    /// The uplink is unused when no content was sent, and nothing offered, for so long.
    static constexpr Duration kPatience = std::chrono::seconds(5);
    /// A peer gets other offers after so long even while the uplink is used.
    static constexpr Duration kLongestWait = std::chrono::minutes(1);
    /// At the end, no more Haves are added to a send queue that has so many bytes of messages.
    static constexpr std::size_t kMostQueued = 128 * 1024;

    /// `had`: the pieces that may be offered, which is all of them until end(). References outlive this.
    SuperSeeding(PeerTable& peers, const Bitfield& had, std::uint32_t piece_length, std::uint64_t seed);

    /// The pieces that a peer is greeted with: none.
    const Bitfield& greeted_with() const { return nothing_; }
    /// A connection was made; its session greets with greeted_with().
    void add_peer(ConnectionId connection, TimePoint now);
    void on_gone(ConnectionId connection);

    /// The peer's PiecesKnown, PieceGained, PieceLost and InterestChanged.
    void on_pieces_known(const Peer& peer, TimePoint now);
    void on_gained(const Peer& peer, PieceIndex piece, TimePoint now);
    void on_lost(const Peer& peer, PieceIndex piece);
    void on_interest_changed(const Peer& peer, TimePoint now);

    /// Makes the offers that are due. Called after each event; O(peers) if none is.
    void offer(TimePoint now);
    /// Looks whether the uplink is unused. Called about once a second.
    void tick(TimePoint now);

    /// From now on we seed as others do: each peer is told of all pieces, little by little.
    void end();
    bool is_over() const { return over_; }
    bool may_request(ConnectionId connection, PieceIndex piece) const;

  private:
    struct Account {
        Account(std::size_t pieces, std::size_t first_window, TimePoint now)
            : has(pieces), told(pieces), window(first_window), since(now) {}

        Bitfield has;   ///< as it was counted in holders_
        Bitfield told;  ///< what it may request
        std::set<PieceIndex> open;
        std::size_t window;         ///< the most open offers
        TimePoint since;            ///< of the last offer, or of a piece that was passed on
        bool known = false;         ///< has said which pieces it has
        bool waits = false;         ///< nothing was fresh when it was last looked for
        std::uint32_t told_to = 0;  ///< at the end: all pieces before this one
    };

    Account* find(ConnectionId connection);
    static bool takes_part(const Peer& peer);
    bool is_ready(const Peer& peer, const Account& account) const;
    bool uplink_is_unused(TimePoint now) const;
    void offer_to(Peer& peer, Account& account, bool fresh_alone, TimePoint now);
    void pass_on(Account& account, PieceIndex piece, TimePoint now);
    void write_off(Account& account);
    void close_what_a_lone_peer_has(TimePoint now);
    void tell_rest();
    bool tell_rest_to(Peer& peer, Account& account) const;
    Rarity& spread();

    PeerTable& peers_;
    const Bitfield& had_;
    const Bitfield nothing_;
    const std::size_t window_, largest_window_;  // in pieces
    Rng rng_;
    bool over_ = false;
    bool alone_ = false;  ///< one peer takes part, and no other can pass anything on to it
    std::map<ConnectionId, Account> accounts_;
    std::vector<std::uint16_t> holders_;  ///< by piece: how many peers have it
    std::size_t unheld_;                  ///< pieces that none has
    /// Pieces by how many peers have them or an open offer of them; counted anew when needed.
    std::optional<Rarity> spread_;
    TimePoint last_offer_{};  ///< or when all were last thought over, since the uplink was unused
};

}  // namespace btfs
