// What the torrent does about what the store says, and who is to blame for a piece that is wrong.
#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace btfs {
namespace {

/// After so many failures of one piece everybody may be asked for it again, in full.
constexpr std::size_t kMaxBlame = 4;

}  // namespace

void Torrent::handle_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now) {
    const auto finished = content_->picker.set_had(piece);
    if (finished) {
        std::set<ConnectionId> sources;
        for (std::uint32_t i = 0; i < finished->block_count(); ++i) sources.insert(finished->source(i));
        for (ConnectionId source : sources)
            if (auto found = peers_.find(source); found != peers_.end()) ++found->second->pieces_good;
    }
    const std::set<Address> guilty = content_->smart_ban.on_verified(piece, block_digests);
    content_->dispatcher.refresh_offer(piece);
    if (announced_.set(piece))
        for (auto& [id, peer] : peers_)
            if (!peer->session.is_seed()) peer->session.announce_have(piece);
    for (const Address& address : guilty) ban(address, now);
    if (content_->picker.bytes_missing() == 0 && !completed_said_) {
        completed_said_ = true;
        actions_.push_back(Completed{});
        std::vector<ConnectionId> seeds;
        for (const auto& [id, peer] : peers_) {
            if (peer->session.is_seed()) seeds.push_back(id);
        }
        for (ConnectionId id : seeds) disconnect(id, Errc::peer_not_needed, now);
        for (auto& [id, peer] : peers_) update_interest(*peer, now);
    }
    settle(now);
}

void Torrent::handle_mismatch(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now) {
    PartialPiece& partial = content_->picker.reopen(piece);
    blame(piece, partial, block_digests, now);
    content_->dispatcher.refresh_offer(piece);
    content_->dispatcher.on_demand_changed();
    settle(now);
}

// One sender: it is guilty. Several: the blocks of the least trusted are fetched anew from others, the rest
// is kept; when the piece verifies, the blocks that differ convict their senders.
void Torrent::blame(PieceIndex piece, PartialPiece& partial, std::span<const Sha1Digest> block_digests,
                    TimePoint now) {
    std::map<Address, std::vector<std::uint32_t>> blocks_by_sender;
    std::vector<SmartBan::Evidence> evidence;
    for (std::uint32_t i = 0; i < partial.block_count(); ++i) {
        if (partial.source(i) == kNobody) continue;
        const Address sender = address_of(partial.source(i));
        blocks_by_sender[sender].push_back(i);
        if (i < block_digests.size()) evidence.push_back({i, block_digests[i], sender});
    }
    for (auto& [id, peer] : peers_)
        if (blocks_by_sender.contains(peer->session.remote().address)) ++peer->pieces_failed;

    if (blocks_by_sender.empty())
        return content_->picker.abandon(piece);  // nothing but padding: the torrent is wrong
    if (blocks_by_sender.size() == 1) {
        const Address guilty = blocks_by_sender.begin()->first;
        for (std::uint32_t i : blocks_by_sender.begin()->second) partial.discard(i);
        if (!guilty.is_unspecified()) ban(guilty, now);
        return;
    }
    content_->smart_ban.on_failed(piece, std::move(evidence));

    const auto suspicion = [&](const Address& sender) {
        for (const auto& [id, peer] : peers_)
            if (peer->session.remote().address == sender)
                return (peer->pieces_failed + 1.0) / (peer->pieces_good + 1.0);
        return 1000.0;  // it has left
    };
    const auto somebody_else = [&](const Address& suspect) {
        return std::ranges::any_of(peers_, [&](const auto& entry) {
            const auto& session = entry.second->session;
            return session.has(piece) && session.remote().address != suspect &&
                   !content_->smart_ban.is_suspect(piece, session.remote().address);
        });
    };
    const bool blamed_enough = content_->smart_ban.failures(piece) > kMaxBlame;
    if (blamed_enough) {
        content_->smart_ban.clear_suspicions();
        for (const auto& [sender, blocks] : blocks_by_sender)
            for (std::uint32_t i : blocks) partial.discard(i);
        return;
    }
    auto suspect =
        std::ranges::max_element(blocks_by_sender, {}, [&](const auto& e) { return suspicion(e.first); });
    if (somebody_else(suspect->first)) content_->smart_ban.suspect(piece, suspect->first);
    for (std::uint32_t i : suspect->second) partial.discard(i);
}

void Torrent::ban(const Address& address, TimePoint now) {
    peer_list_.ban(address);
    discard_blocks_from(address);
    std::vector<ConnectionId> banned;
    for (const auto& [id, peer] : peers_)
        if (peer->session.remote().address == address) banned.push_back(id);
    for (ConnectionId id : banned) disconnect(id, Errc::peer_banned, now);
}

void Torrent::discard_blocks_from(const Address& address) {
    for (const auto& [piece, partial] : content_->picker.partials()) {
        for (std::uint32_t i = 0; i < partial->block_count(); ++i) {
            const bool sent = partial->state(i) == BlockState::received && partial->source(i) != kNobody;
            if (sent && address_of(partial->source(i)) == address) partial->discard(i);
        }
        content_->dispatcher.refresh_offer(piece);
    }
    content_->dispatcher.on_demand_changed();
}

Address Torrent::address_of(ConnectionId connection) const {
    if (auto found = peers_.find(connection); found != peers_.end())
        return found->second->session.remote().address;
    if (auto found = departed_.find(connection); found != departed_.end()) return found->second;
    return {};
}

void Torrent::handle_lost(PieceIndex piece, TimePoint now) {
    if (content_->picker.bytes_missing() == 0) peer_list_.on_need(now);  // seeds were let go
    content_->picker.set_lost(piece);
    if (announced_.clear(piece))
        for (auto& [id, peer] : peers_) peer->session.announce_lost(piece);
    content_->dispatcher.refresh_offer(piece);
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    settle(now);
}

void Torrent::handle_credit(TimePoint now) {
    content_->dispatcher.on_credit();
    settle(now);
}

void Torrent::handle_read(ReadTicket ticket, const Result<ContentView>& content, TimePoint now) {
    if (Peer* peer = content_->uploader.on_read(ticket, content))
        content_->uploader.pump(*peer, !content_->demand.blocked().empty());
    settle(now);
}

}  // namespace btfs
