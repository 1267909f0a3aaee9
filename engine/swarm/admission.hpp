// Chooses which connections a torrent keeps when there are more than it has room for.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs {

/// Policy over the table of connected peers: whether a new connection is let in, and which one makes room for
/// it. Changes nothing itself. Connections are ranked by their standing, then by how long ago content was
/// exchanged; the lowest goes first. A connection that owes blocks of a blocked read, or that takes content
/// from us, is never given up.
///
/// One public host (an IPv6 /64 is one) has a single connection, or a few while there is plenty of room,
/// since several peers may be behind one NAT. Loopback and private addresses may have many.
class Admission {
  public:
    static constexpr std::size_t kMaxPerHost = 1;
    /// The same while less than half of the torrent's connections are taken.
    static constexpr std::size_t kMaxPerHostWithRoom = 4;
    static constexpr std::size_t kMaxPerLocalHost = 64;
    /// A connection is spared for so long after it was made, so that it can show what it is good for.
    static constexpr Duration kGrace = std::chrono::seconds(15);
    /// A connection that was not greeted for so long can be given up.
    static constexpr Duration kGreetingTime = std::chrono::seconds(5);
    /// Content that was sent to us, or taken from us, so lately makes a connection useful.
    static constexpr Duration kUseful = std::chrono::seconds(30);
    /// How long a connection of each standing goes without content before a new one may take its place.
    static constexpr Duration kIdle = std::chrono::seconds(30);
    static constexpr Duration kWaiting = std::chrono::seconds(60);
    static constexpr Duration kWilling = std::chrono::minutes(3);
    /// Neither side has wanted anything of the other for so long: closed, while over half of the room is
    /// taken.
    static constexpr Duration kInactive = std::chrono::minutes(10);

    /// How much a connection is worth, the least first.
    enum class Standing : std::uint8_t {
        ungreeted,  ///< its handshake is late
        surplus,    ///< another connection of the same public host, which is over its limit
        silent,     ///< it sends nothing of what it was asked for
        idle,       ///< neither side is interested in the other
        waiting,    ///< one side is interested, and choked by the other
        willing,    ///< it has what we lack, and does not choke us
        useful,     ///< content was exchanged lately
        needed,     ///< it owes blocks of a blocked read, or takes content from us: never given up
    };

    /// `owes_blocked`: true of a peer that was asked for blocks of a blocked read. The table outlives this.
    Admission(const PeerTable& peers, std::function<bool(const Peer&)> owes_blocked)
        : peers_(peers), owes_blocked_(std::move(owes_blocked)) {}

    /// Of each so many connections one is kept for peers that we dial, while there is something to fetch.
    static constexpr std::size_t kDialShare = 4;

    struct Room {
        std::size_t max_peers;
        std::size_t dialling;  ///< connections that are being made
        bool fetches;          ///< the torrent wants something of peers
    };
    struct Verdict {
        bool admitted = false;
        /// To be closed first; kNobody if there is room.
        ConnectionId evicted = kNobody;
    };
    Verdict judge(const Endpoint& remote, wire::Direction direction, const Room& room, TimePoint now) const;
    /// One that can make room for a peer that we would dial; kNobody if there is none.
    ConnectionId replaceable(wire::Direction newcomer, std::size_t max_peers, TimePoint now) const;
    /// Up to `count` connections that can be done without, the least useful first; new ones are not spared.
    std::vector<ConnectionId> least_useful(std::size_t count, TimePoint now) const;
    /// Connections that kInactive has passed for.
    std::vector<ConnectionId> inactive(std::size_t max_peers, TimePoint now) const;

    Standing standing(const Peer& peer, TimePoint now) const;

  private:
    struct Rank {
        Standing standing;
        TimePoint last_useful;
        ConnectionId id;
        auto operator<=>(const Rank&) const = default;
    };
    Rank rank(const Peer& peer, TimePoint now) const;
    std::size_t incoming() const;
    static bool may_replace(const Rank& rank, const Peer& peer, TimePoint now);

    const PeerTable& peers_;
    const std::function<bool(const Peer&)> owes_blocked_;
};

}  // namespace btfs
