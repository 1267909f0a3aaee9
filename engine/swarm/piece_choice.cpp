#include "engine/swarm/piece_choice.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// Returns a number that follows from both alone (FNV-1a, and a finaliser so that ids that differ in one byte
/// lead to unlike numbers).
std::uint64_t weight(const wire::PeerId& id, PieceIndex piece) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (std::byte b : id) hash = (hash ^ static_cast<std::uint8_t>(b)) * 0x100000001b3;
    hash ^= piece.value() * 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93;
    return hash ^ (hash >> 32);
}

}  // namespace

std::optional<PieceIndex> PieceChoice::next(Peer& peer, const std::function<bool(PieceIndex)>& eligible,
                                            TimePoint now, TimePoint& again) {
    again = kNever;
    if (peer.session.is_seed()) return of_seed(peer, eligible, now, again);
    return picker_.rarest(eligible, rng_.next());
}

std::optional<PieceIndex> PieceChoice::of_seed(Peer& seed, const std::function<bool(PieceIndex)>& eligible,
                                               TimePoint now, TimePoint& again) {
    if (!any_leecher()) return picker_.rarest(eligible, rng_.next());
    int looked = 0;
    std::optional<PieceIndex> others;
    const auto alone_and_ours = [&](PieceIndex piece) {
        if (looked == kMaxLooked || picker_.leechers_with(piece) > 0 || !eligible(piece)) return false;
        ++looked;
        if (picker_.state(piece) == PieceState::receiving || falls_to_us(piece)) return true;
        if (!others) others = piece;
        return false;
    };
    if (const auto piece = picker_.rarest(alone_and_ours, rng_.next())) {
        seed.rests_until = kNever;
        return piece;
    }
    if (others) {
        if (seed.rests_until == kNever) seed.rests_until = now + rest(seed, *others);
        const TimePoint rests_until = std::max(seed.rests_until, news_ + kLongestRest);
        if (now >= rests_until || leechers_need_over(kSlow, now)) return others;
        again = rests_until;
        return std::nullopt;
    }
    if (leechers_need_over(kSlowAtLast, now)) return picker_.rarest(eligible, rng_.next());
    again = now + kLongestRest;
    return std::nullopt;
}

/// Returns how long the leecher that fetches a piece from that seed may still need for it.
Duration PieceChoice::rest(const Peer& seed, PieceIndex piece) const {
    const auto rate = seed.estimate.rate();
    if (!rate || *rate <= 0) return kLongestRest;
    return std::min(kLongestRest, from_seconds(1.5 * static_cast<double>(layout_.piece_size(piece)) / *rate));
}

bool PieceChoice::any_leecher() const {
    return std::ranges::any_of(peers_, [](const auto& entry) {
        const wire::PeerSession& peer = entry.second->session;
        return peer.greeted() && peer.pieces_known() && !peer.is_seed();
    });
}

/// Returns true if what leechers have and we lack would take longer at the rate at which they send.
bool PieceChoice::leechers_need_over(Duration time, TimePoint now) const {
    const std::uint64_t bytes =
        picker_.missing_that_leechers_have() * std::uint64_t{layout_.piece_size(PieceIndex(0))};
    return static_cast<double>(bytes) > from_leechers_.bytes_per_second(now) * seconds(time);
}

/// Returns true if of all leechers that lack the piece, and us, it falls to us.
bool PieceChoice::falls_to_us(PieceIndex piece) const {
    const std::uint64_t ours = weight(our_id_, piece);
    return std::ranges::none_of(peers_, [&](const auto& entry) {
        const wire::PeerSession& peer = entry.second->session;
        return peer.greeted() && peer.pieces_known() && !peer.is_seed() && !peer.extended().upload_only &&
               weight(peer.peer_id(), piece) > ours;
    });
}

}  // namespace btfs
