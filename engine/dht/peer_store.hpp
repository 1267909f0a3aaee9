// Store of the peers that others have announced to this node (BEP 5, BEP 33).
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/dht/node_id.hpp"
#include "engine/dht/peer_filter.hpp"

namespace btfs::dht {

/// Peers of one node, thus of one address family. Bounded: beyond its limits nothing new is taken. Peers are
/// counted by host: an IPv4 address or an IPv6 /64, whose owner could announce any number of addresses.
class PeerStore {
  public:
    static constexpr std::size_t kMaxTorrents = 2000;
    static constexpr std::size_t kMaxPeersOfTorrent = 2000;
    static constexpr std::size_t kMaxPeers = 50'000;
    static constexpr std::size_t kMaxTorrentsOfHost = 300;
    static constexpr Duration kLife = 30min;

    /// One peer a host; its address and port are the last ones told. False if there is no room.
    bool add(const NodeId& info_hash, const Endpoint& peer, bool seed, TimePoint now);
    /// True if a token may be given out.
    bool has_room(const NodeId& info_hash) const;
    /// At most `count`, chosen at random; without seeds if those are not wanted, unless there are no others.
    std::vector<Endpoint> sample(const NodeId& info_hash, std::size_t count, bool no_seeds, Rng& rng) const;
    /// All stored seeds, and all other peers. Nothing if there are none of either.
    std::optional<std::pair<PeerFilter, PeerFilter>> filters(const NodeId& info_hash) const;
    /// Forgets those that were not announced again.
    void expire(TimePoint now);

    std::size_t size() const { return peer_count_; }

  private:
    struct Peer {
        Endpoint endpoint;
        bool seed = false;
        PeerFilter::Bits bits{};  ///< so that a scrape hashes nothing
        TimePoint announced;
    };
    using Peers = std::map<Address, Peer>;  ///< by host

    void forget(const Address& host);

    std::unordered_map<NodeId, Peers> torrents_;
    std::map<Address, std::size_t> torrents_of_;
    std::size_t peer_count_ = 0;
};

}  // namespace btfs::dht
