#include "engine/swarm/hedging.hpp"

#include <algorithm>

namespace btfs {

void Hedging::look(TimePoint now) {
    for (const auto& [id, peer] : peers_) {
        const wire::RequestsInFlight& requests = peer->session.requests();
        peer->late = false;
        sums_.clear();
        std::uint64_t sum = 0;
        for (const wire::RequestInFlight& request : requests) sums_.push_back(sum += request.block.size);
        // Goes from the last request to the first: of two requests for a block, one of them cancelled, the
        // first counts.
        PartialPiece* partial = nullptr;
        for (std::size_t i = requests.size(); i-- > 0;) {
            const wire::RequestInFlight& request = requests.begin()[static_cast<std::ptrdiff_t>(i)];
            if (!partial || partial->piece() != request.block.piece)
                partial = picker_.partial(request.block.piece);
            if (!partial) continue;
            Asker* asker = partial->asker(partial->block_at(request.block), id);
            if (!asker) continue;
            asker->bytes_until = sums_[i];
            if (!request.cancelled)
                peer->late = now > asker->expected + kGain;  // ends with the oldest request
        }
    }
}

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
    // Takes the blocks in the order of their arrival, the last one first. Usually only the first is looked
    // at.
    std::ranges::make_heap(coming, {}, &Coming::remaining);
    std::optional<std::uint64_t> still_coming;  // costs a search of all requests, and is rarely needed
    while (!coming.empty()) {
        std::ranges::pop_heap(coming, {}, &Coming::remaining);
        const Coming last = coming.back();
        coming.pop_back();
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

/// Returns how long it takes until the block arrives from the soonest of the peers that were asked for it.
Duration Hedging::remaining_time(const PartialPiece& partial, std::uint32_t block, TimePoint now) const {
    Duration soonest = Duration::max();
    for (const Asker& asker : partial.askers(block)) {
        const auto found = peers_.find(asker.peer);
        if (found == peers_.end()) continue;
        const Peer& asked = *found->second;
        const TimePoint silent_since = std::max(asker.asked, asked.session.last_content_received());
        Duration remaining = asked.estimate.remaining_time(asker.bytes_until, silent_since, now);
        // A peer that is not late yet will be as late or early as with its last block.
        if (!asked.late) remaining = std::min(remaining, asker.expected + asked.lateness - now);
        soonest = std::min(soonest, remaining);
    }
    return soonest;
}

/// Returns the peer, of those not asked for the block and not late already, that will deliver it soonest.
/// Returns null if there is none.
Peer* Hedging::soonest_other(const PartialPiece& partial, std::uint32_t block, TimePoint now) const {
    Peer* best = nullptr;
    Duration best_time = Duration::max();
    for (const auto& [id, peer] : peers_) {
        if (!usable_(*peer, partial.piece()) || partial.asked_of(block, id)) continue;
        const Duration time = peer->delivery_time(partial.payload(block).size, now);
        if (time >= best_time || peer->late) continue;
        best = peer.get();
        best_time = time;
    }
    return best;
}

/// Returns the bytes of cancelled requests that may still arrive. Peers that send nothing do not count.
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
