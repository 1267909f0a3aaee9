// The DHT of the year: our node, nodes that answer it for some days, and strangers that ask it.
#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "engine/dht/node.hpp"
#include "tests/year/process.hpp"

namespace btfs::year {

/// Carries out the searches of the process's schedule by a real node. Of the nodes around it, one an hour
/// goes and another one comes, and one in eight does not answer for the moment. Strangers ask it for peers,
/// announce peers with the token that it gave them, or with a wrong one.
class DhtWorld {
  public:
    static constexpr std::size_t kNodes = 300;

    /// `on_peers` is told of peers that were found.
    DhtWorld(Process& process,
             std::function<void(const dht::NodeId& info_hash, std::span<const Endpoint>)> on_peers);

    /// Called after the process's schedule has changed.
    void carry_on();
    void handle_network_change();
    const dht::Node& node() const { return node_; }

  private:
    TimePoint now() const { return process_.events.now(); }
    void replace_a_node();
    dht::Contact new_contact();
    void send_a_stranger();
    void hear(const Endpoint& from, const Bytes& datagram);
    void settle();
    void deliver(const dht::Datagram& datagram);
    void answer(const dht::Contact& asked, const dht::Query& query);
    void take_reply(const Endpoint& stranger, const dht::Response& response);

    Process& process_;
    Rng rng_;
    dht::Node node_;
    const std::function<void(const dht::NodeId&, std::span<const Endpoint>)> on_peers_;
    std::vector<dht::Contact> around_;
    std::unordered_map<Endpoint, std::size_t> places_;  ///< in around_
    /// Strangers that wait for a token, and the torrent that they will announce.
    std::map<Endpoint, dht::NodeId> asking_;
    Endpoint our_endpoint_;
    Alarm node_alarm_, schedule_alarm_;
};

}  // namespace btfs::year
