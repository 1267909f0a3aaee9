#include "engine/dht/node.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "engine/core/address_scope.hpp"
#include "engine/core/secret.hpp"

namespace btfs::dht {
namespace {

constexpr std::size_t kMaxHints = 300;
constexpr std::size_t kMaxRouters = 64;
constexpr std::size_t kMaxStarters = 16;
constexpr Duration kExpiryInterval = 1min;

/// One that nobody can tell from those before, not even the nodes that saw them: who guesses it can forge the
/// reply.
std::uint32_t fresh_transaction() {
    std::array<std::byte, 4> raw;
    fill_secret(raw);
    return load_big_endian<std::uint32_t>(raw.data());
}

std::string text_of(std::uint32_t transaction) {
    Bytes bytes;
    ByteWriter(bytes).u32(transaction);
    return std::string(as_text(bytes));
}

}  // namespace

Node::Node(AddressFamily family, Rng& rng, TimePoint now)
    : family_(family),
      rng_(rng),
      table_(random_id(rng)),
      tokens_(fill_secret, now),
      reachability_(now),
      expiry_due_(now + kExpiryInterval) {}

// ---- known nodes ----

void Node::add_contacts(std::span<const Contact> contacts, TimePoint now) {
    if (table_.size() >= kFewNodes) return;
    for (const Contact& contact : contacts) {
        if (contact.endpoint.address.family() != family_ || hints_.size() == kMaxHints) continue;
        if (is_refused(contact.endpoint)) continue;
        if (std::ranges::find(hints_, contact) == hints_.end()) hints_.push_back(contact);
    }
    if (!hints_.empty()) own_lookup_due_ = std::min(own_lookup_due_, now);
    go_on(now);
}

void Node::add_router(const Endpoint& endpoint, bool always, TimePoint now) {
    const bool stands_for_name = endpoint.address.is_reserved() && endpoint.port != 0;  // behind a proxy
    if (endpoint.address.family() != family_ || (!endpoint.is_dialable() && !stands_for_name)) return;
    if (!always && is_refused(endpoint)) return;
    const bool at_home = table_.size() >= kFewNodes;
    if (at_home && !always) {
        if (pending_.size() < kMaxPending / 2) ask(endpoint, std::nullopt, Ping{}, std::nullopt, now);
        return;
    }
    auto& known = always ? routers_ : once_;
    if (known.size() == kMaxRouters || std::ranges::find(known, endpoint) != known.end()) return;
    known.push_back(endpoint);
    if (at_home) return;
    own_lookup_due_ = std::min(own_lookup_due_, now);
    for (auto& [id, running] : lookups_) running.lookup.add_router(endpoint);
    go_on(now);
}

void Node::handle_refusal_change() {
    const auto refused = [this](const Contact& contact) { return is_refused(contact.endpoint); };
    table_.remove_if(refused);
    std::erase_if(hints_, refused);
    std::erase_if(once_, [this](const Endpoint& router) { return is_refused(router); });
}

// ---- lookups ----

bool Node::find_peers(const NodeId& info_hash, std::optional<Announce> announce, TimePoint now) {
    return begin(info_hash, PeerSearch{announce}, kParallel, now);
}

void Node::end_search(const NodeId& info_hash) {
    std::erase_if(lookups_, [&](const auto& entry) {
        const Running& running = entry.second;
        return running.lookup.target() == info_hash && std::holds_alternative<PeerSearch>(running.purpose);
    });
}

bool Node::find_item(const ItemName& name, TimePoint now) {
    return begin(name.target, ItemSearch{name, std::nullopt}, kParallel, now);
}

bool Node::begin(const NodeId& target, Purpose purpose, std::size_t parallel, TimePoint now) {
    if (lookups_.size() >= kMaxLookups) return false;
    for (const auto& [id, running] : lookups_)
        if (running.lookup.target() == target && running.purpose.index() == purpose.index()) return false;
    Running running{Lookup(target, parallel), std::move(purpose)};
    for (const Contact& contact : table_.nearest(target, kMaxStarters)) running.lookup.add(contact);
    if (table_.size() < kFewNodes) {
        for (const Contact& contact : hints_) running.lookup.add(contact);
        // Public routers are a shared resource: the lookup asks them only if we know few other nodes, or if
        // an earlier lookup left the table with few nodes.
        if (hints_.size() < kFewNodes || retry_ > kFirstRetry)
            for (const Endpoint& router : routers_) running.lookup.add_router(router);
        for (const Endpoint& router : once_) running.lookup.add_router(router);
    }
    lookups_.emplace(next_lookup_++, std::move(running));
    go_on(now);
    return true;
}

void Node::go_on(TimePoint now) {
    keep_place(now);
    std::vector<LookupId> ended;
    for (auto& [id, running] : lookups_)
        if (!go_on(id, running, now)) ended.push_back(id);
    for (LookupId id : ended) finish(std::move(lookups_.extract(id).mapped()), now);
}

/// Sends the next queries of the lookup. Returns false if the lookup has ended.
bool Node::go_on(LookupId id, Running& running, TimePoint now) {
    while (pending_.size() < kMaxPending) {
        const auto next = running.lookup.poll_ask(now);
        if (!next) break;
        if (is_refused(next->to)) {
            running.lookup.handle_failure(next->to);
            continue;
        }
        ask(next->to, next->id, method_for(running), id, now);
    }
    return !running.lookup.ended();
}

Method Node::method_for(const Running& running) const {
    Want want;
    if (!asked_other_family_) want = {true, true};
    const NodeId& target = running.lookup.target();
    if (std::holds_alternative<PeerSearch>(running.purpose)) return GetPeers{target, want};
    if (std::holds_alternative<ItemSearch>(running.purpose)) return GetItem{target, want};
    return FindNode{target, want};
}

void Node::finish(Running running, TimePoint now) {
    const Lookup& lookup = running.lookup;
    // Removes liars only if enough other nodes answered well. If none did, the fault is probably in our own
    // network.
    if (lookup.responders().size() == Lookup::kNearest)
        for (const Contact& liar : lookup.liars()) table_.remove(liar);
    if (const auto* search = std::get_if<PeerSearch>(&running.purpose)) {
        if (search->announce)
            for (const Lookup::Responder& node : lookup.responders())
                if (!node.token.empty() && !is_refused(node.contact.endpoint))
                    ask(node.contact.endpoint, node.contact.id,
                        AnnouncePeer{lookup.target(), search->announce->port, false, search->announce->seed,
                                     node.token},
                        std::nullopt, now);
        events_.push_back(PeersLookedUp{lookup.target(), search->found, lookup.asked_count(), lookup.hops()});
    } else if (auto* items = std::get_if<ItemSearch>(&running.purpose)) {
        events_.push_back(ItemLookedUp{lookup.target(), std::move(items->newest)});
    } else if (table_.size() >= kFewNodes) {
        retry_ = kFirstRetry;
        once_.clear();
        asked_other_family_ = true;
    }
    if (table_.size() >= kFewNodes || own_lookup_due_ <= now + retry_) return;
    own_lookup_due_ = now + retry_;
    retry_ = std::min(2 * retry_, kLongestRetry);
}

/// Begins what keeps the routing table fresh: a lookup of our own id, a ping of a questionable node, a
/// refresh of a stale bucket.
void Node::keep_place(TimePoint now) {
    if (now >= own_lookup_due_) {
        own_lookup_due_ = now + kOwnLookupInterval;
        begin(id(), NodeSearch{}, table_.size() < kFewNodes ? kParallel : kParallelIdle, now);
    }
    if (const auto silent = table_.poll_ping(now))
        ask(silent->endpoint, silent->id, Ping{}, std::nullopt, now);
    if (const auto target = table_.poll_refresh(now, rng_)) begin(*target, NodeSearch{}, kParallelIdle, now);
}

// ---- sending ----

void Node::send(Datagram datagram, TimePoint now) {
    reachability_.on_sent(datagram.to, now);
    outgoing_.push_back(std::move(datagram));
}

void Node::ask(const Endpoint& to, std::optional<NodeId> expected, Method method,
               std::optional<LookupId> lookup, TimePoint now) {
    std::uint32_t transaction;
    do {
        transaction = fresh_transaction();
    } while (pending_.contains(transaction));
    pending_[transaction] = {to, expected, lookup, now};
    timeouts_.emplace_back(now + kTimeout, transaction);
    const Query query{text_of(transaction), id(), std::move(method), reachability_.read_only(now)};
    send({to, encode(query)}, now);
}

std::optional<Datagram> Node::poll_datagram() {
    if (outgoing_.empty()) return std::nullopt;
    Datagram datagram = std::move(outgoing_.front());
    outgoing_.pop_front();
    return datagram;
}

std::optional<NodeEvent> Node::poll_event() {
    if (events_.empty()) return std::nullopt;
    NodeEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

// ---- receiving ----

void Node::handle_datagram(const Endpoint& from, ByteView datagram, TimePoint now, const Address& to) {
    if (from.address.family() != family_ || is_refused(from)) return;
    auto message = parse_krpc(datagram);
    if (!message) return;
    if (const auto* query = std::get_if<Query>(&*message))
        handle(from, *query, now, to);
    else if (auto* response = std::get_if<Response>(&*message))
        handle(from, *response, now);
    else
        handle(from, std::get<ErrorReply>(*message));
    go_on(now);
}

std::optional<Node::Pending> Node::take_pending(const Endpoint& from, const std::string& transaction) {
    if (transaction.size() != 4) return std::nullopt;
    const auto found = pending_.find(load_big_endian<std::uint32_t>(as_bytes(transaction).data()));
    if (found == pending_.end()) return std::nullopt;
    // A proxy that looks names up does not tell which of them an answer comes from.
    const Endpoint& asked = found->second.to;
    if (asked != from && !asked.address.is_reserved()) return std::nullopt;
    Pending pending = found->second;
    pending_.erase(found);
    return pending;
}

void Node::handle(const Endpoint& from, Response& response, TimePoint now) {
    const auto pending = take_pending(from, response.transaction);
    if (!pending) return;
    reachability_.on_reply();
    if (pending->id && *pending->id != response.sender) table_.handle_failure({*pending->id, from});
    table_.handle_reply({response.sender, from}, now);
    notice_address(from, response.your_endpoint, now);

    // Drops addresses of a narrower scope than the sender's: with them, a node on the Internet could make us
    // send to hosts of our own network.
    std::erase_if(response.values, [&](const Endpoint& peer) {
        return !peer.is_dialable() || !may_tell_of(from.address, peer.address);
    });
    std::erase_if(response.nodes, [&](const Contact& contact) {
        return !may_tell_of(from.address, contact.endpoint.address) || is_refused(contact.endpoint);
    });
    std::vector<Contact> ours, others;
    for (const Contact& contact : response.nodes)
        (contact.endpoint.address.family() == family_ ? ours : others).push_back(contact);
    if (!others.empty()) events_.push_back(OtherFamily{std::move(others)});
    const auto running = pending->lookup ? lookups_.find(*pending->lookup) : lookups_.end();
    if (running == lookups_.end()) return;
    take_results(running->second, response);
    running->second.lookup.handle_reply(pending->to, response.sender, ours, std::move(response.token));
}

void Node::take_results(Running& running, Response& response) {
    if (auto* search = std::get_if<PeerSearch>(&running.purpose); search && !response.values.empty()) {
        search->found += response.values.size();
        events_.push_back(PeersFound{running.lookup.target(), std::move(response.values)});
    }
    auto* items = std::get_if<ItemSearch>(&running.purpose);
    if (!items || !response.item) return;
    const auto age = [](const RawItem& item) { return item.sequence.value_or(0); };
    if (items->newest && age(*items->newest) >= age(*response.item)) return;
    if (proves(items->name, *response.item)) items->newest = std::move(response.item);
}

void Node::handle(const Endpoint& from, const ErrorReply& error) {
    const auto pending = take_pending(from, error.transaction);
    if (!pending || !pending->lookup) return;
    if (const auto running = lookups_.find(*pending->lookup); running != lookups_.end())
        running->second.lookup.handle_failure(pending->to);
}

void Node::notice_address(const Endpoint& from, const std::optional<Endpoint>& ours, TimePoint now) {
    if (!ours || ours->address.family() != family_) return;
    vote_.vote(from.address, ours->address);
    const auto winner = vote_.winner();
    if (!winner || is_secure(id(), *winner)) return;
    table_.rename(secure_id(*winner, rng_));
    own_lookup_due_ = std::min(own_lookup_due_, now);
}

void Node::handle(const Endpoint& from, const Query& query, TimePoint now, const Address& to) {
    reachability_.on_query(from, now);
    if (!budget_.admits(from.address, now)) return;
    Bytes reply = std::visit([](const auto& r) { return encode(r); }, answer(from, query, now));
    budget_.charge(from.address, reply.size(), now);
    send({from, std::move(reply), to}, now);
    const Contact sender{query.sender, from};
    if (query.read_only || !from.is_dialable()) return;
    table_.handle_query(sender, now);
    const bool asked = std::ranges::any_of(pending_, [&](const auto& p) { return p.second.to == from; });
    if (!asked && table_.wants(sender) && pending_.size() < kMaxPending / 2)
        ask(from, query.sender, Ping{}, std::nullopt, now);
}

std::variant<Response, ErrorReply> Node::answer(const Endpoint& from, const Query& query, TimePoint now) {
    Response response;
    response.transaction = query.transaction;
    response.sender = id();
    response.your_endpoint = from;
    const auto error = [&](std::int64_t code, std::string text) {
        return ErrorReply{query.transaction, code, std::move(text)};
    };
    if (const auto* find_node = std::get_if<FindNode>(&query.method)) {
        add_nearest(response, find_node->target, find_node->want);
    } else if (const auto* get = std::get_if<GetItem>(&query.method)) {
        add_nearest(response, get->target, get->want);
    } else if (const auto* get_peers = std::get_if<GetPeers>(&query.method)) {
        const NodeId& info_hash = get_peers->info_hash;
        add_nearest(response, info_hash, get_peers->want);
        if (peer_store_.has_room(info_hash)) response.token = tokens_.make(from.address, info_hash, now);
        response.values = peer_store_.sample(info_hash, kMaxPeersInReply, get_peers->no_seeds, rng_);
        const auto filters = get_peers->scrape ? peer_store_.filters(info_hash) : std::nullopt;
        if (filters) std::tie(response.seed_filter, response.peer_filter) = *filters;
    } else if (const auto* announce = std::get_if<AnnouncePeer>(&query.method)) {
        const Endpoint peer{from.address, announce->implied_port ? from.port : announce->port};
        if (!tokens_.holds(announce->token, from.address, announce->info_hash, now) || peer.port == 0)
            return error(ErrorReply::kProtocol, "invalid token or port");
        if (!peer_store_.add(announce->info_hash, peer, announce->seed, now))
            return error(ErrorReply::kServer, "no room");
    } else if (const auto* unknown = std::get_if<UnknownMethod>(&query.method)) {
        if (!unknown->target) return error(ErrorReply::kUnknownMethod, "unknown method");
        add_nearest(response, *unknown->target, {});
    } else if (std::holds_alternative<BadArguments>(query.method)) {
        return error(ErrorReply::kProtocol, "invalid arguments");
    }
    return response;
}

void Node::add_nearest(Response& response, const NodeId& target, const Want& want) const {
    const bool wants_ours = family_ == AddressFamily::v4 ? want.v4 : want.v6;
    if (wants_ours || want == Want{}) response.nodes = table_.nearest(target, RoutingTable::kBucketSize);
}

// ---- time ----

void Node::handle_timeout(TimePoint now) {
    while (!timeouts_.empty() && now >= timeouts_.front().first) {
        auto node = pending_.extract(timeouts_.front().second);
        timeouts_.pop_front();
        if (node.empty()) continue;
        const Pending& failed = node.mapped();
        if (failed.id) table_.handle_failure({*failed.id, failed.to});
        const auto running = failed.lookup ? lookups_.find(*failed.lookup) : lookups_.end();
        if (running != lookups_.end()) running->second.lookup.handle_failure(failed.to);
    }
    if (now >= expiry_due_) {
        expiry_due_ = now + kExpiryInterval;
        peer_store_.expire(now);
    }
    go_on(now);
}

void Node::handle_network_change(TimePoint now) {
    vote_ = {};
    reachability_ = Reachability(now);
    retry_ = kFirstRetry;
    if (knows_anybody()) own_lookup_due_ = now;
    go_on(now);
}

TimePoint Node::next_timeout() const {
    TimePoint next = std::min(own_lookup_due_, table_.next_timeout());
    if (!timeouts_.empty()) next = std::min(next, timeouts_.front().first);
    if (peer_store_.size() > 0) next = std::min(next, expiry_due_);
    for (const auto& [id, running] : lookups_) next = std::min(next, running.lookup.next_timeout());
    return next;
}

}  // namespace btfs::dht
