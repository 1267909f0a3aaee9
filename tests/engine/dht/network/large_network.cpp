#include "tests/engine/dht/network/large_network.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "tests/engine/dht/network/dht_network.hpp"

namespace btfs::dht::test {
namespace {

constexpr std::size_t kAnnouncers = 3;  // of each torrent

struct Lookup {
    Endpoint at;
    std::size_t torrent = 0;
    TimePoint begun;
    std::optional<Duration> first_peer{};  ///< until the first real peer came
    std::optional<PeersLookedUp> end{};
};

/// Looks all torrents up at the same time, each by another node.
std::vector<Lookup> look_up_all(Network& network, const std::vector<Endpoint>& nodes,
                                const std::vector<NodeId>& torrents,
                                const std::vector<std::set<Endpoint>>& peers) {
    std::vector<Lookup> lookups;
    std::set<Endpoint> taken;
    for (std::size_t i = 0; i < torrents.size(); ++i) {
        Endpoint at;
        do {
            at = nodes[network.rng().below(nodes.size())];
        } while (!taken.insert(at).second);
        while (network.node(at).poll_event()) {
        }
        network.node(at).find_peers(torrents[i], std::nullopt, network.now());
        network.touch(at);
        lookups.push_back({at, i, network.now()});
    }
    for (int step = 0; step < 2000; ++step) {
        network.run_for(20ms);
        for (Lookup& lookup : lookups)
            while (auto event = network.node(lookup.at).poll_event()) {
                if (const auto* found = std::get_if<PeersFound>(&*event); found && !lookup.first_peer) {
                    const auto is_one = [&](const Endpoint& peer) {
                        return peers[lookup.torrent].contains(peer);
                    };
                    if (std::ranges::any_of(found->peers, is_one))
                        lookup.first_peer = network.now() - lookup.begun;
                }
                if (const auto* end = std::get_if<PeersLookedUp>(&*event)) lookup.end = *end;
            }
        if (std::ranges::all_of(lookups, [](const Lookup& lookup) { return lookup.end.has_value(); })) break;
    }
    return lookups;
}

template <class T>
T median(std::vector<T> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

}  // namespace

LargeNetworkReport run_large_network(std::size_t node_count, std::size_t torrent_count) {
    Network network(2026);
    network.loss = 0.01;
    Rng& rng = network.rng();

    // The network grows: each node knows one earlier node, and finds its place by itself.
    std::vector<Endpoint> nodes, liars;
    std::vector<Contact> known_liars;
    for (std::size_t i = 0; i < node_count; ++i) {
        if (i % 20 == 10) {
            auto liar = std::make_unique<Liar>(rng.next(), liars);
            const NodeId id = liar->id();
            liars.push_back(network.add(std::move(liar)));
            known_liars.push_back({id, liars.back()});
            continue;
        }
        const Endpoint at = network.add_node();
        if (!nodes.empty()) network.node(at).add_router(nodes[rng.below(nodes.size())], true, network.now());
        // Honest nodes hear of liars, too.
        if (!liars.empty())
            network.node(at).add_contacts({{known_liars[rng.below(liars.size())]}}, network.now());
        network.touch(at);
        nodes.push_back(at);
        network.run_for(10ms);
    }
    network.run_for(2min);

    // Peers announce themselves. Then a fifth of all nodes leaves without a message.
    std::vector<NodeId> torrents;
    std::vector<std::set<Endpoint>> peers(torrent_count);
    for (std::size_t i = 0; i < torrent_count; ++i) {
        torrents.push_back(random_id(rng));
        for (std::size_t k = 0; k < kAnnouncers; ++k) {
            const Endpoint at = nodes[rng.below(nodes.size())];
            network.node(at).find_peers(torrents[i], Node::Announce{6881, true}, network.now());
            network.touch(at);
            peers[i].insert({at.address, 6881});
        }
    }
    network.run_for(1min);
    for (std::size_t i = 0; i < node_count / 5; ++i) {
        const std::size_t which = rng.below(nodes.size());
        network.kill(nodes[which]);
        nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(which));
    }

    std::vector<std::size_t> asked;
    std::vector<unsigned> hops;
    std::vector<double> first_peer;
    std::size_t found = 0, count = 0;
    for (int round = 0; round < 4; ++round)
        for (const Lookup& lookup : look_up_all(network, nodes, torrents, peers)) {
            ++count;
            if (!lookup.end) continue;  // the look-up never ended
            if (lookup.first_peer) {
                ++found;
                first_peer.push_back(seconds(*lookup.first_peer));
            }
            asked.push_back(lookup.end->asked);
            hops.push_back(lookup.end->hops);
        }

    // A time without look-ups measures the traffic of an idle network.
    network.run_for(10min);
    std::vector<std::uint64_t> before;
    for (const Endpoint& at : nodes) before.push_back(network.bytes_sent(at) + network.bytes_received(at));
    network.run_for(30min);
    double most_idle = 0;
    std::vector<double> idle;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const auto bytes = network.bytes_sent(nodes[i]) + network.bytes_received(nodes[i]) - before[i];
        idle.push_back(static_cast<double>(bytes) / (30 * 60));
        most_idle = std::max(most_idle, idle.back());
    }

    LargeNetworkReport report;
    report.lookups = count;
    report.share_found = static_cast<double>(found) / static_cast<double>(count);
    report.median_hops = median(hops);
    report.median_asked = median(asked);
    report.median_first_peer = median(first_peer);
    report.median_idle = median(idle);
    report.most_idle = most_idle;
    return report;
}

}  // namespace btfs::dht::test
