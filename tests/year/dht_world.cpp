#include "tests/year/dht_world.hpp"

#include <algorithm>

#include "tests/year/scripted_peer.hpp"

namespace btfs::year {
namespace {

constexpr Duration kOneWay = 30ms;
constexpr Duration kNodeComesEvery = 1h;
constexpr Duration kStrangerEvery = 90s;  // on average
constexpr std::uint64_t kTorrentsOfStrangers = 20'000;

Endpoint random_v4(Rng& rng) {
    for (;;)
        if (const Endpoint endpoint = random_endpoint(rng); endpoint.address.is_v4()) return endpoint;
}

}  // namespace

DhtWorld::DhtWorld(Process& process,
                   std::function<void(const dht::NodeId&, std::span<const Endpoint>)> on_peers)
    : process_(process),
      rng_(process.rng.next()),
      node_(AddressFamily::v4, rng_, process.events.now()),
      on_peers_(std::move(on_peers)),
      our_endpoint_(random_v4(rng_)),
      node_alarm_(process.events,
                  [this] {
                      node_.handle_timeout(now());
                      settle();
                  }),
      schedule_alarm_(process.events, [this] { carry_on(); }) {
    for (std::size_t i = 0; i < kNodes; ++i) {
        around_.push_back(new_contact());
        places_[around_.back().endpoint] = i;
    }
    node_.add_contacts(std::span(around_).first(8), now());
    settle();
    replace_a_node();
    send_a_stranger();
}

dht::Contact DhtWorld::new_contact() {
    const Endpoint endpoint = random_v4(rng_);
    return {dht::secure_id(endpoint.address, rng_), endpoint};
}

void DhtWorld::replace_a_node() {
    const std::size_t place = rng_.below(around_.size());
    places_.erase(around_[place].endpoint);
    around_[place] = new_contact();
    places_[around_[place].endpoint] = place;
    // Now and then it tells us of itself.
    hear(around_[place].endpoint, encode(dht::Query{"new", around_[place].id, dht::Ping{}}));
    process_.events.after(kNodeComesEvery, [this] { replace_a_node(); });
}

void DhtWorld::send_a_stranger() {
    const Endpoint from = random_v4(rng_);
    const dht::NodeId id = dht::secure_id(from.address, rng_);
    dht::Query query{"ask", id, dht::Ping{}, rng_.below(2) == 0};
    const auto kind = rng_.below(10);
    if (kind < 7) {
        // A torrent is known by its number, so that several strangers announce the same one.
        const std::uint64_t number = rng_.below(kTorrentsOfStrangers);
        const dht::NodeId info_hash = sha1(std::as_bytes(std::span(&number, 1)));
        query.method = dht::GetPeers{.info_hash = info_hash, .want = {}};
        if (kind < 5) asking_[from] = info_hash;
    } else if (kind == 7) {
        query.method = dht::AnnouncePeer{.info_hash = id, .port = 1, .token = "a made-up token"};
    } else if (kind == 8) {
        query.method = dht::FindNode{.target = dht::random_id(rng_), .want = {}};
    }
    hear(from, encode(query));
    // A reply that was not sent is not waited for.
    process_.events.after(5s, [this, from] { asking_.erase(from); });
    process_.events.after(kStrangerEvery * (1 + rng_.below(200)) / 100, [this] { send_a_stranger(); });
}

void DhtWorld::hear(const Endpoint& from, const Bytes& datagram) {
    ++process_.counts.strangers;
    node_.handle_datagram(from, datagram, now());
    settle();
}

void DhtWorld::handle_network_change() {
    our_endpoint_ = random_v4(rng_);
    node_.handle_network_change(now());
    process_.searches.repeat_all(now());
    settle();
    carry_on();
}

void DhtWorld::carry_on() {
    while (const auto info_hash = process_.searches.poll_search(now())) {
        ++process_.counts.searches;
        if (!node_.find_peers(*info_hash, dht::Node::Announce{6881, false}, now()))
            process_.searches.handle_end(*info_hash, false, now());
    }
    settle();
    schedule_alarm_.set(process_.searches.next_timeout());
}

void DhtWorld::settle() {
    while (const auto datagram = node_.poll_datagram()) deliver(*datagram);
    while (const auto event = node_.poll_event()) {
        if (const auto* found = std::get_if<dht::PeersFound>(&*event))
            on_peers_(found->info_hash, found->peers);
        if (const auto* ended = std::get_if<dht::PeersLookedUp>(&*event)) {
            process_.searches.handle_end(ended->info_hash, ended->peers > 0, now());
            schedule_alarm_.set(process_.searches.next_timeout());
        }
    }
    node_alarm_.set(node_.next_timeout());
}

void DhtWorld::deliver(const dht::Datagram& datagram) {
    const auto message = dht::parse_krpc(datagram.bytes);
    if (!message) return;
    if (const auto* response = std::get_if<dht::Response>(&*message))
        return take_reply(datagram.to, *response);
    const auto* query = std::get_if<dht::Query>(&*message);
    const auto place = places_.find(datagram.to);
    if (!query || place == places_.end() || rng_.below(8) == 0) return;
    answer(around_[place->second], *query);
}

void DhtWorld::answer(const dht::Contact& asked, const dht::Query& query) {
    dht::Response response;
    response.transaction = query.transaction;
    response.sender = asked.id;
    response.your_endpoint = our_endpoint_;
    dht::NodeId target = asked.id;
    if (const auto* find = std::get_if<dht::FindNode>(&query.method)) target = find->target;
    if (const auto* get = std::get_if<dht::GetPeers>(&query.method)) {
        target = get->info_hash;
        response.token = "token";
        if (rng_.below(4) == 0) response.values.push_back(random_v4(rng_));
    }
    std::vector<dht::Contact> nearest(dht::Lookup::kNearest);
    std::ranges::partial_sort_copy(around_, nearest, [&](const dht::Contact& a, const dht::Contact& b) {
        return dht::is_nearer(a.id, b.id, target);
    });
    response.nodes = std::move(nearest);
    process_.events.after(2 * kOneWay, [this, from = asked.endpoint, bytes = encode(response)] {
        node_.handle_datagram(from, bytes, now());
        settle();
    });
}

void DhtWorld::take_reply(const Endpoint& stranger, const dht::Response& response) {
    const auto asking = asking_.extract(stranger);
    if (asking.empty() || response.token.empty()) return;
    const dht::Query announce{
        "tell", dht::secure_id(stranger.address, rng_),
        dht::AnnouncePeer{.info_hash = asking.mapped(), .port = stranger.port, .token = response.token}};
    process_.events.after(2 * kOneWay, [this, stranger, bytes = encode(announce)] {
        const std::size_t before = node_.peers().size();
        hear(stranger, bytes);
        process_.counts.peers_stored += node_.peers().size() > before ? 1 : 0;
    });
}

}  // namespace btfs::year
