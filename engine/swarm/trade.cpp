#include "engine/swarm/trade.hpp"

#include <utility>

#include "engine/swarm/silence.hpp"

namespace btfs {
namespace {

/// Returns false of a peer that owes blocks and sends nothing. The dispatcher does not call it snubbed while
/// no other could send them.
bool serves(const Peer& peer, TimePoint now) {
    return !peer.snubbed && Silence::silent_at(peer, now) > now;
}

}  // namespace

bool Trade::look(const Demand& demand, const PeerTable& peers, const Picker& picker, TimePoint now) {
    if (now < next_look_) return false;
    next_look_ = now + kLookEvery;
    const auto& blocked = demand.blocked_traders();
    const Duration waits = blocked.empty() ? Duration{} : now - blocked.begin()->due;
    if (waits >= kStarves) {
        starved_ = now;
        has_starved_ = true;
    }
    std::size_t choking = 0, unchoked = 0;
    bool seed_serves = false;
    for (const auto& [id, peer] : peers) {
        if (!peer->session.greeted() || !peer->pieces.useful(picker)) continue;
        if (!peer->session.peer_choking()) {
            ++unchoked;
            seed_serves = seed_serves || (peer->session.is_seed() && serves(*peer, now));
        } else {
            choking += peer->ready_at(now) == kNever;
        }
    }
    if (waits >= kSeedIsSlow) slow_seed_ = now;
    const bool is_fed_by_seed = seed_serves && now >= slow_seed_ + kFed;
    const bool opens = has_starved_ && now < starved_ + kFed && choking > unchoked && !is_fed_by_seed;
    return !std::exchange(open_, opens) && opens;
}

}  // namespace btfs
