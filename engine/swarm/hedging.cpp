#include "engine/swarm/hedging.hpp"

#include <algorithm>

namespace btfs {

bool Hedging::hedge(const PartialPiece& partial, TimePoint now,
                    const std::function<void(const Hedge&)>& ask) {
    struct Coming {
        Duration remaining;
        std::uint32_t block;
    };
    std::vector<Coming> coming;
    for (std::uint32_t block = 0; block < partial.block_count(); ++block)
        if (partial.state(block) == BlockState::asked &&
            partial.askers(block).size() < PartialPiece::kMaxAskers)
            coming.push_back({remaining_time(partial, block, now), block});
    std::ranges::sort(coming, std::greater{}, &Coming::remaining);
    std::optional<std::uint64_t> still_coming;  // it takes a look at all requests, and is rarely needed
    for (const Coming& last : coming) {
        Peer* other = soonest_other(partial, last.block, now);
        if (!other) continue;
        const Duration needed = other->delivery_time(kBlockSize, now);
        if (needed + std::max<Duration>(kGain, needed / 4) >= last.remaining) return true;
        const auto budget =
            kDuplicateBytes + static_cast<std::uint64_t>(kDuplicateShare * static_cast<double>(useful_));
        if (!still_coming) still_coming = cancelled_in_flight();
        if (wasted_ + in_flight_ + *still_coming + kBlockSize + kDuplicateReserve > budget) return false;
        ask({last.block, other});
    }
    return true;
}

/// How long until the first of those who were asked for the block will have sent it.
Duration Hedging::remaining_time(const PartialPiece& partial, std::uint32_t block, TimePoint now) const {
    Duration soonest = Duration::max();
    for (const Asker& asker : partial.askers(block)) {
        const auto found = peers_.find(asker.peer);
        if (found == peers_.end()) continue;
        const Peer& asked = *found->second;
        const TimePoint silent_since = std::max(asker.asked, asked.session.last_content_received());
        Duration remaining = asked.estimate.remaining_time(
            asked.session.requests().bytes_until(partial.payload(block)), silent_since, now);
        // Who is not late by now will be as late, or as early, as its last block was.
        if (!is_late(asked, now)) remaining = std::min(remaining, asker.expected + asked.lateness - now);
        soonest = std::min(soonest, remaining);
    }
    return soonest;
}

/// The oldest block that is asked of the peer should have come.
bool Hedging::is_late(const Peer& peer, TimePoint now) const {
    for (const auto& request : peer.session.requests()) {
        if (request.cancelled) continue;
        const PartialPiece* partial = picker_.partial(request.block.piece);
        if (!partial) continue;
        for (const Asker& asker : partial->askers(partial->block_at(request.block)))
            if (asker.peer == peer.id) return now > asker.expected + kGain;
    }
    return false;
}

/// Who else can be asked for the block, and will have delivered it first; nobody who is late already.
Peer* Hedging::soonest_other(const PartialPiece& partial, std::uint32_t block, TimePoint now) const {
    Peer* best = nullptr;
    Duration best_time = Duration::max();
    for (const auto& [id, peer] : peers_) {
        if (!usable_(*peer, partial.piece()) || partial.asked_of(block, id)) continue;
        const Duration time = peer->delivery_time(partial.payload(block).size, now);
        if (time >= best_time || is_late(*peer, now)) continue;
        best = peer.get();
        best_time = time;
    }
    return best;
}

/// What may still come though it was cancelled; of those who send nothing, nothing is expected.
std::uint64_t Hedging::cancelled_in_flight() const {
    std::uint64_t sum = 0;
    for (const auto& [id, peer] : peers_) {
        if (peer->snubbed) continue;
        for (const auto& request : peer->session.requests())
            if (request.cancelled) sum += request.block.size;
    }
    return sum;
}

}  // namespace btfs
