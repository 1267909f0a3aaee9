#include "engine/swarm/piece_choice.hpp"

#include <algorithm>

namespace btfs {
namespace {

/// How soon a seed that has nothing for us now is looked at again.
constexpr Duration kSeedLookAgain = 200ms;
/// A leecher that seeds serve may need so many times as long for a piece as we do.
constexpr int kSlower = 3;
/// Of the pieces that fall to others, so many are compared, so that not all of us take the same.
constexpr std::size_t kFew = 4;
/// Time for a piece from a seed whose rate is not known.
constexpr Duration kUsualPieceTime = 2s;

/// Returns a number that follows from both alone, and is unlike for ids or pieces that differ a little.
std::uint64_t weight(std::uint64_t number, PieceIndex piece) {
    std::uint64_t hash = number ^ piece.value() * 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93;
    return hash ^ (hash >> 32);
}

bool is_leecher(const Peer& peer) {
    const wire::PeerSession& session = peer.session;
    return session.greeted() && session.pieces_known() && !session.is_seed() &&
           !session.extended().upload_only;
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
    if (!has_leechers()) return picker_.rarest(eligible, rng_.next());
    look_for_served(seed, now);
    const Alone alone = look_for_alone(eligible);
    if (alone.ours) {
        seed.without_ours_since = kNever;
        return alone.ours;
    }
    if (alone.others) {
        if (seed.without_ours_since == kNever) seed.without_ours_since = now;
        const TimePoint busy_until = std::max(
            seed.without_ours_since + std::min(kLongestRest, piece_time(seed) * 3 / 2), news_ + kLongestRest);
        // Each that seeds serve may be about to get one of theirs.
        if (now >= busy_until || alone.count_of_others > served_.size()) return alone.others;
        seed.rests_until = std::min(busy_until, now + kSeedLookAgain);
        return std::nullopt;
    }
    if (leechers_are_slow(now)) return picker_.rarest(eligible, rng_.next());
    seed.rests_until = now + kSeedLookAgain;
    return std::nullopt;
}

/// Looks for what only seeds have: a begun piece, or else that of ours that has the most weight with us; and
/// of a few that fall to others, the one that has the least weight with its owner, who comes to it last.
PieceChoice::Alone PieceChoice::look_for_alone(const std::function<bool(PieceIndex)>& eligible) {
    Alone alone;
    std::uint64_t most = 0, least = 0;
    int looked = 0;
    const auto is_begun = [&](PieceIndex piece) {
        const bool begun = picker_.state(piece) == PieceState::receiving;
        if (picker_.leechers_with(piece) > 0) return !begun;  // so have all that follow, if it is not begun
        if (!eligible(piece)) return false;
        if (begun) alone.ours = piece;
        if (begun || looked == kMaxLooked) return true;
        ++looked;
        const std::uint64_t ours = weight(our_number_, piece), theirs = weight_with_others(piece);
        if (ours >= theirs && (!alone.ours || ours > most)) {
            alone.ours = piece;
            most = ours;
        } else if (ours < theirs) {
            if (alone.count_of_others < kFew && (!alone.others || theirs < least)) {
                alone.others = piece;
                least = theirs;
            }
            ++alone.count_of_others;
        }
        return false;
    };
    picker_.rarest(is_begun, rng_.next());
    return alone;
}

/// Returns how long a seed takes to send us a piece.
Duration PieceChoice::piece_time(const Peer& seed) const {
    const auto rate = seed.estimate.rate();
    if (!rate || *rate <= 0) return kUsualPieceTime;
    return from_seconds(static_cast<double>(layout_.piece_size(PieceIndex(0))) / *rate);
}

bool PieceChoice::has_leechers() const {
    return std::ranges::any_of(peers_, [](const auto& entry) { return is_leecher(*entry.second); });
}

/// Looks which leechers seeds serve.
void PieceChoice::look_for_served(const Peer& seed, TimePoint now) {
    served_.clear();
    const Duration lately = std::max(kServed, kSlower * piece_time(seed));
    for (const auto& [id, peer] : peers_)
        if (is_leecher(*peer) && now < peer->got_of_seed + lately)
            served_.push_back(number_of(peer->session.peer_id()));
}

/// Returns true if leechers, at the rate at which they send, need over kSlowAtLast for what they have and we
/// lack.
bool PieceChoice::leechers_are_slow(TimePoint now) const {
    const std::uint64_t bytes =
        picker_.missing_that_leechers_have() * std::uint64_t{layout_.piece_size(PieceIndex(0))};
    return static_cast<double>(bytes) > from_leechers_.bytes_per_second(now) * seconds(kSlowAtLast);
}

/// Returns the most weight that the piece has with any other that seeds serve.
std::uint64_t PieceChoice::weight_with_others(PieceIndex piece) const {
    std::uint64_t most = 0;
    for (std::uint64_t number : served_) most = std::max(most, weight(number, piece));
    return most;
}

}  // namespace btfs
