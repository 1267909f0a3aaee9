// Shell of the DHT: datagrams, names of routers, and the searches of all torrents.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/dht/node.hpp"
#include "engine/dht/search_schedule.hpp"
#include "engine/net/connector.hpp"
#include "engine/net/dht_options.hpp"
#include "engine/net/task_group.hpp"

namespace btfs::net {

/// A node for each address family, on the connector's datagrams. On the engine thread.
class DhtClient {
  public:
    /// A torrent's side.
    struct Torrent {
        std::function<void(std::span<const Endpoint>)> on_peers;
        /// Our port and state, as nodes of the family are told; nothing: they are only asked.
        std::function<std::optional<dht::Node::Announce>(AddressFamily)> announce;
    };
    /// The first table is worth keeping as soon as it stands.
    static constexpr Duration kFirstKeep = 5s;
    static constexpr Duration kKeepInterval = 10min;

    DhtClient(Connector& connector, DhtOptions options, std::uint64_t seed);

    /// Asked of each node: no datagram is sent to one that is refused, and what it sends is ignored.
    void set_refusal(const std::function<bool(const Address&)>& refuses);
    /// set_refusal()'s function refuses others now.
    void handle_filter_change();
    /// Searches for the torrent's peers from now on. The nodes start with the first torrent, so that a
    /// process with private torrents only takes no part in the DHT (BEP 27).
    void add(const Sha1Digest& info_hash, Torrent torrent);
    /// Ends the searches and announcements of the torrent.
    void remove(const Sha1Digest& info_hash);
    /// A reader waits, and no peer is connected: searches soon.
    void want_peers(const Sha1Digest& info_hash);
    using ItemDone = std::function<void(std::optional<dht::RawItem>)>;
    /// Looks for the newest proven item of that name; `done` gets nothing if none is found within the
    /// patience. Starts the nodes, too. `done` is called once, or never after stop().
    void find_item(const dht::ItemName& name, Duration patience, ItemDone done);
    /// Announces the torrent again, by a search, since the result of announce() has changed.
    void announce_again(const Sha1Digest& info_hash);
    /// Our addresses or routes are others.
    void handle_network_change();
    /// A node that a peer or a torrent tells of.
    void add_node(const Endpoint& endpoint);
    void add_node(HostPort node);
    /// Says and hears no more; the table is given out once more. With the last torrent it comes by itself.
    void stop();

  private:
    struct ItemSearch {
        dht::ItemName name;
        ItemDone done;
        TimePoint deadline;
        std::optional<unsigned> nodes = {};  ///< that have not ended; none before it has begun
        std::optional<dht::RawItem> newest = {};
    };

    void begin();
    void begin(ItemSearch& search);
    void end_items(TimePoint now);
    Awaitable<void> find_router(HostPort router, bool always);
    void search(const Sha1Digest& info_hash);
    bool knows_anybody() const;
    void carry_on();
    void arm_timer();
    void take(const dht::NodeEvent& event);
    void keep();
    dht::Node& node(AddressFamily family) { return nodes_[family == AddressFamily::v4 ? 0 : 1]; }

    Connector& connector_;
    const DhtOptions options_;
    const std::vector<dht::Contact> kept_;  ///< nodes that an earlier run knew
    Rng rng_;
    std::array<dht::Node, 2> nodes_;  ///< IPv4, IPv6
    dht::SearchSchedule schedule_;
    struct Searching {
        unsigned nodes = 0;  ///< that have not ended
        bool found_any = false;
    };
    std::map<Sha1Digest, Searching> searching_;
    std::map<Sha1Digest, Torrent> torrents_;
    std::list<ItemSearch> items_;
    TaskGroup tasks_;
    boost::asio::steady_timer timer_;
    TimePoint armed_ = kNever;
    TimePoint keep_due_ = kNever;
    bool running_ = false;
};

}  // namespace btfs::net
