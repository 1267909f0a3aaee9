#include "engine/swarm/super_seeding.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace btfs {
namespace {

/// Bytes of a Have with its length.
constexpr std::size_t kHaveSize = 9;

std::size_t pieces_in(std::uint64_t bytes, std::uint32_t piece_length) {
    return std::max<std::size_t>(2, bytes / piece_length);
}

}  // namespace

SuperSeeding::SuperSeeding(PeerTable& peers, const Bitfield& had, std::uint32_t piece_length,
                           std::uint64_t seed)
    : peers_(peers),
      had_(had),
      nothing_(had.size()),
      window_(pieces_in(kWindow, piece_length)),
      largest_window_(pieces_in(kLargestWindow, piece_length)),
      rng_(seed),
      holders_(had.size()),
      unheld_(had.size()) {}

SuperSeeding::Account* SuperSeeding::find(ConnectionId connection) {
    const auto found = accounts_.find(connection);
    return found == accounts_.end() ? nullptr : &found->second;
}

// ---- what peers have ----

void SuperSeeding::add_peer(ConnectionId connection, TimePoint now) {
    if (!over_) accounts_.try_emplace(connection, had_.size(), window_, now);
}

void SuperSeeding::on_gone(ConnectionId connection) {
    const auto node = accounts_.extract(connection);
    if (node.empty() || over_) return;
    node.mapped().has.for_each_without(nothing_, [&](PieceIndex piece) {
        if (--holders_[piece.value()] == 0) ++unheld_;
    });
    spread_.reset();
}

/// A peer that comes with all pieces is no sign of a copy that we helped to make, and hangs up; it counts for
/// nothing. One that becomes a seed while it is here has a copy.
void SuperSeeding::on_pieces_known(const Peer& peer, TimePoint now) {
    Account* account = find(peer.id);
    if (!account || over_) return;
    const bool first = !std::exchange(account->known, true);
    if (first && peer.session.is_seed()) return;
    Bitfield before =
        peer.session.pieces() ? *peer.session.pieces() : Bitfield(had_.size(), peer.session.is_seed());
    std::swap(before, account->has);
    const Bitfield& has = account->has;
    if (has == before) return;
    has.for_each_without(before, [&](PieceIndex piece) {
        if (holders_[piece.value()]++ == 0) --unheld_;
    });
    before.for_each_without(has, [&](PieceIndex piece) {
        if (--holders_[piece.value()] == 0) ++unheld_;
    });
    spread_.reset();
    for (auto& [id, other] : accounts_) {
        const std::set<PieceIndex> open = other.open;
        for (PieceIndex piece : open) {
            if (!has.test(piece)) continue;
            const bool by_another = id != peer.id && !before.test(piece);
            const bool done = id == peer.id && (first || alone_ || holders_[piece.value()] > 1);
            if (by_another || done) pass_on(other, piece, now);
        }
    }
    if (unheld_ == 0) end();
}

void SuperSeeding::on_gained(const Peer& peer, PieceIndex piece, TimePoint now) {
    Account* account = find(peer.id);
    if (!account || over_ || !account->has.set(piece)) return;
    account->known = true;
    if (holders_[piece.value()]++ == 0) --unheld_;
    if (!account->open.contains(piece)) {
        if (spread_) spread_->count_up(piece);
    } else if (alone_ || holders_[piece.value()] > 1) {
        pass_on(*account, piece, now);
    }
    for (auto& [id, other] : accounts_)
        if (id != peer.id && other.open.contains(piece)) pass_on(other, piece, now);
    // A peer that is a seed by now may be gone before the events of its other pieces are handled.
    if (unheld_ == 0 || peer.session.is_seed()) end();
}

void SuperSeeding::on_lost(const Peer& peer, PieceIndex piece) {
    Account* account = find(peer.id);
    if (!account || over_ || !account->has.clear(piece)) return;
    if (--holders_[piece.value()] == 0) ++unheld_;
    if (spread_ && !account->open.contains(piece)) spread_->count_down(piece);
}

/// Some clients do not tell that they have a piece to a peer that has it, too. A lone one that has all that
/// it was offered is not interested any more.
void SuperSeeding::on_interest_changed(const Peer& peer, TimePoint now) {
    Account* account = find(peer.id);
    if (!account || over_ || !alone_ || peer.session.peer_interested()) return;
    write_off(*account);
    account->since = now;
}

// ---- offers ----

/// Returns true of a peer that takes pieces, and passes them on.
bool SuperSeeding::takes_part(const Peer& peer) {
    return peer.session.greeted() && !peer.session.is_seed() && !peer.session.extended().upload_only;
}

bool SuperSeeding::is_ready(const Peer& peer, const Account& account) const {
    return takes_part(peer) && (account.known || !peer.session.capabilities().fast);
}

Rarity& SuperSeeding::spread() {
    if (spread_) return *spread_;
    std::vector<std::uint16_t> counts = holders_;
    for (const auto& [id, account] : accounts_)
        for (PieceIndex piece : account.open) counts[piece.value()] += !account.has.test(piece);
    return spread_.emplace(
        static_cast<std::uint32_t>(had_.size()), [&](PieceIndex piece) { return counts[piece.value()]; },
        [&](PieceIndex piece) { return had_.test(piece); });
}

void SuperSeeding::offer(TimePoint now) {
    if (over_) return tell_rest();
    const auto taking =
        std::ranges::count_if(peers_, [](const auto& entry) { return takes_part(*entry.second); });
    if (!std::exchange(alone_, taking == 1) && alone_) close_what_a_lone_peer_has(now);
    for (auto& [id, peer] : peers_) {
        Account* account = find(id);
        if (account && is_ready(*peer, *account)) offer_to(*peer, *account, true, now);
    }
}

void SuperSeeding::offer_to(Peer& peer, Account& account, bool fresh_alone, TimePoint now) {
    const std::size_t most = peer.session.am_choking() ? 1 : account.window;
    const std::size_t below_count = fresh_alone ? 1 : std::numeric_limits<std::size_t>::max();
    while (account.open.size() < most && !account.waits) {
        const auto piece = spread().first(
            rng_.next(), [&](PieceIndex p) { return !account.told.test(p) && !account.has.test(p); },
            below_count);
        if (!piece) {
            account.waits = true;
            return;
        }
        spread_->count_up(*piece);
        account.open.insert(*piece);
        account.told.set(*piece);
        account.since = last_offer_ = now;
        peer.session.announce_have(*piece);
    }
}

/// Closes an offer: another peer has the piece.
void SuperSeeding::pass_on(Account& account, PieceIndex piece, TimePoint now) {
    account.open.erase(piece);
    if (spread_ && !account.has.test(piece)) spread_->count_down(piece);
    account.window = window_;
    account.since = now;
}

/// Closes the peer's offers. Pieces that it does not have may be offered to others.
void SuperSeeding::write_off(Account& account) {
    for (PieceIndex piece : account.open)
        if (spread_ && !account.has.test(piece)) spread_->count_down(piece);
    account.open.clear();
}

void SuperSeeding::close_what_a_lone_peer_has(TimePoint now) {
    for (auto& [id, account] : accounts_) {
        const std::set<PieceIndex> open = account.open;
        for (PieceIndex piece : open)
            if (account.has.test(piece)) pass_on(account, piece, now);
    }
}

// ---- peers that do not pass on ----

bool SuperSeeding::uplink_is_unused(TimePoint now) const {
    TimePoint used = last_offer_;
    for (const auto& [id, peer] : peers_) {
        if (peer->reading_upload || peer->upload_held) return false;
        used = std::max(used, peer->last_uploaded);
    }
    return now >= used + kPatience;
}

void SuperSeeding::tick(TimePoint now) {
    if (over_) return tell_rest();
    const bool unused = uplink_is_unused(now);
    std::vector<std::pair<Peer*, Account*>> stuck;
    for (auto& [id, peer] : peers_) {
        Account* account = find(id);
        if (!account || !is_ready(*peer, *account)) continue;
        account->waits = false;
        if (!unused && now < account->since + kLongestWait) continue;
        if (unused) account->window = std::min(2 * account->window, largest_window_);
        write_off(*account);
        stuck.emplace_back(peer.get(), account);
    }
    for (auto [peer, account] : stuck) {
        offer_to(*peer, *account, false, now);
        account->since = now;
    }
    if (unused) last_offer_ = now;
}

// ---- the end ----

void SuperSeeding::end() {
    if (std::exchange(over_, true)) return;
    spread_.reset();
    holders_.clear();
    for (auto& [id, account] : accounts_) account.open.clear();
}

bool SuperSeeding::may_request(ConnectionId connection, PieceIndex piece) const {
    if (over_) return true;
    const auto found = accounts_.find(connection);
    return found != accounts_.end() && found->second.told.test(piece);
}

void SuperSeeding::tell_rest() {
    for (auto entry = accounts_.begin(); entry != accounts_.end();) {
        const bool told_all = tell_rest_to(*peers_.at(entry->first), entry->second);
        entry = told_all ? accounts_.erase(entry) : std::next(entry);
    }
}

/// Returns true once the peer was told of all pieces.
bool SuperSeeding::tell_rest_to(Peer& peer, Account& account) const {
    if (!peer.session.greeted()) return false;
    const auto size = static_cast<std::uint32_t>(had_.size());
    for (; account.told_to < size; ++account.told_to) {
        const PieceIndex piece(account.told_to);
        if (!had_.test(piece) || account.told.test(piece) || peer.session.has(piece)) continue;
        if (peer.session.control_backlog() + kHaveSize > kMostQueued) return false;
        peer.session.announce_have(piece);
    }
    return true;
}

}  // namespace btfs
