#include "engine/swarm/blame.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace btfs {
namespace {

/// Suspicion of a sender that has left. Its blocks are fetched again first, since it can send no further bad
/// ones.
constexpr double kDepartedSuspicion = 1000;
/// Parole lasts at least this many times as long as the whole piece should take.
constexpr int kParoleFactor = 4;
constexpr int kMaxRounds = 10;

bool can_send(const Peer& peer, PieceIndex piece) {
    return !peer.snubbed && peer.session.has(piece) && peer.session.may_request(piece);
}

}  // namespace

Address Blame::address_of(ConnectionId connection) const {
    if (auto found = peers_.find(connection); found != peers_.end())
        return found->second->session.remote().address;
    if (auto found = departed_.find(connection); found != departed_.end()) return found->second;
    return {};
}

void Blame::on_departed(ConnectionId connection, const Address& address) {
    departed_.emplace(connection, address);
    if (departed_.size() > kMaxDeparted) departed_.erase(departed_.begin());
}

Blame::Record& Blame::record_of(const Address& sender) {
    const auto [found, is_new] = records_.try_emplace(sender);
    if (is_new && records_.size() > kMaxRecords)
        records_.erase(found == records_.begin() ? std::next(found) : records_.begin());
    return found->second;
}

bool Blame::is_connected(const Address& sender) const {
    return std::ranges::any_of(
        peers_, [&](const auto& entry) { return entry.second->session.remote().address == sender; });
}

double Blame::suspicion(const Address& sender) const {
    if (!is_connected(sender)) return kDepartedSuspicion;
    const auto found = records_.find(sender);
    const Record record = found == records_.end() ? Record{} : found->second;
    return (record.failed + 1.0) / (record.good + 1.0);
}

Blame::Sentence Blame::on_mismatch(const PartialPiece& partial, std::span<const Sha1Digest> block_digests,
                                   TimePoint now) {
    const PieceIndex piece = partial.piece();
    std::map<Address, std::vector<std::uint32_t>> blocks_by_sender;
    for (std::uint32_t i = 0; i < partial.block_count(); ++i)
        if (partial.source(i) != kNobody) blocks_by_sender[address_of(partial.source(i))].push_back(i);
    for (const auto& [sender, blocks] : blocks_by_sender) ++record_of(sender).failed;

    Sentence sentence;
    if (blocks_by_sender.empty()) {
        sentence.nobody_sent_it = true;
        return sentence;
    }
    const auto discard = [&](const Address& sender) {
        std::vector<SmartBan::Evidence> evidence;
        for (std::uint32_t i : blocks_by_sender.at(sender)) {
            sentence.discarded.push_back(i);
            if (i < block_digests.size()) evidence.push_back({i, block_digests[i], sender});
        }
        return evidence;
    };
    if (blocks_by_sender.size() == 1) {
        const Address& only = blocks_by_sender.begin()->first;
        discard(only);
        if (!only.is_unspecified()) sentence.guilty = only;
        if (smart_ban_.failures(piece) > kMaxFailures) {
            paroles_[piece].tried.insert(only);
            give_parole(piece, now);
        }
        return sentence;
    }
    if (smart_ban_.failures(piece) >= kMaxFailures) {
        std::vector<SmartBan::Evidence> all;
        for (const auto& [sender, blocks] : blocks_by_sender) {
            const auto evidence = discard(sender);
            all.insert(all.end(), evidence.begin(), evidence.end());
        }
        smart_ban_.on_failed(piece, all);
        smart_ban_.acquit(piece);
        give_parole(piece, now);
        return sentence;
    }
    // Discards the blocks of half of the senders at a time, since each attempt delays a reader.
    std::vector<Address> senders;
    for (const auto& [sender, blocks] : blocks_by_sender) senders.push_back(sender);
    std::ranges::stable_sort(senders, std::greater{}, [&](const Address& s) { return suspicion(s); });
    senders.resize((senders.size() + 1) / 2);
    std::vector<SmartBan::Evidence> thrown_away;
    smart_ban_.acquit(piece);
    for (const Address& sender : senders) {
        const auto evidence = discard(sender);
        thrown_away.insert(thrown_away.end(), evidence.begin(), evidence.end());
        smart_ban_.suspect(piece, sender);
    }
    smart_ban_.on_failed(piece, thrown_away);
    lift_suspicions();
    return sentence;
}

std::set<Address> Blame::on_verified(PieceIndex piece, const PartialPiece* finished,
                                     std::span<const Sha1Digest> block_digests) {
    if (finished) {
        std::set<Address> senders;
        for (std::uint32_t i = 0; i < finished->block_count(); ++i)
            if (finished->source(i) != kNobody) senders.insert(address_of(finished->source(i)));
        for (const Address& sender : senders) ++record_of(sender).good;
    }
    paroles_.erase(piece);
    return smart_ban_.on_verified(piece, block_digests);
}

bool Blame::excludes(PieceIndex piece, const Peer& peer) const {
    if (!smart_ban_.knows(piece) && paroles_.empty()) return false;
    const Address& address = peer.session.remote().address;
    if (const auto parole = paroles_.find(piece); parole != paroles_.end())
        return parole->second.holder != address;
    return smart_ban_.is_suspect(piece, address);
}

std::optional<Address> Blame::parole_of(PieceIndex piece) const {
    const auto found = paroles_.find(piece);
    return found == paroles_.end() ? std::nullopt : std::optional(found->second.holder);
}

/// Gives the piece on parole to the sender of the least cost that can send it and has not been tried. If there
/// is none, even after all have been tried once more, any peer may be asked for the piece. The cost is the time
/// that the piece takes from this sender, divided by the share of its pieces that verify: 1 / (1 + s) with a
/// suspicion of s. So a fast liar is found out before a reader waits for a slow honest sender.
void Blame::give_parole(PieceIndex piece, TimePoint now) {
    Parole parole = paroles_.contains(piece) ? paroles_.at(piece) : Parole{};
    const auto is_candidate = [&](const Peer& peer) {
        return can_send(peer, piece) && !parole.tried.contains(peer.session.remote().address);
    };
    for (int attempt = 0; attempt < 2; ++attempt) {
        const Peer* best = nullptr;
        double least = std::numeric_limits<double>::max();
        for (const auto& [id, peer] : peers_) {
            if (!is_candidate(*peer)) continue;
            const double cost = seconds(peer->delivery_time(layout_.piece_size(piece), now)) *
                                (1 + suspicion(peer->session.remote().address));
            if (cost >= least) continue;
            best = peer.get();
            least = cost;
        }
        if (best) {
            parole.holder = best->session.remote().address;
            parole.since = parole.last_block = now;
            parole.tried.insert(parole.holder);
            paroles_[piece] = std::move(parole);
            return;
        }
        if (parole.tried.empty()) break;
        parole.tried.clear();
        parole.round = std::min(parole.round + 1, kMaxRounds);
    }
    paroles_.erase(piece);
}

/// Lifts the suspicions of pieces that only suspects can send. Returns these pieces.
std::vector<PieceIndex> Blame::lift_suspicions() {
    std::vector<PieceIndex> lifted;
    smart_ban_.for_each_suspected([&](PieceIndex piece) {
        const bool somebody_else = std::ranges::any_of(peers_, [&](const auto& entry) {
            return can_send(*entry.second, piece) &&
                   !smart_ban_.is_suspect(piece, entry.second->session.remote().address);
        });
        if (!somebody_else) lifted.push_back(piece);
    });
    for (PieceIndex piece : lifted) smart_ban_.acquit(piece);
    return lifted;
}

void Blame::on_block(PieceIndex piece, const Address& sender, TimePoint now) {
    const auto parole = paroles_.find(piece);
    if (parole != paroles_.end() && parole->second.holder == sender) parole->second.last_block = now;
}

TimePoint Blame::end_of(const Parole& parole, PieceIndex piece, const Peer& holder, TimePoint now) const {
    const Duration whole = holder.estimate.delivery_time(layout_.piece_size(piece), now);
    const Duration longest = std::max<Duration>(kParole, kParoleFactor * whole) * (1 << parole.round);
    const Duration block = kParoleFactor * holder.delivery_time(kBlockSize, now);
    const Duration silence = std::clamp<Duration>(block, kShortestSilence, kLongestSilence) *
                             (1 << std::min(parole.round, kMaxSilenceRounds));
    return std::min(parole.since + longest, parole.last_block + silence);
}

std::vector<PieceIndex> Blame::reconsider(TimePoint now) {
    std::vector<PieceIndex> changed = lift_suspicions();
    std::vector<PieceIndex> ended;
    for (const auto& [piece, parole] : paroles_) {
        const Peer* holder = nullptr;
        for (const auto& [id, peer] : peers_)
            if (peer->session.remote().address == parole.holder && can_send(*peer, piece))
                holder = peer.get();
        if (!holder || now > end_of(parole, piece, *holder, now)) ended.push_back(piece);
    }
    for (PieceIndex piece : ended) {
        const auto before = parole_of(piece);
        give_parole(piece, now);
        if (parole_of(piece) != before) changed.push_back(piece);
    }
    return changed;
}

}  // namespace btfs
