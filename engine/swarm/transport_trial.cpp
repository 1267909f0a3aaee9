#include "engine/swarm/transport_trial.hpp"

#include <algorithm>
#include <utility>

namespace btfs {

TransportTrial::Moves TransportTrial::look(std::span<const Sight> peers, bool reader_waits, TimePoint now) {
    measure(peers, now);
    const bool waits = std::exchange(waited_, reader_waits) && reader_waits;
    if (trial_) {
        if (now < trial_->began + kLongestTrial && !is_measured(peers)) return {};
        return end(peers, now);
    }
    if (verdict_ != Verdict::none && now >= valid_until_) {
        verdict_ = Verdict::none;
        moved_.clear();
    }
    if (!waits) return {};
    if (verdict_ == Verdict::none) return begin(peers, now);
    return verdict_ == Verdict::utp ? move_losing(peers) : Moves{};
}

void TransportTrial::measure(std::span<const Sight> peers, TimePoint now) {
    std::map<ConnectionId, Watch> next;
    for (const Sight& peer : peers) {
        const auto known = watches_.find(peer.connection);
        // All that it has sent came since then.
        const bool is_new =
            peer.unchoked <= peer.connected + kSoonUnchoked && now < peer.unchoked + kMeasured;
        Watch watch = known != watches_.end() ? known->second
                      : is_new                ? Watch{peer.unchoked}
                                              : Watch{now, peer.received};
        watch.measured = now - watch.since;
        watch.has_queued |= is_queued(peer.reception);
        if (watch.measured > Duration{})
            watch.rate = static_cast<double>(peer.received - watch.received) / seconds(watch.measured);
        next.emplace(peer.connection, watch);
    }
    watches_ = std::move(next);
}

bool TransportTrial::is_queued(const TcpReception& got) {
    return got.round_trip > got.shortest_round_trip * kMostGrowth + kMostQueueing;
}

bool TransportTrial::loses_packets(const TcpReception& got) {
    return got.packets >= kFewestPackets && got.out_of_order * kLossyPart >= got.packets;
}

/// Peers that might send faster over uTP.
std::vector<const TransportTrial::Sight*> TransportTrial::losing(std::span<const Sight> peers) const {
    std::vector<const Sight*> found;
    for (const Sight& peer : peers) {
        if (peer.utp || !loses_packets(peer.reception) || moved_.contains(peer.endpoint)) continue;
        if (peer.unchoked > peer.connected + kSoonUnchoked) continue;
        const Watch& watch = watches_.at(peer.connection);
        if (watch.measured >= kMeasured && !watch.has_queued) found.push_back(&peer);
    }
    return found;
}

TransportTrial::Moves TransportTrial::begin(std::span<const Sight> peers, TimePoint now) {
    const std::vector<const Sight*> candidates = losing(peers);
    const auto over_tcp = static_cast<std::size_t>(std::ranges::count(peers, false, &Sight::utp));
    if (candidates.size() < kFewestPeers || 2 * candidates.size() < over_tcp) return {};
    trial_ = Trial{now, {}, {}};
    Moves moves;
    bool moves_next = true;
    for (const Sight* peer : candidates) {
        Watch& watch = watches_.at(peer->connection);
        (moves_next ? trial_->moved : trial_->stayed).emplace(peer->endpoint, watch.rate);
        if (moves_next) {
            moves.to_utp.push_back(peer->connection);
            moved_.insert(peer->endpoint);
        }
        watch = {now, peer->received};
        moves_next = !moves_next;
    }
    return moves;
}

TransportTrial::Moves TransportTrial::move_losing(std::span<const Sight> peers) {
    Moves moves;
    for (const Sight* peer : losing(peers)) {
        moves.to_utp.push_back(peer->connection);
        moved_.insert(peer->endpoint);
    }
    return moves;
}

bool TransportTrial::is_measured(std::span<const Sight> peers) const {
    const auto measured = std::ranges::count_if(peers, [&](const Sight& peer) {
        return trial_->moved.contains(peer.endpoint) &&
               (!peer.utp || watches_.at(peer.connection).measured >= kMeasuredInTrial);
    });
    return static_cast<std::size_t>(measured) == trial_->moved.size();
}

std::optional<double> TransportTrial::change(std::span<const Sight> peers,
                                             const std::map<Endpoint, double>& before, bool utp) const {
    double then = 0, now = 0;
    for (const auto& [endpoint, rate] : before) {
        const auto peer = std::ranges::find(peers, endpoint, &Sight::endpoint);
        const bool is_gone = peer == peers.end();
        if (is_gone ? !utp : peer->utp != utp) continue;
        if (!is_gone && watches_.at(peer->connection).measured < kMeasured) continue;
        then += rate;
        if (!is_gone) now += watches_.at(peer->connection).rate;
    }
    return then > 0 ? std::optional(now / then) : std::nullopt;
}

TransportTrial::Moves TransportTrial::end(std::span<const Sight> peers, TimePoint now) {
    const Trial trial = *std::exchange(trial_, std::nullopt);
    valid_until_ = now + kValid;
    const auto moved = change(peers, trial.moved, true), stayed = change(peers, trial.stayed, false);
    const bool is_known = moved && stayed;
    verdict_ = is_known && *moved >= *stayed * kFaster ? Verdict::utp : Verdict::tcp;
    Moves moves;
    if (verdict_ == Verdict::utp) {
        moves = move_losing(peers);
    } else if (is_known && *moved < *stayed * kMuchSlower) {
        for (const Sight& peer : peers)
            if (peer.utp && trial.moved.contains(peer.endpoint)) moves.to_tcp.push_back(peer.connection);
    }
    return moves;
}

}  // namespace btfs
