// Torrent: handlers of its sessions' events.
#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <utility>

namespace btfs {

namespace {

/// Connections of one peer that were made within this time of the first one count as made at once: the two
/// sides may have seen them in another order.
constexpr Duration kMadeAtOnce = 5s;
/// Time in which the peer closes all but one of them, if the choice is the peer's.
constexpr Duration kChoicePatience = 2s;

/// The bytes that come over connections of this kind.
std::uint64_t& counter_for(const Peer& peer, ReceivedBytes& received) {
    return peer.is_web_seed ? received.web_seeds : peer.utp ? received.utp : received.tcp;
}

}  // namespace

bool Torrent::drain(Peer& peer, TimePoint now) {
    const ConnectionId id = peer.id;
    bool any = false;
    while (auto event = peer.session.poll_event()) {
        std::visit([&](const auto& e) { on_event(peer, e, now); }, *event);
        any = true;
        if (!peers_.contains(id)) return true;  // an event disconnected the peer
    }
    if (any) content_->dispatcher.on_peer_changed(peer);
    if (std::exchange(slots_due_, false)) choker_.on_interest_changed(now);
    return any;
}

void Torrent::on_event(Peer& peer, const wire::Greeted&, TimePoint now) {
    const ConnectionId id = peer.id;
    close_duplicates_of(peer, now);
    if (!peers_.contains(id)) return;                            // and `peer` does not exist
    if (!peer.dial_endpoint) return update_interest(peer, now);  // ExtensionsKnown may tell it
    peer_list_.on_greeted(*peer.dial_endpoint);
    if (peer.utp) peer_list_.on_utp_told(*peer.dial_endpoint);
    if (pex_) pex_->add_contact(peer.id, *peer.dial_endpoint, now);
    // PiecesKnown follows if the peer's pieces came along: they are not counted yet, and NotInterested might
    // cost us the peer's slot.
    if (!peer.session.pieces_known()) update_interest(peer, now);
}

/// Returns true if two greeted connections lead to one peer. Two addresses of one family with one id are two
/// peers, or one peer that has moved, whose old connection will time out.
bool Torrent::is_same_peer(const Peer& one, const Peer& other) {
    if (one.is_web_seed || other.is_web_seed) return false;  // their peer ids are known to all
    if (one.id == other.id || !one.session.greeted() || !other.session.greeted()) return false;
    const Address& here = one.session.remote().address;
    const Address& there = other.session.remote().address;
    return one.session.peer_id() == other.session.peer_id() &&
           (here == there || here.family() != there.family());
}

/// Chooses again among the connections of which the choice was the peer's.
void Torrent::close_duplicates(TimePoint now) {
    if (!std::exchange(choice_waits_, false)) return;
    std::vector<ConnectionId> ids;
    for (const auto& [id, peer] : peers_) ids.push_back(id);
    for (const ConnectionId id : ids)
        if (const auto found = peers_.find(id); found != peers_.end() && found->second->session.greeted())
            close_duplicates_of(*found->second, now);
}

/// Closes all connections with this peer but one. May close the given one.
void Torrent::close_duplicates_of(const Peer& peer, TimePoint now) {
    for (const ConnectionId id : redundant(peer, now)) disconnect(id, Errc::duplicate_peer, now);
}

/// Returns which of the connections with this peer to close now. The oldest one stays, since any peer can
/// copy a peer id. Of connections that were made at once each side may take another one for the oldest, and
/// if both closed some, none might stay. So one side chooses: of two btfs the one with the greater peer id.
/// Other clients have other rules (libtorrent compares ports), so the choice is theirs. The side that does
/// not choose waits, and closes what the other has left open after kChoicePatience.
std::vector<ConnectionId> Torrent::redundant(const Peer& peer, TimePoint now) {
    std::vector<ConnectionId> closed;
    const Peer* oldest = nullptr;
    std::vector<const Peer*> newer;
    for (const auto& [id, other] : peers_) {
        if (id != peer.id && !is_same_peer(peer, *other)) continue;
        // One that was dialled because another one was silent: both stay until one of them serves us.
        if (const auto replaced = peers_.find(other->replaces); replaced != peers_.end()) {
            if (replaced->second->session.last_received() >= other->connected) closed.push_back(id);
        } else if (!oldest) {
            oldest = other.get();
        } else {
            newer.push_back(other.get());
        }
    }
    const bool we_choose = wire::is_btfs(peer.session.peer_id()) && options_.peer_id > peer.session.peer_id();
    for (const Peer* other : newer) {
        const bool at_once = other->connected < oldest->connected + kMadeAtOnce;
        const bool peer_chooses = at_once && !we_choose && now < other->connected + kChoicePatience;
        choice_waits_ |= peer_chooses;
        if (!peer_chooses) closed.push_back(other->id);
    }
    return closed;
}

void Torrent::on_event(Peer& peer, const wire::PiecesKnown&, TimePoint now) {
    if (peer.session.is_seed()) {
        peer.pieces.assign_seed(content_->picker);
    } else if (peer.session.pieces()) {
        peer.pieces.assign(*peer.session.pieces(), content_->picker);
    } else {
        peer.pieces.clear(content_->picker);
    }
    if (super_seeding_) super_seeding_->on_pieces_known(peer, now);
    content_->dispatcher.on_peer_offers(peer);
    after_pieces_changed(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::PieceGained& e, TimePoint now) {
    peer.pieces.gain(e.piece, content_->picker);
    if (super_seeding_) super_seeding_->on_gained(peer, e.piece, now);
    const bool is_first = content_->picker.leechers_with(e.piece) == 1;
    if (is_first && !content_->picker.had().test(e.piece))
        content_->dispatcher.on_first_of_leechers(peer, now);
    if (content_->demand.is_blocked_on(e.piece)) content_->dispatcher.on_peer_offers(peer);
    after_pieces_changed(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::PieceLost& e, TimePoint now) {
    peer.pieces.lose(e.piece, content_->picker);
    if (super_seeding_) super_seeding_->on_lost(peer, e.piece);
    update_interest(peer, now);
}

void Torrent::after_pieces_changed(Peer& peer, TimePoint now) {
    if (peer.session.is_seed() && content_->picker.bytes_missing() == 0)
        return disconnect(peer.id, Errc::peer_not_needed, now);
    update_interest(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::Choked&, TimePoint now) {
    peer.choked = now;
}

void Torrent::on_event(Peer& peer, const wire::Unchoked&, TimePoint now) {
    if (drop_replaced(peer, now)) return;
    if (peer.unchoked == kNever || now >= peer.choked + Peer::kShortChoke) peer.unchoked = now;
    peer.last_asked = now;
    content_->dispatcher.on_peer_offers(peer);
}

// Assigns slots once for all events of a turn, since this looks at all peers.
void Torrent::on_event(Peer& peer, const wire::InterestChanged&, TimePoint now) {
    slots_due_ = true;
    if (super_seeding_) super_seeding_->on_interest_changed(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::BlockArrived& e, TimePoint now) {
    if (peer.has_second) drop_second(peer, now);
    peer.snubbed = false;
    counter_for(peer, received_) += e.block.size;
    down_.add(e.block.size, now);
    peer.down.add(e.block.size, now);
    peer.estimate.on_received(e.block.size, peer.session.requests().bytes(), now);
    content_->blame.on_block(e.block.piece, peer.session.remote().address, now);
    if (PartialPiece* complete = content_->dispatcher.take_block(peer, e.block, e.data, now)) {
        const PieceIndex piece = complete->piece();
        content_->storage.verify(piece, content_->picker.start_verifying(piece),
                                 content_->blame.needs_digests(piece));
    }
    content_->dispatcher.refresh_offer(e.block.piece);
}

void Torrent::on_event(Peer& peer, const wire::BlockUnneeded& e, TimePoint now) {
    peer.snubbed = false;
    counter_for(peer, received_) += e.block.size;
    down_.add(e.block.size, now);
    peer.down.add(e.block.size, now);
    peer.estimate.on_received(e.block.size, peer.session.requests().bytes(), now);
    content_->dispatcher.count_wasted(e.block.size);
}

void Torrent::on_event(Peer& peer, const wire::BlockRefused& e, TimePoint) {
    // A peer that refuses without choking us has an empty queue, so it would be asked again and again. It
    // counts as snubbed until it sends.
    if (!e.choking) peer.snubbed = true;
    content_->dispatcher.release_block(peer, e.block);
}

void Torrent::on_event(Peer& peer, const wire::BlockWanted& e, TimePoint now) {
    if (!may_upload(peer, e.block.piece)) {
        const bool was_withdrawn = withdrawn_.test(e.block.piece) && !announced_.test(e.block.piece);
        // Not every client forgets a piece for which it gets a Reject: with a new connection it does.
        if (was_withdrawn && !peer.session.understands_lost())
            return disconnect(peer.id, Errc::peer_out_of_date, now);
        // It may have said only after the piece was withdrawn that it understands that.
        if (was_withdrawn) peer.session.announce_lost(e.block.piece);
        return peer.session.refuse_block(e.block);
    }
    content_->uploader.on_wanted(peer, e.block);
    content_->uploader.pump(peer, now);
}

/// Only what the peer was told of is uploaded.
bool Torrent::may_upload(const Peer& peer, PieceIndex piece) const {
    if (!announced_.test(piece) || !choker_.may_unchoke()) return false;
    return !super_seeding_ || super_seeding_->may_request(peer.id, piece);
}

void Torrent::on_event(Peer& peer, const wire::BlockNotWanted& e, TimePoint) {
    content_->uploader.on_not_wanted(peer, e.block);
}

void Torrent::handle_own_address(const Address& voter, const Address& ours) {
    if (ours.is_private() || ours.is_loopback()) return;
    AddressVote& votes = ours.is_v4() ? own_v4_ : own_v6_;
    votes.vote(voter, ours);
    if (const auto own = votes.winner()) peer_list_.set_own_address({*own, ports_for(*own).tcp});
}

void Torrent::on_event(Peer& peer, const wire::ExtensionsKnown&, TimePoint now) {
    const auto& said = peer.session.extended();
    if (said.your_address) handle_own_address(peer.session.remote().address, *said.your_address);
    if (metadata_fetch_ && said.metadata_id != 0 && said.metadata_size)
        metadata_fetch_->add_peer(peer.id, *said.metadata_size);
    // The peer of an incoming connection says at which port it can be dialled.
    if (!peer.dial_endpoint && said.listen_port) {
        peer.dial_endpoint = Endpoint{peer.session.remote().address, *said.listen_port};
        peer_list_.add_connected(*peer.dial_endpoint);
        if (peer.encrypted) peer_list_.on_encryption_told(*peer.dial_endpoint);
        if (peer.utp) peer_list_.on_utp_told(*peer.dial_endpoint);
        if (pex_) pex_->add_contact(peer.id, *peer.dial_endpoint, now);
    }
    if (pex_ && said.pex_id != 0) pex_->add_listener(peer.id, peer.session.remote().address, now);
}

void Torrent::on_event(Peer& peer, const wire::DhtPortTold& e, TimePoint) {
    actions_.push_back(DhtNodeTold{{peer.session.remote().address, e.port}});
}

void Torrent::on_event(Peer& peer, const wire::MetadataArrived& e, TimePoint now) {
    if (metadata_fetch_ && metadata_fetch_->handle_data(peer.id, e.piece, e.total_size, e.data, now))
        disconnect(peer.id, Errc::unwanted_data, now);
}

void Torrent::on_event(Peer& peer, const wire::MetadataRefused& e, TimePoint now) {
    if (metadata_fetch_) metadata_fetch_->handle_reject(peer.id, e.piece, now);
}

/// Returns the flags with which others are told of the peer.
std::uint8_t Torrent::pex_flags(const Peer& peer) const {
    std::uint8_t flags = 0;
    if (peer.encrypted) flags |= wire::kPexEncryption;
    if (peer.session.is_seed() || peer.session.extended().upload_only) flags |= wire::kPexSeed;
    if (peer.utp) flags |= wire::kPexUtp;
    if (peer.session.extended().holepunch_id != 0) flags |= wire::kPexHolepunch | wire::kPexUtp;
    if (peer.session.direction() == wire::Direction::outgoing && !peer.punched) flags |= wire::kPexReachable;
    return flags;
}

void Torrent::on_event(Peer& peer, const wire::HolepunchArrived& e, TimePoint now) {
    if (!holepunch_) return;
    using Type = wire::HolepunchMessage::Type;
    switch (e.message.type) {
        case Type::rendezvous:
            return tell(holepunch_->handle_rendezvous(peer.id, e.message.endpoint, now));
        case Type::connect:
            if (options_.datagrams_pass() && holepunch_->handle_connect(peer.id, e.message.endpoint, now))
                punch(e.message.endpoint);
            return;
        case Type::error:
            return holepunch_->handle_error(peer.id, e.message.endpoint, now);
    }
}

void Torrent::on_event(Peer& peer, const wire::PexArrived& e, TimePoint now) {
    if (!pex_) return;
    if (holepunch_)
        for (const Endpoint& endpoint : e.message.dropped) holepunch_->on_dropped(peer.id, endpoint);
    const bool want_seeds = metadata_fetch_ || content_->picker.bytes_missing() > 0;
    const auto heard = pex_->handle_message(peer.id, e.message, want_seeds, now);
    peer.tells_reachable |= std::ranges::any_of(
        heard, [](const wire::PexPeer& told) { return (told.flags & wire::kPexReachable) != 0; });
    for (const wire::PexPeer& told : heard) {
        const auto& [endpoint, flags] = told;
        peer_list_.add_from_pex(endpoint, !peer.tells_reachable || (flags & wire::kPexReachable) != 0);
        if ((flags & wire::kPexEncryption) != 0) peer_list_.on_encryption_told(endpoint);
        if ((flags & wire::kPexUtp) != 0) peer_list_.on_utp_told(endpoint);
        if (holepunch_) holepunch_->on_told(peer.id, told, peer_list_.has_failed(endpoint), now);
    }
}

void Torrent::on_event(Peer& peer, const wire::Failed& e, TimePoint now) {
    if (e.reason == Errc::connected_to_self) {
        // Mostly the called side is the first to see it, and the dialled one only that the connection closes.
        const Endpoint& remote = peer.session.remote();
        const bool dialled = peer.session.direction() == wire::Direction::outgoing;
        peer_list_.on_ourselves(dialled ? remote : Endpoint{remote.address, ports_for(remote.address).tcp});
    }
    disconnect(peer.id, e.reason, now);
}

std::span<std::byte> Torrent::place_of(const BlockRef& block) {
    PartialPiece* partial = content_->picker.partial(block.piece);
    if (!partial) return {};
    const std::uint32_t index = partial->block_at(block);
    // The session asks for the place of a block that its own peer was asked for, so a single asker is this
    // peer.
    if (partial->askers(index).size() != 1 || partial->payload(index) != block) return {};
    return partial->place(index);
}

}  // namespace btfs
