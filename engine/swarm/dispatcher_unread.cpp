// Dispatcher: pieces that no reader wants, with --background, to trade, or to stay unchoked.
#include <algorithm>

#include "engine/swarm/dispatcher.hpp"

namespace btfs {
namespace {

/// An unchoked peer that was not asked for so long is asked for a block, so that it keeps us.
constexpr Duration kTouchAfter = 45s;
/// A starving reader trades the bytes first that lie so near before it, then those up to the second.
constexpr std::uint64_t kNearReader = 256 << 10, kFarFromReader = 16 << 20;

}  // namespace

// Asks a peer that has room left for what no reader wants: with --background, or to trade.
void Dispatcher::fill_unread(Peer& peer, TimePoint now) {
    if (!may_go_on_unread() || peer.snubbed || !may_be_useful(peer)) return;
    while (may_go_on_unread() && has_room(peer, peer.estimate.target_in_flight())) {
        if (!within_limit(peer)) return finish_unread(peer, now);
        const auto piece = unread_piece(peer, now);
        if (!piece) return;
        if (!fill_from(peer, *piece, Urgency::background, peer.estimate.target_in_flight(), now)) return;
        if (!in_background(*piece)) trade_.on_begun(*piece, world_.layout.piece_size(*piece));
        refresh_offer(*piece);
    }
}

/// Returns true if there is something to begin, or begun, that no reader wants.
bool Dispatcher::may_go_on_unread() const {
    if (has_background_work()) return true;
    if (!background_.any_missing() && !trade_.is_open()) return false;
    return !no_background_credit_ || !world_.picker.partials().empty();
}

// Asks a peer of whose address too much was taken for begun pieces that nobody else can send.
void Dispatcher::finish_unread(Peer& peer, TimePoint now) {
    for (const auto& [piece, partial] : world_.picker.partials()) {
        if (!has_room(peer, peer.estimate.target_in_flight())) return;
        if (!in_background(piece) && !trade_.contains(piece)) continue;
        if (partial->free_count() == 0 || !usable(peer, piece)) continue;
        fill_from(peer, piece, Urgency::background, peer.estimate.target_in_flight(), now);
        refresh_offer(piece);
    }
}

/// Returns a piece that no reader wants and that the peer can send; one of its allowed-fast set while it
/// chokes us.
std::optional<PieceIndex> Dispatcher::unread_piece(Peer& peer, TimePoint now) {
    const auto eligible = [&](PieceIndex p) {
        if (!usable(peer, p) || offer_of(p) != Offer::open) return false;
        if (!may_begin_unread(p) && !world_.picker.partial(p)) return false;
        return in_background(p) || (trade_.is_open() && trade_.may_fetch(p, world_.layout.piece_size(p)));
    };
    if (!peer.session.peer_choking()) {
        if (const auto near = piece_near_reader(eligible)) return near;
        if (now < peer.rests_until) return std::nullopt;
        const auto piece = choice_.next(peer, eligible, now);
        if (now < peer.rests_until) retry_at_ = std::min(retry_at_, peer.rests_until);
        return piece;
    }
    if (!trade_.is_open() && peer.session.is_seed() && choice_.has_leechers()) return std::nullopt;
    for (PieceIndex piece : peer.session.allowed_fast())
        if (eligible(piece)) return piece;
    return std::nullopt;
}

/// Returns what a starving reader will read soon, the rarest first, since that is worth most to others. What
/// it reads first comes before that: the next kNearReader, then twice as much, and so on.
std::optional<PieceIndex> Dispatcher::piece_near_reader(
    const std::function<bool(PieceIndex)>& eligible) const {
    const auto& blocked = world_.demand.blocked_traders();
    if (!trade_.is_open() || blocked.empty()) return std::nullopt;
    const std::uint32_t begin = blocked.begin()->piece.value() + 1;
    std::optional<PieceIndex> best;
    std::uint32_t at = begin;
    for (std::uint64_t near = kNearReader; near <= kFarFromReader && !best; near *= 2) {
        const std::uint32_t end = std::min(begin + pieces_in(near), world_.layout.piece_count());
        for (; at < end; ++at) {
            const PieceIndex piece(at);
            if (best && world_.picker.availability(piece) >= world_.picker.availability(*best)) continue;
            if (eligible(piece)) best = piece;
        }
    }
    return best;
}

std::uint32_t Dispatcher::pieces_in(std::uint64_t bytes) const {
    return 1 + static_cast<std::uint32_t>(bytes / world_.layout.piece_size(PieceIndex(0)));
}

void Dispatcher::stay_in_touch(TimePoint now) {
    const std::uint32_t count = world_.layout.piece_count();
    for (auto& [id, peer] : world_.peers) {
        if (peer->is_web_seed || peer->session.peer_choking() || peer->session.requests().size() > 0 ||
            is_held(*peer, Urgency::background) || now < peer->last_asked + kTouchAfter)
            continue;
        // Finds the piece that a reader will want next and that this peer has.
        for (std::uint32_t i = 0; i < count; ++i) {
            const PieceIndex piece((world_.demand.beyond_windows().value() + i) % count);
            if (offer_of(piece) != Offer::open || !usable(*peer, piece)) continue;
            PartialPiece* partial = receiving(piece, Urgency::background);
            if (partial &&
                may_ask(*peer, partial->payload(partial->first_free()), Urgency::background, now)) {
                ask(*peer, *partial, partial->first_free(), now);
                refresh_offer(piece);
            }
            break;
        }
    }
}

}  // namespace btfs
