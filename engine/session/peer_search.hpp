// Search for one torrent's peers in the DHT and on the local networks.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/net/dht_client.hpp"
#include "engine/net/lsd_client.hpp"
#include "engine/swarm/peer_list.hpp"

namespace btfs {

/// Registers a torrent with the process's DHT and LSD clients while a search is wanted of it: from start() to
/// stop(). A client may become known before or after start(). On the engine thread.
class PeerSearch {
  public:
    struct Owner {
        std::function<void(std::span<const Endpoint>, PeerSource)> on_peers;
        /// See DhtClient::Torrent::announce.
        std::function<std::optional<dht::Node::Announce>(AddressFamily)> announce;
    };

    /// `dht_nodes` are those that the torrent names (BEP 5).
    PeerSearch(const Sha1Digest& info_hash, std::vector<HostPort> dht_nodes, Owner owner);

    /// The clients outlive the search.
    void use(net::DhtClient& dht);
    void use(net::LsdClient& lsd);

    /// Searches and announces from now on. Not for private torrents (BEP 27).
    void start();
    /// Ends the search, and the announcing. Does nothing if there is none.
    void stop();

    /// A reader waits, and no peer is connected: searches the DHT soon.
    void want_peers();
    /// Tells the DHT's nodes anew, since the result of Owner::announce has changed.
    void announce_again();
    /// A peer names a node of the DHT.
    void add_node(const Endpoint& node);

  private:
    void join_dht();
    void join_lsd();

    const Sha1Digest info_hash_;
    const std::vector<HostPort> dht_nodes_;
    const Owner owner_;
    net::DhtClient* dht_ = nullptr;  ///< null: none, or none yet
    net::LsdClient* lsd_ = nullptr;
    bool searching_ = false;
};

}  // namespace btfs
