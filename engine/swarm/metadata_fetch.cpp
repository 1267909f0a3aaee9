#include "engine/swarm/metadata_fetch.hpp"

#include <algorithm>

#include "engine/core/types.hpp"
#include "engine/wire/metadata_message.hpp"

namespace btfs {
namespace {

using wire::kMetadataPieceSize;

constexpr int kMostDoublings = 10;

std::uint32_t pieces_of(std::uint32_t size) {
    return static_cast<std::uint32_t>(units_for(size, kMetadataPieceSize));
}

std::uint32_t size_of_piece(std::uint32_t size, std::uint32_t piece) {
    return std::min(kMetadataPieceSize, size - piece * kMetadataPieceSize);
}

}  // namespace

bool MetadataFetch::add_peer(ConnectionId peer, std::uint32_t size) {
    if (size == 0 || size > kMaxSize) return false;
    const auto known = peers_.find(peer);
    const int changes = known == peers_.end() ? 0 : known->second.changes + 1;
    if (known != peers_.end() && (known->second.size == size || changes > kMaxChanges)) return true;
    remove_peer(peer);
    peers_[peer].size = size;
    peers_[peer].changes = changes;
    return true;
}

void MetadataFetch::remove_peer(ConnectionId peer) {
    const auto found = peers_.find(peer);
    if (found == peers_.end()) return;
    const auto assembly = assemblies_.find(found->second.size);
    if (assembly != assemblies_.end()) {
        for (std::uint32_t piece : found->second.waiting) assembly->second.pieces[piece].asked = {};
        if (assembly->second.only == peer) assembly->second.only = kNobody;
    }
    peers_.erase(found);
    drop_unclaimed();
}

/// Forgets sizes that no peer claims any more.
void MetadataFetch::drop_unclaimed() {
    const auto unclaimed = [&](const auto& known) {
        return std::ranges::none_of(peers_, [&](const auto& p) { return p.second.size == known.first; });
    };
    std::erase_if(assemblies_, unclaimed);
    std::erase_if(stalls_, unclaimed);
}

bool MetadataFetch::handle_data(ConnectionId id, std::uint32_t piece, std::uint32_t total_size, ByteView data,
                                TimePoint now) {
    const auto peer = peers_.find(id);
    if (peer == peers_.end() || peer->second.waiting.erase(piece) == 0) return false;  // not asked for
    const std::uint32_t size = peer->second.size;
    peer->second.asked[piece] = now;
    if (total_size != size || data.size() != size_of_piece(size, piece)) return true;
    const auto found = assemblies_.find(size);
    if (found == assemblies_.end() || whole_) return false;
    Assembly& assembly = found->second;
    Piece& place = assembly.pieces[piece];
    if (place.sender != kNobody || (assembly.only != kNobody && assembly.only != id)) return false;
    place.data.assign(data.begin(), data.end());
    place.sender = id;
    assembly.progress = now;
    if (++assembly.had < assembly.pieces.size()) return false;
    return judge(size, assembly, id);
}

/// Verifies the metadata once all pieces are there. Returns true if it is wrong and the peer that sent the
/// last piece has sent all of it.
bool MetadataFetch::judge(std::uint32_t size, Assembly& assembly, ConnectionId last_sender) {
    Bytes whole;
    whole.reserve(size);
    std::set<ConnectionId> senders;
    for (const Piece& piece : assembly.pieces) {
        whole.insert(whole.end(), piece.data.begin(), piece.data.end());
        senders.insert(piece.sender);
    }
    if (identity_.names(whole)) {
        whole_ = std::move(whole);
        return false;
    }
    for (Piece& piece : assembly.pieces) piece = {};
    assembly.had = 0;
    assembly.only = kNobody;
    if (senders.size() == 1) return true;
    const auto present =
        std::ranges::find_if(senders, [&](ConnectionId sender) { return peers_.contains(sender); });
    assembly.only = present == senders.end() ? last_sender : *present;
    // This one peer has to send all pieces, also those that it sent before.
    peers_.at(assembly.only).asked.clear();
    return false;
}

void MetadataFetch::handle_reject(ConnectionId id, std::uint32_t piece, TimePoint now) {
    const auto peer = peers_.find(id);
    if (peer == peers_.end() || peer->second.waiting.erase(piece) == 0) return;
    peer->second.paused_until = now + kRefusedPause;
    if (const auto found = assemblies_.find(peer->second.size); found != assemblies_.end()) {
        found->second.pieces[piece].asked = {};
        if (found->second.only == id) found->second.only = kNobody;
    }
}

std::size_t MetadataFetch::claimants(std::uint32_t size) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(peers_, [&](const auto& entry) { return entry.second.size == size; }));
}

int MetadataFetch::stalls(std::uint32_t size) const {
    const auto found = stalls_.find(size);
    return found == stalls_.end() ? 0 : found->second;
}

/// Returns the assembly of a claimed size, begun now if there is room. Returns null if other claims have to
/// be followed first.
MetadataFetch::Assembly* MetadataFetch::followed(std::uint32_t size, TimePoint now) {
    const auto found = assemblies_.find(size);
    if (found != assemblies_.end()) return &found->second;
    if (assemblies_.size() == kMaxSizes && !make_room_for(size, now)) return nullptr;
    Assembly& begun = assemblies_[size];
    begun.pieces.resize(pieces_of(size));
    begun.begun = begun.progress = now;
    return &begun;
}

/// Drops a claim that makes no progress or whose turn is over, or else the claim with the fewest peers if
/// this one has more. Returns false if no claim was dropped.
bool MetadataFetch::make_room_for(std::uint32_t size, TimePoint now) {
    const auto over = std::ranges::find_if(assemblies_, [&](const auto& known) {
        const Duration turn = kTurn * (1 << std::min(stalls(known.first), kMostDoublings));
        return now >= known.second.progress + kStalled || now >= known.second.begun + turn;
    });
    if (over != assemblies_.end()) {
        ++stalls_[over->first];
        assemblies_.erase(over);
        return true;
    }
    const auto fewest =
        std::ranges::min_element(assemblies_, {}, [&](const auto& known) { return claimants(known.first); });
    if (claimants(fewest->first) >= claimants(size) || stalls(fewest->first) < stalls(size)) return false;
    assemblies_.erase(fewest);
    return true;
}

TimePoint MetadataFetch::may_be_asked(const Peer& peer, std::uint32_t piece) const {
    const auto asked = peer.asked.find(piece);
    const TimePoint again = asked == peer.asked.end() ? TimePoint{} : asked->second + kAskAgain;
    return std::max(again, peer.paused_until);
}

bool MetadataFetch::anybody_has_time(std::uint32_t size, TimePoint now) const {
    return std::ranges::any_of(peers_, [&](const auto& entry) {
        const Peer& peer = entry.second;
        return peer.size == size && peer.waiting.size() < kMaxWaiting && peer.paused_until <= now;
    });
}

std::optional<ConnectionId> MetadataFetch::whom_to_ask(std::uint32_t size, const Assembly& assembly,
                                                       std::uint32_t piece, TimePoint now) const {
    std::optional<ConnectionId> best;
    std::size_t fewest = kMaxWaiting;
    for (const auto& [id, peer] : peers_) {
        if (peer.size != size || peer.waiting.size() >= fewest || may_be_asked(peer, piece) > now) continue;
        if (assembly.only != kNobody && assembly.only != id) continue;
        best = id;
        fewest = peer.waiting.size();
    }
    return best;
}

/// Returns the claimed sizes: those that stalled least often first, and of these the ones with the most
/// peers.
std::vector<std::uint32_t> MetadataFetch::claims_in_order() const {
    std::map<std::uint32_t, int> claims;
    for (const auto& [id, peer] : peers_) ++claims[peer.size];
    std::vector<std::uint32_t> sizes;
    for (const auto& [size, count] : claims) sizes.push_back(size);
    std::ranges::stable_sort(sizes, {},
                             [&](std::uint32_t size) { return std::pair(stalls(size), -claims[size]); });
    return sizes;
}

std::optional<MetadataFetch::Ask> MetadataFetch::poll_ask(TimePoint now) {
    next_ = kNever;
    if (whole_) return std::nullopt;
    for (std::uint32_t size : claims_in_order()) {
        Assembly* assembly = followed(size, now);
        if (!assembly || !anybody_has_time(size, now)) {
            next_ = std::min(next_, now + kLate);
            continue;
        }
        for (std::uint32_t i = 0; i < assembly->pieces.size(); ++i) {
            Piece& piece = assembly->pieces[i];
            if (piece.sender != kNobody) continue;
            const bool asked = piece.asked != TimePoint{};
            if (asked && now < piece.asked + kLate) {
                next_ = std::min(next_, piece.asked + kLate);
                continue;
            }
            const auto id = whom_to_ask(size, *assembly, i, now);
            if (!id) {
                next_ = std::min(next_, now + kLate);
                continue;
            }
            Peer& peer = peers_.at(*id);
            peer.asked[i] = now;
            peer.waiting.insert(i);
            piece.asked = now;
            return Ask{*id, i};
        }
    }
    return std::nullopt;
}

TimePoint MetadataFetch::next_timeout() const {
    return next_;
}

std::optional<Bytes> MetadataFetch::take_whole() {
    return std::exchange(whole_, std::nullopt);
}

std::uint32_t MetadataFetch::pieces_had() const {
    std::uint32_t most = 0;
    for (const auto& [size, assembly] : assemblies_) most = std::max(most, assembly.had);
    return most;
}

std::uint32_t MetadataFetch::piece_count() const {
    std::uint32_t most = 0, count = 0;
    for (const auto& [size, assembly] : assemblies_) {
        if (count > 0 && assembly.had <= most) continue;
        most = assembly.had;
        count = static_cast<std::uint32_t>(assembly.pieces.size());
    }
    return count;
}

}  // namespace btfs
