#include "engine/swarm/holepunch.hpp"

#include <algorithm>
#include <utility>

#include "engine/core/address_scope.hpp"

namespace btfs {
namespace {

using wire::HolepunchMessage;
using Type = HolepunchMessage::Type;
using Failure = HolepunchMessage::Failure;

/// Returns the endpoint at which a uTP connection from elsewhere has the best chance to reach the peer: a NAT
/// has opened the port of a uTP connection; that of a TCP connection leads nowhere.
const Endpoint& utp_endpoint(const Peer& peer) {
    return peer.utp || !peer.dial_endpoint ? peer.session.remote() : *peer.dial_endpoint;
}

/// Returns true if the peer is connected from there, was dialled there, or says that it listens there.
bool is_at(const Peer& peer, const Endpoint& endpoint) {
    if (peer.session.remote() == endpoint || peer.dial_endpoint == endpoint) return true;
    return peer.session.remote().address == endpoint.address &&
           peer.session.extended().listen_port == endpoint.port;
}

}  // namespace

/// Returns the connected peer that is there, if possible one that speaks ut_holepunch; null if there is none.
const Peer* Holepunch::find(const Endpoint& endpoint) const {
    const Peer* found = nullptr;
    for (const auto& [id, peer] : peers_) {
        if (peer->is_web_seed || !peer->session.greeted() || !is_at(*peer, endpoint)) continue;
        if (!found || peer->session.understands_holepunch()) found = peer.get();
    }
    return found;
}

// ---- as a relay ----

std::vector<Holepunch::Telling> Holepunch::handle_rendezvous(ConnectionId from, const Endpoint& target,
                                                             TimePoint now) {
    Account& account = accounts_[from];
    if (now < account.relayed.ready_at(kRelayInterval, kRelayedAtOnce)) return {};
    account.relayed.take(kRelayInterval, now);

    const auto refusal = [&](Failure failure) -> std::vector<Telling> {
        return {{from, {Type::error, target, failure}}};
    };
    const Peer& initiator = *peers_.at(from);
    if (!target.is_dialable()) return refusal(Failure::no_such_peer);
    if (is_ours_(target)) return refusal(Failure::no_self);
    const Peer* peer = find(target);
    if (!peer) return refusal(Failure::not_connected);
    if (peer == &initiator) return refusal(Failure::no_such_peer);
    if (!peer->session.understands_holepunch()) return refusal(Failure::no_support);
    const Endpoint& there = utp_endpoint(*peer);
    const Endpoint& here = utp_endpoint(initiator);
    // Neither can do anything with an address of the other's own network, or of another family.
    const bool can_meet = there.address.family() == here.address.family() &&
                          may_tell_of(here.address, there.address) &&
                          may_tell_of(there.address, here.address);
    if (!can_meet) return refusal(Failure::not_connected);
    Allowance& sent = accounts_[peer->id].sent;
    if (now < sent.ready_at(kRelayInterval, kRelayedAtOnce)) return {};
    sent.take(kRelayInterval, now);
    return {{peer->id, {Type::connect, here}}, {from, {Type::connect, there}}};
}

// ---- as initiator ----

void Holepunch::on_told(ConnectionId teller, const wire::PexPeer& told, bool failed, TimePoint now) {
    if ((told.flags & wire::kPexHolepunch) == 0) return;
    auto& endpoints = tellers_[teller];
    if (endpoints.size() >= kMaxTold && !endpoints.contains(told.endpoint)) return;
    endpoints.insert_or_assign(told.endpoint, Told{(told.flags & wire::kPexReachable) != 0});
    changed_ = true;
    if (failed && !was_asked_for(told.endpoint, now)) want(told.endpoint, {now, true});
}

void Holepunch::want(const Endpoint& endpoint, const Wanted& wanted) {
    if (wanted_.size() >= kMaxWanted && !wanted_.contains(endpoint)) return;
    wanted_.insert_or_assign(endpoint, wanted);
    changed_ = true;
}

void Holepunch::on_dropped(ConnectionId teller, const Endpoint& endpoint) {
    if (const auto told = tellers_.find(teller); told != tellers_.end()) told->second.erase(endpoint);
}

void Holepunch::on_dial_begun(const Endpoint& endpoint, TimePoint now) {
    if (was_asked_for(endpoint, now)) {
        wanted_.erase(endpoint);
    } else {
        want(endpoint, {now});
    }
}

void Holepunch::on_dial_failed(const Endpoint& endpoint, TimePoint now) {
    if (was_asked_for(endpoint, now) || !is_told_of(endpoint)) {
        wanted_.erase(endpoint);
    } else {
        want(endpoint, {now, true});
    }
}

bool Holepunch::can_relay(ConnectionId teller) const {
    const auto peer = peers_.find(teller);
    return peer != peers_.end() && peer->second->session.understands_holepunch();
}

bool Holepunch::is_told_of(const Endpoint& endpoint) const {
    return std::ranges::any_of(tellers_, [&](const auto& teller) {
        return teller.second.contains(endpoint) && can_relay(teller.first);
    });
}

std::pair<ConnectionId, TimePoint> Holepunch::relay_for(const Endpoint& endpoint) const {
    std::pair<ConnectionId, TimePoint> first{kNobody, kNever};
    for (const auto& [teller, endpoints] : tellers_) {
        if (!endpoints.contains(endpoint) || !can_relay(teller)) continue;
        const auto account = accounts_.find(teller);
        const TimePoint ready = account == accounts_.end()
                                    ? TimePoint{}
                                    : account->second.asked.ready_at(kAskInterval, kAskedAtOnce);
        if (first.first == kNobody || ready < first.second) first = {teller, ready};
    }
    return first;
}

TimePoint Holepunch::due(const Endpoint& endpoint, const Wanted& wanted, bool hurry) const {
    const auto [relay, ready] = relay_for(endpoint);
    if (relay == kNobody) return kNever;
    if (wanted.failed) return std::max(wanted.since, ready);
    const bool reachable = std::ranges::any_of(tellers_, [&](const auto& teller) {
        const auto told = teller.second.find(endpoint);
        return told != teller.second.end() && told->second.reachable;
    });
    if (reachable && !hurry) return kNever;  // until the dial has failed
    return std::max(wanted.since + (reachable || !hurry ? kHeadStart : Duration{}), ready);
}

std::vector<Holepunch::Telling> Holepunch::take_messages(bool hurry, TimePoint now) {
    if (!std::exchange(changed_, false) && hurry == hurry_ && now < next_) return {};
    hurry_ = hurry;
    std::vector<Telling> tellings;
    std::erase_if(wanted_, [&](const auto& entry) {
        const auto& [endpoint, wanted] = entry;
        const bool hopeless = wanted.failed && relay_for(endpoint).first == kNobody;
        if (hopeless || find(endpoint)) return true;
        if (due(endpoint, wanted, hurry) > now) return false;
        if (asked_.size() >= kMaxAsked)
            std::erase_if(asked_, [&](const auto& asked) { return now >= asked.second.at + kAskAgain; });
        if (asked_.size() >= kMaxAsked) return true;
        const ConnectionId relay = relay_for(endpoint).first;
        accounts_[relay].asked.take(kAskInterval, now);
        asked_.insert_or_assign(endpoint, Asked{relay, now});
        tellings.push_back({relay, {Type::rendezvous, endpoint}});
        return true;
    });
    next_ = kNever;
    for (const auto& [endpoint, wanted] : wanted_) next_ = std::min(next_, due(endpoint, wanted, hurry));
    return tellings;
}

bool Holepunch::was_asked_for(const Endpoint& endpoint, TimePoint now) {
    const auto asked = asked_.find(endpoint);
    if (asked == asked_.end()) return false;
    if (now < asked->second.at + kAskAgain) return true;
    asked_.erase(asked);
    return false;
}

void Holepunch::handle_error(ConnectionId relay, const Endpoint& target, TimePoint now) {
    const auto asked = asked_.find(target);
    if (asked == asked_.end() || asked->second.relay != relay) return;
    asked_.erase(asked);
    on_dropped(relay, target);
    if (is_told_of(target)) want(target, {now, true});  // by another one
}

// ---- as initiator and target ----

bool Holepunch::handle_connect(ConnectionId relay, const Endpoint& endpoint, TimePoint now) {
    if (!endpoint.is_dialable() || endpoint.port < kLeastPort || is_ours_(endpoint)) return false;
    if (!may_tell_of(peers_.at(relay)->session.remote().address, endpoint.address)) return false;
    const auto is_there = [&](const auto& entry) { return is_at(*entry.second, endpoint); };
    if (std::ranges::any_of(peers_, is_there)) return false;
    Allowance& of_relay = accounts_[relay].dialled;
    if (now < of_relay.ready_at(kRelayPause, kOfRelayAtOnce)) return false;
    if (now < in_all_.ready_at(kPause, kInAllAtOnce)) return false;
    if (!may_dial_host(endpoint, now)) return false;
    of_relay.take(kRelayPause, now);
    in_all_.take(kPause, now);
    return true;
}

/// Counts the dial, too. Hosts of our own network may run many peers.
bool Holepunch::may_dial_host(const Endpoint& endpoint, TimePoint now) {
    if (is_local(endpoint.address)) return true;
    const Address host = endpoint.address.network();
    if (!hosts_.contains(host) && hosts_.size() >= kMaxHosts) {
        std::erase_if(hosts_, [&](const auto& counted) { return counted.second.is_full(now); });
        if (hosts_.size() >= kMaxHosts) return false;
    }
    Allowance& of_host = hosts_[host];
    if (now < of_host.ready_at(kHostPause, kOfHostAtOnce)) return false;
    of_host.take(kHostPause, now);
    return true;
}

}  // namespace btfs
