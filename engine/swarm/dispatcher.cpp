#include "engine/swarm/dispatcher.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace btfs {
namespace {

/// A request counts as overlooked, and its block is asked for again, once the peer has answered a request
/// that was sent this much later.
constexpr Duration kOverlookedAfter = 2s;
/// Interval at which a silent peer is asked for one block, as a test.
constexpr Duration kSnubbedRetry = 10s;
/// Limits the work for blocked pieces: only so many are searched for late blocks, and spreading ends once so
/// many in a row could not be asked of any peer.
constexpr int kBlockedAtOnce = 64;
/// Delay until a peer that would have delivered a block too late is considered for it again.
constexpr Duration kLookAgain = 100ms;
/// Delay until peers of whose addresses too much was taken are considered again.
constexpr Duration kTakeAgain = 1s;
/// Time before a reader gets to a piece from which on it is asked of peers beyond the limit, too, once that
/// yields.
constexpr Duration kWithinLimitFirst = 10s;
/// Age up to which a measured pace of the swarm is used.
constexpr Duration kPaceMemory = 50ms;

}  // namespace

void Dispatcher::on_peer_changed(Peer& peer) {
    settle_account(peer);
    count_taken(peer);
    if (std::exchange(peer.changed, true)) return;
    changed_.push_back(peer.id);
}

void Dispatcher::on_peer_offers(Peer& peer) {
    on_peer_changed(peer);
    blocked_news_ = true;
}

void Dispatcher::take_over(Peer& peer) {
    peer.changed = peer.hungry = false;
    peer.alarm = kNever;
    on_peer_changed(peer);
}

void Dispatcher::on_peer_gone(Peer& peer) {
    settle_account(peer);
    count_taken(peer);
    // The peer may have sent what was asked of it, and counts that; a silent peer has sent nothing.
    if (peer.snubbed) peer.account->taken -= peer.session.requests().bytes();
    if (peer.limited) share_.give_back(peer.session.requests().bytes());
    hungry_.erase(peer.id);
    silence_.on_peer_gone(peer);
}

void Dispatcher::dispatch(TimePoint now) {
    dispatched_at_ = now;
    last_resort_.clear();
    ring_alarms(now);
    if (trade_.look(world_.demand, world_.peers, world_.picker, now)) work_news_ = true;
    if (share_.begin_turn(now)) on_demand_changed();  // all that was held back is looked at again
    if (blocked_news_ || now >= held_until_) ask_for_blocked(now);
    if (now >= hedge_at_) hedge_late(now);
    fill_changed(now);
    if (held_by_take_limit_) retry_at_ = std::min(retry_at_, now + kTakeAgain);
    share_.end_turn();
}

void Dispatcher::set_limit(std::optional<std::uint64_t> own, bool heeds_process, TimePoint now) {
    share_.set_own(own, heeds_process, now);
    on_demand_changed();  // all that was held back is looked at again
}

TimePoint Dispatcher::next_timeout() const {
    return std::min({silence_.next(), held_until_, hedge_at_, retry_at_, share_.ready_at(),
                     trade_.next_look(world_.demand)});
}

Offer Dispatcher::offer_of(PieceIndex piece) const {
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
    if (!world_.demand.wants(piece)) return;
    const Offer offer = offer_of(piece);
    if (world_.demand.set_offer(piece, offer) && offer == Offer::open) on_demand_changed();
}

bool Dispatcher::usable(const Peer& peer, PieceIndex piece) const {
    return !peer.snubbed && peer.can_be_asked(piece) && !excluded_(piece, peer) && may_take(peer, piece);
}

// ---- limits ----

/// Asks the limit of what is taken from the peer's address, and the process's limit of downloads, for one
/// block. Called right before each ask().
bool Dispatcher::may_ask(Peer& peer, const BlockRef& block, Urgency urgency, TimePoint now) {
    if (!may_take(peer, block.piece)) return false;
    if (!peer.limited) return true;
    if (!share_.take(block.size, urgency, now)) return false;
    peer.request_granted += block.size;
    return true;
}

/// Gives back what requests took that ended without a block, and charges for blocks that came though their
/// requests had ended.
void Dispatcher::settle_account(Peer& peer) {
    if (!peer.limited) return;
    const std::uint64_t used = peer.session.content_received() + peer.session.requests().bytes();
    const std::uint64_t granted = std::exchange(peer.request_granted, used);
    granted > used ? share_.give_back(granted - used) : share_.charge(used - granted);
}

void Dispatcher::on_announced(PieceIndex piece) {
    world_.take_limit.on_announced(world_.layout.piece_size(piece));
    if (held_by_take_limit_) on_demand_changed();
}

/// Brings the account of the peer's address up to what has come from the peer and is asked of it.
void Dispatcher::count_taken(Peer& peer) {
    const std::uint64_t taken = peer.session.content_received() + peer.session.requests().bytes();
    peer.account->taken += taken - std::exchange(peer.counted_taken, taken);  // unsigned: may be less, too
}

/// Returns false if the piece may not be asked of the peer until we announce more. While pieces are evicted,
/// announcements do not grow with what comes: peers within the limit have a head start, and no more.
bool Dispatcher::may_take(const Peer& peer, PieceIndex piece) const {
    if (within_limit(peer)) return true;
    if (world_.take_limit.yields_to_readers() &&
        world_.demand.is_due_by(dispatched_at_ + kWithinLimitFirst, piece))
        return true;
    held_by_take_limit_ = true;
    return is_last_resort(piece);
}

/// Returns true if a read waits for the piece, or it is begun, and nobody within the limit can send it. Such
/// a piece is exempt: else the read would wait for ever, and the begun piece would never be announced. Once
/// the limit yields, so is all that readers want.
bool Dispatcher::is_last_resort(PieceIndex piece) const {
    const bool yields = world_.take_limit.yields_to_readers() && world_.demand.wants(piece);
    if (!world_.demand.is_blocked_on(piece) && !world_.picker.partial(piece) && !yields) return false;
    const auto [known, is_new] = last_resort_.try_emplace(piece, false);
    if (is_new)
        known->second = std::ranges::none_of(world_.peers, [&](const auto& entry) {
            const Peer& other = *entry.second;
            return !other.snubbed && other.session.has(piece) && other.session.may_request(piece) &&
                   !excluded_(piece, other) && within_limit(other);
        });
    return known->second;
}

// ---- asking ----

void Dispatcher::ask(Peer& peer, PartialPiece& partial, std::uint32_t block, TimePoint now) {
    const BlockRef& payload = partial.payload(block);
    peer.estimate.on_asked(peer.session.requests().bytes(), now);
    peer.last_asked = now;
    if (partial.state(block) == BlockState::asked) hedging_.on_asked_again(payload.size);
    peer.session.request(payload, now);
    count_taken(peer);
    const TimePoint expected = now + peer.delivery_time(0, now);
    partial.ask(block, {peer.id, now, expected, peer.session.requests().bytes()});
    if (world_.demand.is_blocked_on(partial.piece()) || in_endgame())
        hedge_at_ = std::min(hedge_at_, now + Hedging::kEvery);
    silence_.set_alarm(peer, Silence::silent_at(peer, now));
}

// ---- blocked reads ----

// Spreads the blocks of blocked pieces over all peers: each block goes to the peer that will deliver it
// soonest. This may be a peer that is not ready yet; the block is then kept for it.
void Dispatcher::ask_for_blocked(TimePoint now) {
    blocked_news_ = false;
    work_news_ = true;  // blocks that were held may be asked for now
    held_until_ = kNever;
    held_.clear();
    hedge_at_ = now;  // a block asked for ahead may block a read now
    look_ahead(now);

    std::vector<PieceIndex> touched;
    int in_vain = 0;
    for (const Deadline& wanted : world_.demand.open()) {
        if (wanted.rank != Rank::blocked || in_vain == kBlockedAtOnce) break;
        in_vain = spread(wanted.piece, now) ? 0 : in_vain + 1;
        touched.push_back(wanted.piece);
    }
    for (PieceIndex piece : touched) refresh_offer(piece);
}

void Dispatcher::look_ahead(TimePoint now) {
    prospects_.clear();
    for (auto& [id, peer] : world_.peers) {
        peer->left_for_it = 0;
        prospects_.push_back({peer.get(), peer->ready_at(now), peer->estimate.forecast(now)});
    }
}

/// Asks peers for the free blocks of a blocked piece. Returns false if no peer could be asked.
bool Dispatcher::spread(PieceIndex piece, TimePoint now) {
    struct Candidate {
        Duration time;
        Prospect* prospect;
        bool ready;
        bool operator<(const Candidate& other) const {  // makes the soonest the heap's top
            return time != other.time ? time > other.time : prospect > other.prospect;
        }
    };
    const auto time_for = [&](const Prospect& prospect, bool ready) {
        const Peer& peer = *prospect.peer;
        return (ready ? Duration{} : prospect.ready - now) +
               prospect.forecast.delivery_time(peer.session.requests().bytes() + peer.left_for_it +
                                               kBlockSize);
    };
    const auto can_take_one = [&](const Prospect& prospect) {
        return has_room(*prospect.peer, prospect.forecast.burst_in_flight()) &&
               !is_held(*prospect.peer, Urgency::blocked_read);
    };
    std::vector<Candidate> candidates;
    bool anybody_is_ready = false, anybody_takes_one = false;
    for (Prospect& prospect : prospects_) {
        const Peer& peer = *prospect.peer;
        if (usable(peer, piece)) {
            candidates.push_back({time_for(prospect, true), &prospect, true});
            anybody_is_ready = true;
            anybody_takes_one = anybody_takes_one || can_take_one(prospect);
        } else if (prospect.ready != kNever) {
            if ((peer.session.pieces_known() && !peer.session.has(piece)) || excluded_(piece, peer)) continue;
            if (!may_take(peer, piece)) continue;
            candidates.push_back({time_for(prospect, false), &prospect, false});
            anybody_takes_one = true;
        }
    }
    // Reserves no memory before a peer can send the piece.
    if (!anybody_is_ready || !anybody_takes_one) return false;
    PartialPiece* partial = receiving(piece, Urgency::blocked_read);
    if (!partial) return false;

    std::make_heap(candidates.begin(), candidates.end());
    bool asked = false;
    for (std::uint32_t block = partial->first_free(); block < partial->block_count() && !candidates.empty();
         ++block) {
        if (partial->state(block) != BlockState::free) continue;
        std::pop_heap(candidates.begin(), candidates.end());
        Candidate& best = candidates.back();
        Peer& peer = *best.prospect->peer;
        if (best.ready) {
            if (peer.session.requests().size() >= peer.session.reqq() ||
                is_held(peer, Urgency::blocked_read)) {
                candidates.pop_back();
                continue;
            }
            // The soonest peer may have a full queue: the block is kept for it until it has room.
            if (!can_take_one(*best.prospect)) {
                peer.left_for_it += kBlockSize;
            } else if (!may_ask(peer, partial->payload(block), Urgency::blocked_read, now)) {
                candidates.pop_back();
                continue;
            } else {
                const bool was_idle = peer.session.requests().bytes() == 0;
                ask(peer, *partial, block, now);
                if (was_idle) best.prospect->forecast = peer.estimate.forecast(now);
                asked = true;
            }
        } else {
            peer.left_for_it += kBlockSize;
            held_.insert(piece);
            held_until_ = std::min(held_until_, now + peer.estimate.round_trip() + Peer::kReadySlack);
        }
        best.time = time_for(*best.prospect, best.ready);
        std::push_heap(candidates.begin(), candidates.end());
    }
    return asked;
}

// Asks a second peer for a block that a blocked read waits for, or that is among the last of all, if the
// second peer will deliver sooner. The budget for bytes that come twice limits this.
void Dispatcher::hedge_late(TimePoint now) {
    hedge_at_ = kNever;
    int looked_at = 0;
    for (const Deadline& wanted : world_.demand.blocked()) {
        if (++looked_at > kBlockedAtOnce) return;
        PartialPiece* partial = world_.picker.partial(wanted.piece);
        if (partial && !hedge(*partial, now)) return;
    }
    if (!in_endgame()) return;
    for (const auto& [piece, partial] : world_.picker.partials())
        if (++looked_at > kBlockedAtOnce || !hedge(*partial, now)) return;
}

/// Asks for the late blocks of a piece again. Returns false once the budget is spent.
bool Dispatcher::hedge(PartialPiece& partial, TimePoint now) {
    // Idle peers take free blocks first. A block is asked for twice only if none is free.
    if (partial.free_count() > 0) return true;
    if (hedge_at_ == kNever) hedging_.look(now);
    hedge_at_ = now + Hedging::kEvery;
    return hedging_.hedge(partial, now, [&](const Hedging::Hedge& hedge) {
        if (!may_ask(*hedge.peer, partial.payload(hedge.block), Urgency::blocked_read, now)) return;
        ask(*hedge.peer, partial, hedge.block, now);
        ++hedges_;
    });
}

/// Returns true if all that is fetched in the background is under way.
bool Dispatcher::in_endgame() const {
    return has_background_work() && world_.picker.all_under_way();
}

// ---- silent peers ----

void Dispatcher::ring_alarms(TimePoint now) {
    while (Peer* due = silence_.take_due(now)) {
        Peer& peer = *due;
        on_peer_changed(peer);
        release_asked_before(peer.session.requests().answered_until() - kOverlookedAfter, peer, true, now);
        if (!peer.session.requests().oldest()) continue;
        if (const TimePoint silent = Silence::silent_at(peer, now); silent > now) {
            silence_.set_alarm(peer, silent);
        } else if (silence_.is_alone(peer)) {
            silence_.set_alarm(peer, now + Silence::kShortest);  // no other peer could send its blocks
        } else {
            peer.snubbed = true;
            release(peer, true, now);
        }
    }
}

// ---- filling queues ----

void Dispatcher::measure_pace(TimePoint now) {
    if (now < pace_measured_ + kPaceMemory) return;
    pace_measured_ = now;
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

/// Returns how long the other peers take to fetch `bytes_before` free bytes and the block behind them.
Duration Dispatcher::others_reach(const Peer& peer, std::uint64_t bytes_before) const {
    const double others = total_rate_ - peer.estimate.rate().value_or(0);
    if (others <= 0 || typical_delivery_ == Duration::max()) return Duration::max();
    return from_seconds(static_cast<double>(bytes_before) / others) + 2 * typical_delivery_ + Hedging::kGain;
}

void Dispatcher::fill_changed(TimePoint now) {
    if (work_news_ || now >= retry_at_) {
        for (ConnectionId id : hungry_) on_peer_changed(*world_.peers.at(id));
        work_news_ = false;
        held_by_take_limit_ = false;
        retry_at_ = kNever;
    }
    if (changed_.empty()) return;
    measure_pace(now);
    std::vector<Peer*> changed;
    for (ConnectionId id : std::exchange(changed_, {})) {
        const auto found = world_.peers.find(id);
        if (found == world_.peers.end()) continue;
        found->second->changed = false;
        changed.push_back(found->second.get());
    }
    for (Peer* peer : changed) fill(*peer, now);
    // The limit of downloads may not let both through: pieces that readers want of any peer go first.
    for (Peer* peer : changed) fill_unread(*peer, now);
    for (Peer* peer : changed) {
        const bool hungry = peer->session.greeted() && has_room(*peer, limit_for(*peer, Rank::blocked, now));
        if (hungry == std::exchange(peer->hungry, hungry)) continue;
        hungry ? void(hungry_.insert(peer->id)) : void(hungry_.erase(peer->id));
    }
}

bool Dispatcher::has_room(const Peer& peer, std::uint64_t limit) const {
    if (peer.session.requests().size() >= peer.session.reqq()) return false;
    if (peer.snubbed) return !peer.session.requests().oldest();
    return peer.session.requests().bytes() < limit;
}

/// Returns how many bytes of pieces of this rank to keep in flight at the peer.
std::uint64_t Dispatcher::limit_for(const Peer& peer, Rank rank, TimePoint now) const {
    return rank == Rank::blocked ? peer.estimate.burst_in_flight(now) : peer.estimate.target_in_flight();
}

// Asks a peer with room for the first blocks that the other peers would not deliver sooner. So a slow peer
// fetches blocks further ahead, where it delays no reader.
void Dispatcher::fill(Peer& peer, TimePoint now) {
    if (!may_be_useful(peer) || !has_room(peer, limit_for(peer, Rank::blocked, now))) return;
    if (peer.snubbed) return probe(peer, now);
    std::uint64_t bytes_before = 0;
    std::vector<PieceIndex> touched;
    PeerEstimate::Forecast forecast = peer.estimate.forecast(now);
    const std::uint64_t target = peer.estimate.target_in_flight();
    for (const Deadline& wanted : world_.demand.open()) {
        const std::uint64_t limit = wanted.rank == Rank::blocked ? forecast.burst_in_flight() : target;
        if (!has_room(peer, limit)) break;
        const PartialPiece* begun = world_.picker.partial(wanted.piece);
        const std::uint64_t free_bytes =
            begun ? std::uint64_t{begun->free_count()} * kBlockSize : world_.layout.piece_size(wanted.piece);
        bytes_before += free_bytes;
        if (!usable(peer, wanted.piece) || held_.contains(wanted.piece)) continue;
        const Duration mine = forecast.delivery_time(peer.session.requests().bytes() + kBlockSize);
        const Duration due = wanted.due > now ? wanted.due - now : Duration{};
        if (mine > due && mine > others_reach(peer, bytes_before - free_bytes)) {
            retry_at_ = std::min(retry_at_, now + kLookAgain);
            continue;
        }
        const Urgency urgency = wanted.rank == Rank::blocked ? Urgency::blocked_read : Urgency::readahead;
        if (!fill_from(peer, wanted.piece, urgency, limit, now)) break;
        forecast = peer.estimate.forecast(now);
        touched.push_back(wanted.piece);
        if (offer_of(wanted.piece) == Offer::open) break;  // the rest of this piece comes before all others
    }
    for (PieceIndex piece : touched) refresh_offer(piece);
}

/// Without this check, each message of a peer that cannot be asked for anything would cost a search of all
/// pieces.
bool Dispatcher::may_be_useful(const Peer& peer) const {
    return peer.session.greeted() && peer.session.may_request_any() && peer.pieces.useful(world_.picker);
}

// Asks a silent peer for one block to learn whether it is back: a block that can wait, or the first one if no
// other peer can be asked.
void Dispatcher::probe(Peer& peer, TimePoint now) {
    const bool only = silence_.is_alone(peer);
    const TimePoint retry = peer.last_asked + (only ? Silence::kShortest : kSnubbedRetry);
    if (now < retry) return silence_.set_alarm(peer, retry);
    const auto asked_for = [&](const Deadline& wanted) {
        if (!peer.can_be_asked(wanted.piece) || excluded_(wanted.piece, peer)) return false;
        const PieceIndex piece = wanted.piece;
        fill_from(peer, piece, only ? Urgency::blocked_read : Urgency::readahead, kBlockSize, now);
        refresh_offer(piece);
        return true;
    };
    const std::set<Deadline>& open = world_.demand.open();
    if (only) return void(std::ranges::any_of(open, asked_for));
    for (auto wanted = open.rbegin(); wanted != open.rend() && wanted->rank != Rank::blocked; ++wanted)
        if (asked_for(*wanted)) return;
}

/// Asks the peer for free blocks of one piece while it has room. Returns false if there is no memory for the
/// piece, or the limit holds requests back.
bool Dispatcher::fill_from(Peer& peer, PieceIndex piece, Urgency urgency, std::uint64_t limit,
                           TimePoint now) {
    PartialPiece* partial = is_held(peer, urgency) ? nullptr : receiving(piece, urgency);
    if (!partial) return false;
    for (std::uint32_t block; (block = partial->first_free()) < partial->block_count();) {
        if (!has_room(peer, limit) || !may_ask(peer, partial->payload(block), urgency, now)) break;
        ask(peer, *partial, block, now);
    }
    return true;
}

PartialPiece* Dispatcher::take_block(Peer& peer, const BlockRef& block, ByteView data, TimePoint now) {
    PartialPiece* partial = world_.picker.partial(block.piece);
    const std::uint32_t index = partial ? partial->block_at(block) : 0;
    if (!partial || !partial->asked_of(index, peer.id)) {
        hedging_.on_wasted(block.size);
        return nullptr;
    }
    if (!data.empty()) std::ranges::copy(data, partial->place(index).begin());
    for (const Asker& asker : partial->askers(index))
        if (asker.peer == peer.id) peer.lateness = now - asker.expected;
    hedging_.on_useful(block.size);
    if (!peer.session.is_seed()) choice_.on_block_of_leecher(block.size, now);
    const std::vector<ConnectionId> others = partial->receive(index, peer.id);
    hedging_.on_no_longer_asked_again(others.size() * std::uint64_t{block.size});
    for (ConnectionId other : others)
        if (auto found = world_.peers.find(other); found != world_.peers.end())
            found->second->session.cancel(block, now);
    return partial->complete() ? partial : nullptr;
}

// ---- giving up ----

void Dispatcher::release_block(const Peer& peer, const BlockRef& block) {
    PartialPiece* partial = world_.picker.partial(block.piece);
    if (!partial) return;
    const std::uint32_t index = partial->block_at(block);
    if (partial->askers(index).size() > 1 && partial->asked_of(index, peer.id))
        hedging_.on_no_longer_asked_again(block.size);
    partial->unask(index, peer.id);
    on_demand_changed();
    refresh_offer(block.piece);
}

void Dispatcher::release(Peer& peer, bool cancel, TimePoint now) {
    release_asked_before(TimePoint::max(), peer, cancel, now);
}

void Dispatcher::release_asked_before(TimePoint time, Peer& peer, bool cancel, TimePoint now) {
    std::vector<BlockRef> blocks;
    for (const auto& request : peer.session.requests())
        if (!request.cancelled && request.since < time) blocks.push_back(request.block);
    for (const BlockRef& block : blocks) {
        release_block(peer, block);
        if (cancel) peer.session.cancel(block, now);
    }
    for (const BlockRef& block : blocks) {
        PartialPiece* partial = world_.picker.partial(block.piece);
        if (partial && partial->received_count() == 0 && partial->asked_count() == 0 &&
            !world_.demand.wants(block.piece))
            abandon(block.piece);
    }
}

void Dispatcher::drop_unwanted(TimePoint now) {
    std::vector<PieceIndex> empty;
    for (const auto& [piece, partial] : world_.picker.partials()) {
        if (world_.demand.wants(piece) || in_background(piece) || trade_.contains(piece)) continue;
        for (std::uint32_t block = 0; partial->asked_count() > 0 && block < partial->block_count(); ++block) {
            if (partial->askers(block).empty()) continue;
            const std::vector<Asker> askers(partial->askers(block).begin(), partial->askers(block).end());
            for (const Asker& asker : askers) {
                auto peer = world_.peers.find(asker.peer);
                if (peer == world_.peers.end()) continue;
                if (asker.expected <= now + peer->second->estimate.round_trip()) continue;  // arrives anyway
                release_block(*peer->second, partial->payload(block));
                peer->second->session.cancel(partial->payload(block), now);
            }
        }
        if (partial->asked_count() == 0 && partial->received_count() == 0) empty.push_back(piece);
    }
    for (PieceIndex piece : empty) abandon(piece);
}

}  // namespace btfs
