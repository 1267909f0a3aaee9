#include "engine/swarm/admission.hpp"

#include <algorithm>

#include "engine/core/address_scope.hpp"

namespace btfs {
namespace {

TimePoint last_useful(const Peer& peer) {
    return std::max({peer.connected, peer.session.last_content_received(), peer.last_uploaded});
}

}  // namespace

Admission::Standing Admission::standing(const Peer& peer, TimePoint now) const {
    const wire::PeerSession& session = peer.session;
    if (!session.greeted())
        return now > peer.connected + kGreetingTime ? Standing::ungreeted : Standing::waiting;
    if (!peer.snubbed && owes_blocked_(peer)) return Standing::needed;
    const bool takes = !session.am_choking() && now < peer.last_uploaded + kUseful;
    if (takes && peer.last_uploaded != TimePoint{}) return Standing::needed;
    if (peer.snubbed) return Standing::silent;
    if (session.content_received() > 0 && now < session.last_content_received() + kUseful)
        return Standing::useful;
    if (session.am_interested() && !session.peer_choking()) return Standing::willing;
    if (session.am_interested() || session.peer_interested()) return Standing::waiting;
    // Without a reader we are interested in no peer. A peer that has sent content before will be useful
    // again.
    return session.content_received() > 0 ? Standing::waiting : Standing::idle;
}

Admission::Rank Admission::rank(const Peer& peer, TimePoint now) const {
    return {standing(peer, now), last_useful(peer), peer.id};
}

bool Admission::may_replace(const Rank& rank, const Peer& peer, TimePoint now) {
    const Duration unused = now - rank.last_useful;
    switch (rank.standing) {
        case Standing::ungreeted:
            return true;
        case Standing::surplus:
            return now >= peer.connected + kGrace;
        case Standing::silent:
            return now >= peer.connected + kGreetingTime;
        case Standing::idle:
            return unused >= kIdle;
        case Standing::waiting:
            return unused >= kWaiting;
        case Standing::willing:
            return unused >= kWilling;
        case Standing::useful:
        case Standing::needed:
            return false;
    }
    return false;
}

Admission::Verdict Admission::judge(const Endpoint& remote, wire::Direction direction, const Room& room,
                                    TimePoint now) const {
    const Address host = remote.address.network();
    std::size_t of_host = 0;
    std::optional<Rank> least;  // the least useful connection of the same host
    for (const auto& [id, peer] : peers_) {
        if (peer->session.remote().address.network() != host) continue;
        // Two dials that cross are one connection soon: Torrent::redundant() chooses once both are greeted.
        if (!peer->session.greeted() && peer->session.direction() != direction) continue;
        ++of_host;
        const Rank r = rank(*peer, now);
        if (may_replace(r, *peer, now) && (!least || r < *least)) least = r;
    }
    const bool plenty = 2 * peers_.size() < room.max_peers;
    const std::size_t limit = is_local(remote.address) ? kMaxPerLocalHost
                              : plenty                 ? kMaxPerHostWithRoom
                                                       : kMaxPerHost;
    // A new connection of a host at its limit replaces one of the same host that is of no use, such as a dead
    // one.
    if (of_host >= limit) return least ? Verdict{true, least->id} : Verdict{};
    std::size_t taken = peers_.size(), limit_of_kind = room.max_peers;
    if (direction == wire::Direction::incoming) {
        taken += room.dialling;
        if (room.fetches) limit_of_kind -= room.max_peers / kDialShare;
        if (incoming() >= limit_of_kind) taken = room.max_peers;
    }
    if (taken < room.max_peers) return {true, kNobody};
    const ConnectionId evicted = replaceable(direction, room.max_peers, now);
    return {evicted != kNobody, evicted};
}

std::size_t Admission::incoming() const {
    return static_cast<std::size_t>(std::ranges::count_if(peers_, [](const auto& entry) {
        return entry.second->session.direction() == wire::Direction::incoming;
    }));
}

ConnectionId Admission::replaceable(wire::Direction newcomer, std::size_t max_peers, TimePoint now) const {
    const bool comes_in = newcomer == wire::Direction::incoming;
    const bool many_came_in = 2 * incoming() >= max_peers;
    std::map<Address, std::size_t> of_host;
    for (const auto& [id, peer] : peers_) ++of_host[peer->session.remote().address.network()];
    std::optional<Rank> least;
    for (const auto& [id, peer] : peers_) {
        Rank r = rank(*peer, now);
        const Address& address = peer->session.remote().address;
        const bool surplus = !is_local(address) && of_host.at(address.network()) > kMaxPerHost;
        if (surplus && r.standing < Standing::useful) r.standing = std::min(r.standing, Standing::surplus);
        // While many connections are incoming, a further one does not replace a peer that we have dialled.
        if (comes_in && many_came_in &&
            (r.standing == Standing::willing || peer->session.direction() == wire::Direction::outgoing))
            continue;
        if (may_replace(r, *peer, now) && (!least || r < *least)) least = r;
    }
    return least ? least->id : kNobody;
}

std::vector<ConnectionId> Admission::least_useful(std::size_t count, TimePoint now) const {
    std::vector<Rank> ranks;
    for (const auto& [id, peer] : peers_)
        if (const Rank r = rank(*peer, now); r.standing != Standing::needed) ranks.push_back(r);
    std::ranges::sort(ranks);
    ranks.resize(std::min(ranks.size(), count));
    std::vector<ConnectionId> ids;
    for (const Rank& r : ranks) ids.push_back(r.id);
    return ids;
}

std::vector<ConnectionId> Admission::inactive(std::size_t max_peers, TimePoint now) const {
    std::vector<Rank> ranks;
    for (const auto& [id, peer] : peers_) {
        const wire::PeerSession& session = peer->session;
        const bool wanted = session.am_interested() || session.peer_interested();
        if (!wanted && now >= std::max(last_useful(*peer), peer->last_wanted) + kInactive)
            ranks.push_back(rank(*peer, now));
    }
    const std::size_t kept = max_peers / 2;
    const std::size_t excess = peers_.size() - std::min(peers_.size(), kept);
    std::ranges::sort(ranks);
    ranks.resize(std::min(ranks.size(), excess));
    std::vector<ConnectionId> ids;
    for (const Rank& r : ranks) ids.push_back(r.id);
    return ids;
}

}  // namespace btfs
