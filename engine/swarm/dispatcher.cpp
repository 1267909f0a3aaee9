#include "engine/swarm/dispatcher.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

namespace btfs {
namespace {

/// Bytes that may come twice: so many, and this share of what was useful.
constexpr std::uint64_t kDuplicateBytes = 1024 * 1024;
constexpr double kDuplicateShare = 0.03;
/// Of these, left for what comes late from peers that were given up as silent.
constexpr std::uint64_t kDuplicateReserve = 16 * kBlockSize;
/// A block counts as late so much after it was expected, at least.
constexpr Duration kLateGrace = 30ms;
/// A peer is silent when nothing came for so long, or for some times what its next block should take.
constexpr Duration kSilence = 1s;
constexpr int kSilenceFactor = 4;
/// A peer that sends parts of a block, but no whole one, has so many times that.
constexpr int kTrickleFactor = 4;
/// How often a peer that fell silent is tried again with one block.
constexpr Duration kSnubbedRetry = 10s;
constexpr Duration kTouchAfter = 45s;

}  // namespace

void Dispatcher::dispatch(TimePoint now) {
    next_timeout_ = kNever;
    take_from_the_silent(now);
    ask_for_blocked(now);
    hedge_late_blocks(now);
    measure_pace(now);
    for (auto& [id, peer] : world_.peers) fill(*peer, now);
}

Offer Dispatcher::offer_of(PieceIndex piece) {
    switch (world_.picker.state(piece)) {
        case PieceState::missing:
            return Offer::open;
        case PieceState::receiving:
            return world_.picker.partial(piece)->free_count() > 0 ? Offer::open : Offer::in_flight;
        case PieceState::verifying:
            return Offer::in_flight;
        case PieceState::had:
            return Offer::had;
    }
    return Offer::had;
}

void Dispatcher::refresh_offer(PieceIndex piece) {
    if (world_.demand.wants(piece)) world_.demand.set_offer(piece, offer_of(piece));
}

bool Dispatcher::usable(const Peer& peer, PieceIndex piece) const {
    return !peer.snubbed && peer.can_be_asked(piece) && !excluded_(piece, peer);
}

// ---- asking ----

void Dispatcher::ask(Peer& peer, PartialPiece& partial, std::uint32_t block, TimePoint now) {
    const BlockRef& payload = partial.payload(block);
    peer.estimate.on_asked(peer.session.bytes_in_flight(), now);
    peer.last_asked = now;
    if (partial.state(block) == BlockState::asked) hedged_in_flight_ += payload.size;
    peer.session.request(payload, now);
    partial.ask(block, {peer.id, now, now + peer.delivery_time(0, now)});
}

/// The piece's memory and blocks, reserved now if need be; null without credit.
PartialPiece* Dispatcher::receiving(PieceIndex piece, Urgency urgency) {
    if (PartialPiece* partial = world_.picker.partial(piece)) return partial;
    if (world_.picker.state(piece) != PieceState::missing) return nullptr;
    if (no_credit_ && urgency != Urgency::blocked_read) return nullptr;
    PieceBufferPtr buffer = world_.storage.acquire(piece, urgency);
    if (!buffer && make_room(urgency)) buffer = world_.storage.acquire(piece, urgency);
    if (!buffer) {
        no_credit_ = true;
        return nullptr;
    }
    PartialPiece& begun = world_.picker.begin(piece, std::move(buffer));
    if (!begun.complete()) return &begun;
    // All of it is padding: there is nobody to ask, but it has to be verified like any other.
    world_.storage.verify(piece, world_.picker.start_verifying(piece), false);
    return nullptr;
}

/// Lets go of a piece that nobody wants any more, or, for a blocked read, of one that was only begun.
bool Dispatcher::make_room(Urgency urgency) {
    PartialPiece* victim = nullptr;
    for (const auto& [piece, partial] : world_.picker.partials()) {
        const bool wanted = world_.demand.wants(piece);
        if (!wanted && partial->asked_count() == 0 && !background_) {
            victim = partial.get();
            break;
        }
        if (urgency != Urgency::blocked_read || world_.demand.is_blocked_on(piece)) continue;
        if (partial->asked_count() == 0 && (!victim || partial->received_count() < victim->received_count()))
            victim = partial.get();
    }
    if (!victim) return false;
    const PieceIndex piece = victim->piece();
    world_.picker.abandon(piece);
    refresh_offer(piece);
    return true;
}

/// Of the peers that can be asked, the one that will have delivered this block first.
Peer* Dispatcher::soonest(const PartialPiece& partial, std::uint32_t block, bool beyond_target,
                          TimePoint now) {
    Peer* best = nullptr;
    Duration best_time = Duration::max();
    const std::uint32_t size = partial.payload(block).size;
    for (auto& [id, peer] : world_.peers) {
        if (!usable(*peer, partial.piece()) || partial.asked_of(block, id)) continue;
        if (!beyond_target && peer->session.bytes_in_flight() + size > peer->estimate.target_in_flight())
            continue;
        const Duration time = peer->delivery_time(size, now);
        if (time < best_time) {
            best = peer.get();
            best_time = time;
        }
    }
    return best;
}

/// True if a peer that is about to be ready would deliver the block sooner than `asked`: it is left for it.
bool Dispatcher::held_for_newcomer(const Peer& asked, PieceIndex piece, std::uint32_t size, TimePoint now) {
    Peer* best = nullptr;
    Duration best_time = asked.delivery_time(size, now);
    for (auto& [id, peer] : world_.peers) {
        const TimePoint ready = peer->ready_at(now);
        if (ready == kNever || (peer->session.pieces_known() && !peer->session.has(piece))) continue;
        const Duration time = ready - now + peer->delivery_time(peer->held_for_it + size, now);
        if (time >= best_time) continue;
        best = peer.get();
        best_time = time;
    }
    if (!best) return false;
    best->held_for_it += size;
    next_timeout_ = std::min(next_timeout_, now + best->estimate.round_trip() + Peer::kReadySlack);
    return true;
}

// A blocked piece is spread over all peers at once, by when each will have delivered its next block. The
// piece that has waited longest may overfill their queues; those behind it wait for room.
void Dispatcher::ask_for_blocked(TimePoint now) {
    bool first = true;
    std::vector<PieceIndex> touched;
    held_.clear();
    for (auto& [id, peer] : world_.peers) peer->held_for_it = 0;
    for (const Deadline& wanted : world_.demand.blocked()) {
        const bool can_be_asked = std::ranges::any_of(
            world_.peers, [&](const auto& entry) { return usable(*entry.second, wanted.piece); });
        if (!can_be_asked) continue;  // it takes no memory before somebody can send it
        if (offer_of(wanted.piece) == Offer::open) {
            PartialPiece* partial = receiving(wanted.piece, Urgency::blocked_read);
            if (!partial) break;
            touched.push_back(wanted.piece);
            for (std::uint32_t block = partial->first_free(); block < partial->block_count(); ++block) {
                if (partial->state(block) != BlockState::free) continue;
                Peer* peer = soonest(*partial, block, first, now);
                if (!peer) break;
                if (held_for_newcomer(*peer, wanted.piece, partial->payload(block).size, now)) {
                    held_.insert(wanted.piece);
                } else {
                    ask(*peer, *partial, block, now);
                }
            }
        }
        first = false;
    }
    for (PieceIndex piece : touched) refresh_offer(piece);
}

// What a blocked read still needs and is late is asked of the next best peer too, within the budget of
// bytes that may come twice.
void Dispatcher::hedge_late_blocks(TimePoint now) {
    std::optional<std::uint64_t> still_coming;  // it takes a look at all requests, and is rarely needed
    for (const Deadline& wanted : world_.demand.blocked()) {
        PartialPiece* partial = world_.picker.partial(wanted.piece);
        if (!partial) continue;
        for (std::uint32_t block = 0; block < partial->block_count(); ++block) {
            if (partial->state(block) != BlockState::asked) continue;
            const auto askers = partial->askers(block);
            if (askers.size() >= PartialPiece::kMaxAskers) continue;
            const Asker last = askers.back();
            const TimePoint late =
                last.expected + std::max<Duration>(kLateGrace, (last.expected - last.asked) / 2);
            if (now < late) {
                next_timeout_ = std::min(next_timeout_, late);
                continue;
            }
            const auto budget =
                kDuplicateBytes + static_cast<std::uint64_t>(kDuplicateShare * static_cast<double>(useful_));
            if (!still_coming) still_coming = cancelled_in_flight();
            const std::uint64_t spent = wasted_ + hedged_in_flight_ + *still_coming;
            if (spent + kBlockSize + kDuplicateReserve > budget) return;
            if (Peer* peer = soonest(*partial, block, true, now)) {
                ask(*peer, *partial, block, now);
                next_timeout_ = std::min(next_timeout_, now + peer->delivery_time(0, now) + kLateGrace);
            }
        }
    }
}

/// What may still come though it was cancelled; of those who send nothing, nothing is expected.
std::uint64_t Dispatcher::cancelled_in_flight() const {
    std::uint64_t sum = 0;
    for (const auto& [id, peer] : world_.peers) {
        if (peer->snubbed) continue;
        for (const auto& request : peer->session.requests())
            if (request.cancelled) sum += request.block.size;
    }
    return sum;
}

void Dispatcher::take_from_the_silent(TimePoint now) {
    for (auto& [id, peer] : world_.peers) {
        const auto oldest = peer->session.oldest_request();
        if (!oldest) continue;
        const Duration patience =
            std::max<Duration>(kSilence, kSilenceFactor * peer->estimate.delivery_time(kBlockSize, now));
        // Part of a block is a sign of life, but no more than that: whole ones have to come of it.
        const TimePoint whole = std::max(*oldest, peer->session.last_content_received());
        const TimePoint alive = std::max(whole, peer->session.last_progress());
        const TimePoint silent = std::min(alive + patience, whole + kTrickleFactor * patience);
        if (now < silent) {
            next_timeout_ = std::min(next_timeout_, silent);
            continue;
        }
        peer->snubbed = true;
        release(*peer, true, now);
    }
}

void Dispatcher::measure_pace(TimePoint now) {
    total_rate_ = 0;
    typical_delivery_ = Duration::max();
    for (const auto& [id, peer] : world_.peers) {
        if (peer->snubbed || peer->session.peer_choking()) continue;
        const auto rate = peer->estimate.rate();
        if (!rate) continue;
        total_rate_ += *rate;
        typical_delivery_ =
            std::min(typical_delivery_, peer->estimate.delivery_time(peer->estimate.target_in_flight(), now));
    }
}

/// How long the rest of the swarm takes to get to, and through, what lies behind so many free bytes.
Duration Dispatcher::others_reach(const Peer& peer, std::uint64_t bytes_before) const {
    const double others = total_rate_ - peer.estimate.rate().value_or(0);
    if (others <= 0 || typical_delivery_ == Duration::max()) return Duration::max();
    return from_seconds(static_cast<double>(bytes_before) / others) + 2 * typical_delivery_ + kLateGrace;
}

// A peer with room takes the first block that it will not deliver later than the others would get to it: a
// slow peer works further ahead, where it delays nobody.
void Dispatcher::fill(Peer& peer, TimePoint now) {
    if (peer.session.in_flight() >= peer.session.reqq() || !peer.session.greeted()) return;
    if (peer.snubbed && (peer.session.oldest_request() || now < peer.last_asked + kSnubbedRetry)) return;
    const auto has_room = [&] {
        if (peer.snubbed) return !peer.session.oldest_request();
        return peer.session.bytes_in_flight() < peer.estimate.target_in_flight() &&
               peer.session.in_flight() < peer.session.reqq();
    };
    if (!has_room()) return;

    const auto eligible = [&](PieceIndex piece) {
        return peer.session.has(piece) && peer.session.may_request(piece) && !excluded_(piece, peer);
    };
    std::uint64_t bytes_before = 0;
    std::vector<PieceIndex> touched;
    for (const Deadline& wanted : world_.demand.open()) {
        if (!has_room()) break;
        const PartialPiece* begun = world_.picker.partial(wanted.piece);
        const std::uint64_t free_bytes =
            begun ? std::uint64_t{begun->free_count()} * kBlockSize : world_.layout.piece_size(wanted.piece);
        bytes_before += free_bytes;
        if (!eligible(wanted.piece) || held_.contains(wanted.piece)) continue;
        const Duration mine = peer.delivery_time(kBlockSize, now);
        const Duration due = wanted.due > now ? wanted.due - now : Duration{};
        if (mine > due && mine > others_reach(peer, bytes_before - free_bytes)) continue;
        const Urgency urgency = wanted.rank == Rank::blocked ? Urgency::blocked_read : Urgency::readahead;
        if (!fill_from(peer, wanted.piece, urgency, now)) break;
        touched.push_back(wanted.piece);
    }
    for (PieceIndex piece : touched) refresh_offer(piece);

    while (background_ && has_room()) {
        const auto piece = world_.picker.rarest(
            [&](PieceIndex p) {
                return eligible(p) && (!world_.demand.wants(p) || offer_of(p) == Offer::open);
            },
            peer.id * 7919);
        if (!piece || !fill_from(peer, *piece, Urgency::background, now)) break;
        refresh_offer(*piece);
    }
}

/// Asks the peer for free blocks of one piece while it has room; false without memory.
bool Dispatcher::fill_from(Peer& peer, PieceIndex piece, Urgency urgency, TimePoint now) {
    PartialPiece* partial = receiving(piece, urgency);
    if (!partial) return false;
    const std::uint64_t target = peer.snubbed ? 1 : peer.estimate.target_in_flight();
    for (std::uint32_t block; (block = partial->first_free()) < partial->block_count();) {
        if (peer.session.bytes_in_flight() >= target || peer.session.in_flight() >= peer.session.reqq())
            break;
        ask(peer, *partial, block, now);
    }
    return true;
}

void Dispatcher::stay_in_touch(TimePoint now) {
    const std::uint32_t count = world_.layout.piece_count();
    for (auto& [id, peer] : world_.peers) {
        if (peer->session.peer_choking() || peer->session.in_flight() > 0 ||
            now < peer->last_asked + kTouchAfter)
            continue;
        // The piece that the reader will want next, had by this peer.
        for (std::uint32_t i = 0; i < count; ++i) {
            const PieceIndex piece((world_.demand.beyond_windows().value() + i) % count);
            if (offer_of(piece) != Offer::open || !usable(*peer, piece)) continue;
            if (PartialPiece* partial = receiving(piece, Urgency::background)) {
                ask(*peer, *partial, partial->first_free(), now);
                refresh_offer(piece);
            }
            break;
        }
    }
}

PartialPiece* Dispatcher::take_block(Peer& peer, const BlockRef& block, ByteView data, TimePoint now) {
    PartialPiece* partial = world_.picker.partial(block.piece);
    const std::uint32_t index = partial ? partial->block_at(block) : 0;
    if (!partial || !partial->asked_of(index, peer.id)) {
        wasted_ += block.size;
        return nullptr;
    }
    if (!data.empty()) std::ranges::copy(data, partial->place(index).begin());
    useful_ += block.size;
    const std::vector<ConnectionId> others = partial->receive(index, peer.id);
    hedged_in_flight_ -=
        std::min<std::uint64_t>(hedged_in_flight_, others.size() * std::uint64_t{block.size});
    for (ConnectionId other : others)
        if (auto found = world_.peers.find(other); found != world_.peers.end())
            found->second->session.cancel(block, now);
    return partial->complete() ? partial : nullptr;
}

// ---- giving up ----

void Dispatcher::release_block(Peer& peer, const BlockRef& block, TimePoint) {
    PartialPiece* partial = world_.picker.partial(block.piece);
    if (!partial) return;
    const std::uint32_t index = partial->block_at(block);
    if (partial->askers(index).size() > 1 && partial->asked_of(index, peer.id))
        hedged_in_flight_ -= std::min<std::uint64_t>(hedged_in_flight_, block.size);
    partial->unask(index, peer.id);
    refresh_offer(block.piece);
}

void Dispatcher::release(Peer& peer, bool cancel, TimePoint now) {
    std::vector<BlockRef> blocks;
    for (const auto& request : peer.session.requests())
        if (!request.cancelled) blocks.push_back(request.block);
    for (const BlockRef& block : blocks) {
        release_block(peer, block, now);
        if (cancel) peer.session.cancel(block, now);
    }
    for (const BlockRef& block : blocks) {
        PartialPiece* partial = world_.picker.partial(block.piece);
        if (partial && partial->received_count() == 0 && partial->asked_count() == 0 &&
            !world_.demand.wants(block.piece))
            world_.picker.abandon(block.piece);
    }
}

void Dispatcher::drop_unwanted(TimePoint now) {
    if (background_) return;
    std::vector<PieceIndex> empty;
    for (const auto& [piece, partial] : world_.picker.partials()) {
        if (world_.demand.wants(piece)) continue;
        for (std::uint32_t block = 0; block < partial->block_count(); ++block) {
            const std::vector<Asker> askers(partial->askers(block).begin(), partial->askers(block).end());
            for (const Asker& asker : askers) {
                auto peer = world_.peers.find(asker.peer);
                if (peer == world_.peers.end()) continue;
                if (asker.expected <= now + peer->second->estimate.round_trip()) continue;  // comes anyway
                release_block(*peer->second, partial->payload(block), now);
                peer->second->session.cancel(partial->payload(block), now);
            }
        }
        if (partial->asked_count() == 0 && partial->received_count() == 0) empty.push_back(piece);
    }
    for (PieceIndex piece : empty) world_.picker.abandon(piece);
}

}  // namespace btfs
