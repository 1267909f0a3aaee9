#include "tests/engine/dht/network/dht_network.hpp"

#include <algorithm>

namespace btfs::dht::test {
namespace {

/// The addresses from this number on have no host.
constexpr std::uint32_t kNowhere = 1 << 19;

Address nth_address(AddressFamily family, std::uint32_t n) {
    // Returns public addresses, each in a network of its own: from 11.0.0.0 on, or 2001::.
    Bytes raw;
    if (family == AddressFamily::v4) {
        ByteWriter(raw).u32(0x0b000001 + (n << 8));
    } else {
        ByteWriter(raw).u32(0x20010000).u32(n).u64(1);
    }
    return *Address::from_bytes(raw);
}

}  // namespace

void Liar::handle_datagram(const Endpoint& from, ByteView datagram, TimePoint) {
    const auto message = parse_krpc(datagram);
    const auto* query = message ? std::get_if<Query>(&*message) : nullptr;
    if (!query) return;
    Response response;
    response.transaction = query->transaction;
    response.sender = id_;
    response.token = "believe me";
    NodeId target = random_id(rng_);
    if (const auto* find = std::get_if<FindNode>(&query->method)) target = find->target;
    if (const auto* get = std::get_if<GetPeers>(&query->method)) target = get->info_hash;
    const auto nowhere = [&] {
        return Endpoint{
            nth_address(from.address.family(), kNowhere + static_cast<std::uint32_t>(rng_.below(kNowhere))),
            6881};
    };
    for (int i = 0; i < 8; ++i) {
        const NodeId near = random_id_near(target, 60 + static_cast<int>(rng_.below(80)), rng_);
        const bool is_friend = i < 2 && !friends_.empty();
        response.nodes.push_back({near, is_friend ? friends_[rng_.below(friends_.size())] : nowhere()});
        response.values.push_back(nowhere());
    }
    reply_ = Datagram{from, encode(response)};
}

std::optional<Datagram> Liar::poll_datagram() {
    return std::exchange(reply_, std::nullopt);
}

Endpoint Network::add(std::unique_ptr<Host> host, AddressFamily family) {
    const Endpoint at{nth_address(family, next_address_++), 6881};
    hosts_[at].host = std::move(host);
    touch(at);
    return at;
}

Endpoint Network::add_node(AddressFamily family) {
    return add(std::make_unique<Member>(family, rng_.next(), now_), family);
}

void Network::touch(const Endpoint& at) {
    if (const auto found = hosts_.find(at); found != hosts_.end()) settle(at, found->second);
}

void Network::settle(const Endpoint& at, Place& place) {
    while (auto datagram = place.host->poll_datagram()) {
        place.bytes_sent += datagram->bytes.size();
        if (rng_.fraction() < loss) continue;
        const auto spread = static_cast<std::uint64_t>((max_delay - min_delay).count());
        const Duration delay = min_delay + Duration(static_cast<Duration::rep>(rng_.below(spread + 1)));
        events_.push({now_ + delay, next_number_++, datagram->to, at,
                      std::make_shared<const Bytes>(std::move(datagram->bytes))});
    }
    const TimePoint next = place.host->next_timeout();
    if (next >= place.wakes) return;
    place.wakes = std::max(next, now_);
    events_.push({place.wakes, next_number_++, at, {}, nullptr});
}

void Network::step() {
    const Event event = events_.top();
    events_.pop();
    now_ = std::max(now_, event.when);
    const auto found = hosts_.find(event.at);
    if (found == hosts_.end()) return;
    Place& place = found->second;
    if (event.datagram) {
        place.bytes_received += event.datagram->size();
        place.host->handle_datagram(event.from, *event.datagram, now_);
    } else {
        if (place.wakes != event.when) return;  // the timer was set anew since
        place.wakes = kNever;
        if (place.host->next_timeout() <= now_) place.host->handle_timeout(now_);
    }
    settle(event.at, place);
}

void Network::run_until(TimePoint until) {
    while (!events_.empty() && events_.top().when <= until) step();
    now_ = until;
}

bool Network::run_until(const std::function<bool()>& condition, Duration limit) {
    const TimePoint until = now_ + limit;
    while (!condition()) {
        if (events_.empty() || events_.top().when > until) return false;
        step();
    }
    return true;
}

}  // namespace btfs::dht::test
