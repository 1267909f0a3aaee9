#include "engine/swarm/piece_choice.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// How soon a seed that has nothing for us now is looked at again.
constexpr Duration kSeedLookAgain = 200ms;
/// A leecher that seeds serve may need so many times as long for a piece as we do.
constexpr int kSlower = 3;
/// Time for a piece from a seed whose rate is not known.
constexpr Duration kUsualPieceTime = 2s;

/// Returns a number that follows from both alone, and is unlike for ids or pieces that differ a little.
std::uint64_t weight(std::uint64_t number, PieceIndex piece) {
    std::uint64_t hash = number ^ piece.value() * 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93;
    return hash ^ (hash >> 32);
}

}  // namespace

/// FNV-1a.
std::uint64_t PieceChoice::number_of(const wire::PeerId& id) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (std::byte b : id) hash = (hash ^ static_cast<std::uint8_t>(b)) * 0x100000001b3;
    return hash;
}

std::optional<PieceIndex> PieceChoice::next(Peer& peer, const std::function<bool(PieceIndex)>& eligible,
                                            TimePoint now) {
    if (peer.session.is_seed()) return of_seed(peer, eligible, now);
    return picker_.rarest(eligible, rng_.next());
}

std::optional<PieceIndex> PieceChoice::of_seed(Peer& seed, const std::function<bool(PieceIndex)>& eligible,
                                               TimePoint now) {
    if (!look_for_leechers(seed, now)) return picker_.rarest(eligible, rng_.next());
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
        seed.without_ours_since = kNever;
        return piece;
    }
    if (others) {
        if (seed.without_ours_since == kNever) seed.without_ours_since = now;
        const TimePoint busy_until = std::max(
            seed.without_ours_since + std::min(kLongestRest, piece_time(seed) * 3 / 2), news_ + kLongestRest);
        if (now >= busy_until || leechers_need_over(kSlow, now)) return others;
        seed.rests_until = std::min(busy_until, now + kSeedLookAgain);
        return std::nullopt;
    }
    if (leechers_need_over(kSlowAtLast, now)) return picker_.rarest(eligible, rng_.next());
    seed.rests_until = now + kSeedLookAgain;
    return std::nullopt;
}

/// Returns how long a seed takes to send us a piece.
Duration PieceChoice::piece_time(const Peer& seed) const {
    const auto rate = seed.estimate.rate();
    if (!rate || *rate <= 0) return kUsualPieceTime;
    return from_seconds(static_cast<double>(layout_.piece_size(PieceIndex(0))) / *rate);
}

/// Looks which leechers seeds serve. Returns false if there are no leechers.
bool PieceChoice::look_for_leechers(const Peer& seed, TimePoint now) {
    served_.clear();
    const Duration lately = std::max(kServed, kSlower * piece_time(seed));
    bool any = false;
    for (const auto& [id, peer] : peers_) {
        const wire::PeerSession& session = peer->session;
        if (!session.greeted() || !session.pieces_known() || session.is_seed() ||
            session.extended().upload_only)
            continue;
        any = true;
        if (now < peer->got_of_seed + lately) served_.push_back(number_of(session.peer_id()));
    }
    return any;
}

/// Returns true if what leechers have and we lack would take longer at the rate at which they send.
bool PieceChoice::leechers_need_over(Duration time, TimePoint now) const {
    const std::uint64_t bytes =
        picker_.missing_that_leechers_have() * std::uint64_t{layout_.piece_size(PieceIndex(0))};
    return static_cast<double>(bytes) > from_leechers_.bytes_per_second(now) * seconds(time);
}

/// Returns true if of all that seeds serve, us included, the piece falls to us.
bool PieceChoice::falls_to_us(PieceIndex piece) const {
    const std::uint64_t ours = weight(our_number_, piece);
    return std::ranges::none_of(served_, [&](std::uint64_t number) { return weight(number, piece) > ours; });
}

}  // namespace btfs
