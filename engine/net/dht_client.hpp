// The DHT's shell: datagrams, names of routers, and the searches of all torrents.
#pragma once

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/host_port.hpp"
#include "engine/dht/node.hpp"
#include "engine/dht/search_schedule.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/task_group.hpp"
#include "engine/net/udp_mux.hpp"

namespace btfs::net {

/// A node for each address family, on the sockets of `udp`. On the engine thread.
class DhtClient {
  public:
    /// What a torrent has to do with it.
    struct Torrent {
        std::function<void(std::span<const Endpoint>)> on_peers;
        /// What others are told of us.
        std::function<dht::Node::Announce()> announce;
    };
    struct Options {
        /// Asked by those who know nobody else.
        std::vector<HostPort> routers;
        /// What on_table() was given in an earlier run; may be empty.
        Bytes kept_table;
        /// The table to be kept: soon after the start, now and then, and at the end. On the engine thread.
        std::function<void(Bytes)> on_table;
    };

    /// The first table is worth keeping as soon as it stands.
    static constexpr Duration kFirstKeep = 5s;
    static constexpr Duration kKeepInterval = 10min;

    DhtClient(boost::asio::io_context& io, UdpMux& udp, Resolver& resolver, std::uint64_t seed);

    void start(Options options);
    /// Looked up from now on.
    void add(const Sha1Digest& info_hash, Torrent torrent);
    /// Not any more, and nobody is told of it any more.
    void remove(const Sha1Digest& info_hash);
    /// A reader waits, and there is no peer.
    void want_peers(const Sha1Digest& info_hash);
    /// A node that a peer or a torrent tells of.
    void add_node(const Endpoint& endpoint);
    void add_node(HostPort node);
    /// Says and hears no more; the table is given out once more.
    void stop();

  private:
    Awaitable<void> find_router(HostPort router, bool always);
    void search(const Sha1Digest& info_hash);
    bool knows_anybody() const;
    void carry_on();
    void arm_timer();
    void take(const dht::NodeEvent& event);
    void keep();
    dht::Node& node(AddressFamily family) { return nodes_[family == AddressFamily::v4 ? 0 : 1]; }

    UdpMux& udp_;
    Resolver& resolver_;
    Rng rng_;
    std::array<dht::Node, 2> nodes_;  ///< IPv4, IPv6
    dht::SearchSchedule schedule_;
    struct Searching {
        unsigned nodes = 0;  ///< that have not ended
        bool found_any = false;
    };
    std::map<Sha1Digest, Searching> searching_;
    std::map<Sha1Digest, Torrent> torrents_;
    std::function<void(Bytes)> on_table_;
    TaskGroup tasks_;
    boost::asio::steady_timer timer_;
    TimePoint armed_ = kNever;
    TimePoint keep_due_ = kNever;
    bool running_ = false;
};

}  // namespace btfs::net
