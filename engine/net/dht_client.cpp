#include "engine/net/dht_client.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/dht/kept_table.hpp"
#include "engine/log/log.hpp"

namespace btfs::net {

DhtClient::DhtClient(Connector& connector, DhtOptions options, std::uint64_t seed)
    : connector_(connector),
      options_(std::move(options)),
      kept_(dht::read_table(options_.kept_table)),
      rng_(seed),
      nodes_{dht::Node(AddressFamily::v4, rng_, Clock::now()),
             dht::Node(AddressFamily::v6, rng_, Clock::now())},
      tasks_(connector.io().get_executor()),
      timer_(connector.io()) {}

void DhtClient::set_refusal(const std::function<bool(const Address&)>& refuses) {
    for (dht::Node& each : nodes_) each.set_refusal(refuses);
}

void DhtClient::handle_filter_change() {
    for (dht::Node& each : nodes_) each.handle_refusal_change();
}

void DhtClient::begin() {
    running_ = true;
    keep_due_ = Clock::now() + kFirstKeep;
    connector_.udp().receive_krpc([this](const ReceivedDatagram& datagram) {
        node(datagram.from.address.family())
            .handle_datagram(datagram.from, datagram.bytes, Clock::now(), datagram.to);
        carry_on();
    });
    for (dht::Node& each : nodes_) each.add_contacts(kept_, Clock::now());
    for (const HostPort& router : options_.routers)
        tasks_.spawn("look-up of a DHT router", find_router(router, true));
}

void DhtClient::add(const Sha1Digest& info_hash, Torrent torrent) {
    torrents_[info_hash] = std::move(torrent);
    if (!running_) begin();
    schedule_.add(info_hash, Clock::now());
    carry_on();
}

void DhtClient::remove(const Sha1Digest& info_hash) {
    schedule_.remove(info_hash);
    torrents_.erase(info_hash);
    searching_.erase(info_hash);
    for (dht::Node& each : nodes_) each.end_search(info_hash);
    if (torrents_.empty() && items_.empty()) stop();
}

void DhtClient::want_peers(const Sha1Digest& info_hash) {
    schedule_.want_peers(info_hash, Clock::now());
    carry_on();
}

void DhtClient::find_item(const dht::ItemName& name, Duration patience, ItemDone done) {
    items_.push_back({name, std::move(done), Clock::now() + patience});
    if (!running_) begin();
    carry_on();
}

void DhtClient::begin(ItemSearch& search) {
    search.nodes = 0;
    for (dht::Node& each : nodes_)
        if (each.knows_anybody() && each.find_item(search.name, Clock::now())) ++*search.nodes;
}

/// Ends the searches whose nodes have all answered, and those whose deadline has passed.
void DhtClient::end_items(TimePoint now) {
    for (auto search = items_.begin(); search != items_.end();) {
        const auto next = std::next(search);
        if (search->nodes == 0U || now >= search->deadline) {
            std::list<ItemSearch> ended;
            ended.splice(ended.end(), items_, search);
            ended.front().done(std::move(ended.front().newest));
        }
        search = next;
    }
}

void DhtClient::announce_again(const Sha1Digest& info_hash) {
    schedule_.repeat(info_hash, Clock::now());
    carry_on();
}

void DhtClient::handle_network_change() {
    if (!running_) return;
    for (dht::Node& each : nodes_) each.handle_network_change(Clock::now());
    schedule_.repeat_all(Clock::now());
    carry_on();
}

void DhtClient::add_node(const Endpoint& endpoint) {
    node(endpoint.address.family()).add_router(endpoint, false, Clock::now());
    carry_on();
}

void DhtClient::add_node(HostPort router) {
    tasks_.spawn("look-up of a DHT node", find_router(std::move(router), false));
}

void DhtClient::stop() {
    if (!running_) return;
    keep();
    running_ = false;
    connector_.udp().receive_krpc(nullptr);
    items_.clear();
    tasks_.cancel();
    timer_.cancel();
    armed_ = kNever;
}

Awaitable<void> DhtClient::find_router(HostPort router, bool always) {
    const auto addresses = co_await connector_.resolve(router.host, Families::both);
    if (!addresses) {
        log::info("DHT: {}: {}", router.host, addresses.error().message());
        co_return;
    }
    for (const Address& address : *addresses)
        node(address.family()).add_router({address, router.port}, always, Clock::now());
    carry_on();
}

void DhtClient::search(const Sha1Digest& info_hash) {
    Searching& searching = searching_[info_hash] = {};
    const auto& announce = torrents_.at(info_hash).announce;
    for (const AddressFamily family : {AddressFamily::v4, AddressFamily::v6}) {
        dht::Node& each = node(family);
        if (each.knows_anybody() && each.find_peers(info_hash, announce(family), Clock::now()))
            ++searching.nodes;
    }
    if (searching.nodes > 0) return;
    searching_.erase(info_hash);
    schedule_.handle_end(info_hash, false, Clock::now());
}

void DhtClient::take(const dht::NodeEvent& event) {
    if (const auto* found = std::get_if<dht::PeersFound>(&event)) {
        const auto torrent = torrents_.find(found->info_hash);
        if (torrent != torrents_.end()) torrent->second.on_peers(found->peers);
    } else if (const auto* end = std::get_if<dht::PeersLookedUp>(&event)) {
        log::debug("DHT: {}: {} peers from {} nodes in {} hops", end->info_hash.hex(), end->peers, end->asked,
                   end->hops);
        const auto searching = searching_.find(end->info_hash);
        if (searching == searching_.end()) return;
        searching->second.found_any |= end->peers > 0;
        if (--searching->second.nodes > 0) return;
        schedule_.handle_end(end->info_hash, searching->second.found_any, Clock::now());
        searching_.erase(searching);
    } else if (const auto* item = std::get_if<dht::ItemLookedUp>(&event)) {
        for (ItemSearch& search : items_) {
            if (search.name.target != item->target || !search.nodes || *search.nodes == 0) continue;
            --*search.nodes;
            if (item->item && (!search.newest || item->item->sequence > search.newest->sequence))
                search.newest = item->item;
        }
    } else if (const auto* others = std::get_if<dht::OtherFamily>(&event)) {
        for (dht::Node& each : nodes_) each.add_contacts(others->nodes, Clock::now());
    }
}

bool DhtClient::knows_anybody() const {
    return std::ranges::any_of(nodes_, &dht::Node::knows_anybody);
}

void DhtClient::carry_on() {
    if (!running_) return;
    if (knows_anybody())
        while (const auto next = schedule_.poll_search(Clock::now())) search(*next);
    for (ItemSearch& search : items_)
        if (!search.nodes && knows_anybody()) begin(search);
    for (dht::Node& each : nodes_)
        while (const auto event = each.poll_event()) take(*event);
    end_items(Clock::now());
    for (dht::Node& each : nodes_)
        // A send that fails is treated as a lost datagram.
        while (const auto datagram = each.poll_datagram())
            (void)connector_.udp().send(datagram->to, datagram->bytes, datagram->from);
    if (Clock::now() >= keep_due_) keep();
    arm_timer();
}

void DhtClient::arm_timer() {
    TimePoint next = std::min({nodes_[0].next_timeout(), nodes_[1].next_timeout(), keep_due_});
    if (knows_anybody()) next = std::min(next, schedule_.next_timeout());
    for (const ItemSearch& search : items_) next = std::min(next, search.deadline);
    if (next >= armed_) return;  // the timer fires earlier and is armed anew then
    armed_ = next;
    timer_.expires_at(next);
    timer_.async_wait([this](Error error) {
        if (error || !running_) return;
        armed_ = kNever;
        for (dht::Node& each : nodes_) each.handle_timeout(Clock::now());
        carry_on();
    });
}

void DhtClient::keep() {
    keep_due_ = Clock::now() + kKeepInterval;
    std::vector<dht::Contact> contacts = nodes_[0].table().contacts();
    const std::vector<dht::Contact> of_v6 = nodes_[1].table().contacts();
    contacts.insert(contacts.end(), of_v6.begin(), of_v6.end());
    if (contacts.empty()) {
        keep_due_ = Clock::now() + kFirstKeep;  // do not overwrite the table of an earlier run
    } else if (options_.on_table) {
        options_.on_table(dht::write_table(dht::to_keep(std::move(contacts), kept_)));
    }
}

}  // namespace btfs::net
