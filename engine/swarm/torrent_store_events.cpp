// Torrent: handlers of the store's events.
#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/swarm/web_seed_address.hpp"

namespace btfs {
namespace {

/// A peer that has dialled us plain may take either manner; one that has encrypted can do so.
KnownWay way_of(const Peer& peer) {
    KnownWay way{.utp = peer.utp};
    if (peer.encrypted || peer.session.direction() == wire::Direction::outgoing)
        way.manner = DialManner{.encrypted = peer.encrypted};
    return way;
}

}  // namespace

void Torrent::handle_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now) {
    const bool is_new = !content_->picker.had().test(piece);
    if (content_->picker.partial(piece)) content_->dispatcher.give_up(piece, now);
    const auto finished = content_->picker.set_had(piece);
    if (is_new) {
        content_->dispatcher.on_had(piece);
        for (auto& [id, peer] : peers_) peer->pieces.on_had(piece);
    }
    if (finished) note_givers(*finished, now);
    const std::set<Address> guilty = content_->blame.on_verified(piece, finished.get(), block_digests);
    content_->dispatcher.refresh_offer(piece);
    if (content_->storage.lasts(piece)) {
        announce(piece);
    } else if (!announced_.test(piece)) {
        unannounced_.insert(piece);
        take_limit_.yield_to_readers();
    }
    for (const Address& address : guilty) ban(address, piece, now);
    if (content_->picker.bytes_missing() == 0 && !completed_said_) {
        completed_said_ = true;
        actions_.push_back(Completed{});
        std::vector<ConnectionId> seeds;
        for (const auto& [id, peer] : peers_) {
            if (peer->session.is_seed()) seeds.push_back(id);
        }
        for (ConnectionId id : seeds) disconnect(id, Errc::peer_not_needed, now);
        for (auto& [id, peer] : peers_) update_interest(*peer, now);
        judge_seeding(now);
    }
    settle(now);
}

/// Counts the blocks of a piece that has verified for the peers that have sent them and are still connected.
void Torrent::note_givers(const PartialPiece& verified, TimePoint now) {
    std::map<ConnectionId, std::uint64_t> bytes;
    for (std::uint32_t block = 0; block < verified.block_count(); ++block)
        bytes[verified.source(block)] += verified.payload(block).size;
    for (const auto& [id, size] : bytes) {
        const auto peer = peers_.find(id);
        if (peer == peers_.end() || !peer->second->dial_endpoint) continue;
        const Endpoint& endpoint = *peer->second->dial_endpoint;
        kept_.on_gave(endpoint, peer_list_.source_of(endpoint).value_or(PeerSource::incoming), size, now);
        kept_.on_way(endpoint, way_of(*peer->second));
    }
}

/// Announces the pieces that were not likely to last when they came, and are now.
void Torrent::announce_what_lasts() {
    // If the first one does not last, none does: the cache answers by the rate at which pieces come.
    if (unannounced_.empty() || !content_->storage.lasts(*unannounced_.begin())) return;
    std::erase_if(unannounced_, [this](PieceIndex piece) {
        const bool lasts = content_->storage.lasts(piece);
        if (lasts) announce(piece);
        return lasts;
    });
}

void Torrent::tell_what_is_rare(TimePoint now) {
    if (now < rare_due_ || peers_.empty()) return;
    rare_due_ = now + kTellRareEvery;
    const Picker& picker = content_->picker;
    Bitfield rare(content_->layout.piece_count());
    picker.had().for_each([&](PieceIndex piece) {
        if (picker.availability(piece) <= 1) rare.set(piece);
    });
    content_->storage.set_rare(std::move(rare));
}

void Torrent::announce(PieceIndex piece) {
    if (!announced_.set(piece)) return;
    content_->dispatcher.on_announced(piece);
    for (auto& [id, peer] : peers_) peer->session.announce_have(piece);  // seeds judge us by it, too
}

void Torrent::handle_mismatch(PieceIndex piece, std::span<const Sha1Digest> block_digests, TimePoint now) {
    PartialPiece& partial = content_->picker.reopen(piece);
    const Blame::Sentence sentence = content_->blame.on_mismatch(partial, block_digests, now);
    for (std::uint32_t block : sentence.discarded) partial.discard(block);
    if (sentence.nobody_sent_it) content_->picker.abandon(piece);  // the torrent's hashes are wrong
    if (sentence.guilty) ban(*sentence.guilty, piece, now);
    content_->dispatcher.refresh_offer(piece);
    content_->dispatcher.on_demand_changed();
    settle(now);
}

/// Gives up blocks of pieces on parole that were asked of, or sent by, anybody but the holder.
void Torrent::reconsider_blame(TimePoint now) {
    for (PieceIndex piece : content_->blame.reconsider(now)) {
        PartialPiece* partial = content_->picker.partial(piece);
        const auto holder = content_->blame.parole_of(piece);
        if (partial && holder) {
            for (std::uint32_t i = 0; i < partial->block_count(); ++i) {
                const BlockRef payload = partial->payload(i);
                const std::vector<Asker> askers(partial->askers(i).begin(), partial->askers(i).end());
                for (const Asker& asker : askers) {
                    const auto peer = peers_.find(asker.peer);
                    if (peer == peers_.end() || peer->second->session.remote().address == *holder) continue;
                    content_->dispatcher.release_block(*peer->second, payload);
                    peer->second->session.cancel(payload, now);
                }
                const bool sent = partial->state(i) == BlockState::received && partial->source(i) != kNobody;
                if (sent && content_->blame.address_of(partial->source(i)) != *holder) partial->discard(i);
            }
        }
        content_->dispatcher.refresh_offer(piece);
        content_->dispatcher.on_demand_changed();
    }
}

/// Bans a host that has sent wrong blocks of the piece. A web seed has many files, and not all need be wrong:
/// what follows is left to its owner.
void Torrent::ban(const Address& address, PieceIndex piece, TimePoint now) {
    if (const auto seed = web_seed_number(address)) return actions_.push_back(WebSeedFailed{*seed, piece});
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
            if (sent && content_->blame.address_of(partial->source(i)) == address) partial->discard(i);
        }
        content_->dispatcher.refresh_offer(piece);
    }
    content_->dispatcher.on_demand_changed();
}

void Torrent::handle_lost(PieceIndex piece, TimePoint now) {
    withdraw(piece, now);
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    settle(now);
}

void Torrent::handle_evicted(std::span<const PieceIndex> pieces, TimePoint now) {
    take_limit_.yield_to_readers();
    for (PieceIndex piece : pieces) {
        content_->dispatcher.on_evicted(piece);
        withdraw(piece, now);
    }
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    settle(now);
}

/// A piece that we had is missing: peers are told, and it may be fetched again.
void Torrent::withdraw(PieceIndex piece, TimePoint now) {
    if (content_->picker.bytes_missing() == 0) peer_list_.on_need(now);  // a complete torrent drops seeds
    const bool was_had = content_->picker.had().test(piece);
    content_->picker.set_lost(piece);
    if (was_had) {
        content_->dispatcher.on_lost(piece);
        for (auto& [id, peer] : peers_) peer->pieces.on_lost(piece);
    }
    unannounced_.erase(piece);
    if (super_seeding_) super_seeding_->end();  // who lacks a piece is no first seed
    if (announced_.clear(piece)) {
        withdrawn_.set(piece);
        content_->dispatcher.on_withdrawn(piece);
        for (auto& [id, peer] : peers_) peer->session.announce_lost(piece);
    }
    content_->dispatcher.refresh_offer(piece);
}

void Torrent::handle_shortage(TimePoint now) {
    content_->dispatcher.give_up_unwanted();
    settle(now);
}

void Torrent::handle_credit(TimePoint now) {
    content_->dispatcher.on_credit();
    settle(now);
}

void Torrent::handle_read(ReadTicket ticket, const Result<ContentView>& content, TimePoint now) {
    if (Peer* peer = content_->uploader.on_read(ticket, content)) content_->uploader.pump(*peer, now);
    settle(now);
}

}  // namespace btfs
