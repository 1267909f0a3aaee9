// The peers that others have announced to this node (BEP 5, BEP 33).
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

/// Of one node, thus of one address family. Bounded: beyond its limits nothing new is taken.
class PeerStore {
  public:
    static constexpr std::size_t kMaxTorrents = 2000;
    static constexpr std::size_t kMaxPeersOfTorrent = 2000;
    static constexpr std::size_t kMaxPeers = 50'000;
    static constexpr std::size_t kMaxTorrentsOfAddress = 300;
    static constexpr Duration kLife = 30min;

    /// One peer an address; its port is the last one told. False if there is no room.
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
        std::uint16_t port = 0;
        bool seed = false;
        TimePoint announced;
    };
    using Peers = std::map<Address, Peer>;

    void forget(const Address& address);

    std::unordered_map<NodeId, Peers> torrents_;
    std::map<Address, std::size_t> torrents_of_;
    std::size_t peer_count_ = 0;
};

}  // namespace btfs::dht
