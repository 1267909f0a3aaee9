#include "engine/swarm/pex.hpp"

#include <algorithm>

#include "engine/core/address_scope.hpp"

namespace btfs {

void Pex::add_contact(ConnectionId peer, const Endpoint& endpoint, TimePoint now) {
    if (numbers_.contains(peer) || !endpoint.is_dialable()) return;
    const auto [known, is_new] = endpoints_.try_emplace(endpoint, last_number_ + 1);
    numbers_.emplace(peer, known->second);
    if (!is_new) return;
    contacts_.emplace(++last_number_, Contact{peer, endpoint, now});
    on_news(now);
}

void Pex::add_listener(ConnectionId peer, const Address& remote, TimePoint now) {
    const auto [listener, is_new] = listeners_.try_emplace(peer);
    if (!is_new) return;
    listener->second.remote = remote;
    listener->second.drops_until = departure_count();
    // A message that is all but empty would cost the newcomer a minute: while contacts come, it waits.
    if (knows_others_for_long(peer, now)) listener->second.due = now + kGatherKnown;
    on_news(now);
}

void Pex::remove_peer(ConnectionId peer, TimePoint now) {
    listeners_.erase(peer);
    if (const auto number = numbers_.extract(peer)) {
        const auto contact = contacts_.find(number.mapped());
        const auto other =
            std::ranges::find(numbers_, number.mapped(), [](const auto& e) { return e.second; });
        if (other != numbers_.end()) {
            contact->second.peer = other->first;
        } else {
            endpoints_.erase(contact->second.endpoint);
            departures_.push_back({contact->first, contact->second.endpoint});
            contacts_.erase(contact);
        }
    }
    forget_departures();
    on_news(now);
}

/// Forgets departures that every listener was told of, and the oldest ones beyond the limit.
void Pex::forget_departures() {
    std::uint64_t known_to_all = departure_count();
    for (const auto& [id, listener] : listeners_) known_to_all = std::min(known_to_all, listener.drops_until);
    while (!departures_.empty() &&
           (departures_forgotten_ < known_to_all || departures_.size() > kMaxDepartures)) {
        departures_.pop_front();
        ++departures_forgotten_;
    }
}

bool Pex::has_news(const Listener& listener) const {
    return listener.told_until < last_number_ || listener.drops_until < departure_count();
}

/// Returns true if the connection leads to this contact.
bool Pex::is_contact(ConnectionId id, Number contact) const {
    const auto number = numbers_.find(id);
    return number != numbers_.end() && number->second == contact;
}

/// Returns true if there are contacts besides this peer, and no new ones.
bool Pex::knows_others_for_long(ConnectionId id, TimePoint now) const {
    for (auto contact = contacts_.rbegin(); contact != contacts_.rend(); ++contact)
        if (!is_contact(id, contact->first)) return now >= contact->second.came + kGather;
    return false;
}

void Pex::on_news(TimePoint now) {
    next_ = kNever;
    for (auto& [id, listener] : listeners_) {
        if (listener.due == kNever && has_news(listener))
            listener.due = std::max(now + kGather, listener.told + kInterval);
        next_ = std::min(next_, listener.due);
    }
}

std::vector<Pex::Telling> Pex::take_messages(TimePoint now) {
    std::vector<Telling> tellings;
    if (now < next_) return tellings;
    for (auto& [id, listener] : listeners_) {
        if (now < listener.due) continue;
        listener.due = kNever;
        wire::PexMessage message = news_for(id, listener);
        if (message.empty()) continue;
        listener.told = now;
        tellings.push_back({id, std::move(message)});
    }
    on_news(now);  // for the peers that one message had no room for
    return tellings;
}

wire::PexMessage Pex::news_for(ConnectionId id, Listener& listener) const {
    wire::PexMessage message;
    listener.drops_until = std::max(listener.drops_until, departures_forgotten_);
    while (listener.drops_until < departure_count() && message.dropped.size() < kMaxDropped) {
        const Departure& gone = departures_[listener.drops_until++ - departures_forgotten_];
        const bool was_told =
            gone.contact <= listener.told_until && may_tell_of(listener.remote, gone.endpoint.address);
        if (was_told) message.dropped.push_back(gone.endpoint);
    }
    // Adds no contact before all drops are told: told_until must not pass a contact whose drop is still to be
    // told.
    if (listener.drops_until < departure_count()) return message;
    for (auto contact = contacts_.upper_bound(listener.told_until);; ++contact) {
        if (contact == contacts_.end()) {
            listener.told_until = last_number_;
            break;
        }
        if (message.added.size() == kMaxAdded) break;
        const auto& [number, known] = *contact;
        listener.told_until = number;
        if (is_contact(id, number) || !may_tell_of(listener.remote, known.endpoint.address)) continue;
        if (std::erase(message.dropped, known.endpoint) > 0) continue;  // the peer has come back
        message.added.push_back({known.endpoint, flags_of_(known.peer)});
    }
    return message;
}

std::vector<wire::PexPeer> Pex::handle_message(ConnectionId from, const wire::PexMessage& message,
                                               bool want_seeds, TimePoint now) {
    const auto found = listeners_.find(from);
    if (found == listeners_.end()) return {};
    Listener& teller = found->second;
    if (teller.heard_until > now + (kHeardAtOnce - 1) * kHeardInterval) return {};
    teller.heard_until = std::max(teller.heard_until, now) + kHeardInterval;

    std::vector<wire::PexPeer> taken;
    std::set<Address> hosts;
    for (const wire::PexPeer& peer : message.added) {
        const Address& address = peer.endpoint.address;
        if (taken.size() == kMaxTaken) break;
        if (!peer.endpoint.is_dialable() || !may_tell_of(teller.remote, address)) continue;
        if (!want_seeds && (peer.flags & wire::kPexSeed) != 0) continue;
        // Takes one port of each host: a message with many ports of one host is probably an attack (BEP 11).
        // Hosts of our own network may run many peers.
        if (!is_local(address) && !hosts.insert(address).second) continue;
        taken.push_back(peer);
    }
    return taken;
}

}  // namespace btfs
