#include "engine/swarm/silence.hpp"

#include <algorithm>

namespace btfs {

TimePoint Silence::silent_at(const Peer& peer, TimePoint now) {
    const auto oldest = peer.session.requests().oldest();
    if (!oldest) return kNever;
    const Duration patience =
        std::clamp<Duration>(kBlocks * peer.estimate.delivery_time(kBlockSize, now), kShortest, kLongest);
    // Part of a block is a sign of life, but only for a while: whole blocks have to follow.
    const TimePoint asked = std::max(*oldest, peer.session.requests_sent_late(now));
    const TimePoint whole = std::max(asked, peer.session.last_content_received());
    const TimePoint alive = std::max(whole, peer.session.last_progress());
    return std::min(alive + patience, whole + kTrickleFactor * patience);
}

void Silence::set_alarm(Peer& peer, TimePoint at) {
    if (peer.alarm <= at) return;  // the earlier alarm will be set anew when it is due
    alarms_.erase({peer.alarm, peer.id});
    peer.alarm = at;
    alarms_.insert({at, peer.id});
}

Peer* Silence::take_due(TimePoint now) {
    if (alarms_.empty() || alarms_.begin()->first > now) return nullptr;
    Peer& peer = *peers_.at(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    peer.alarm = kNever;
    return &peer;
}

bool Silence::is_alone(const Peer& peer) const {
    return std::ranges::none_of(peers_, [&](const auto& entry) {
        const Peer& other = *entry.second;
        return other.id != peer.id && !other.snubbed && other.session.greeted() &&
               !other.session.peer_choking();
    });
}

}  // namespace btfs
