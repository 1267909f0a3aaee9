#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <cassert>
#include <map>

namespace btfs {
namespace {

constexpr Duration kHousekeeping = 1s;
/// How long we stay interested with no file open, so that the first read finds us unchoked.
constexpr Duration kLinger = 60s;
/// Dials under way at a time.
constexpr std::size_t kMaxDialling = 24;
/// A peer that hangs up so soon, before it has sent any content, may not have liked how it was greeted.
constexpr Duration kGreetingDislikedWithin = 3s;
/// Ended connections whose addresses are remembered, in case blocks of theirs turn out to be wrong.
constexpr std::size_t kMaxDeparted = 1000;
/// After so many failures of one piece everybody may be asked for it again, in full.
constexpr std::size_t kMaxBlame = 4;

Bitfield united(Bitfield a, const Bitfield& b) {
    for (std::uint32_t i = 0; i < a.size(); ++i)
        if (b.test(PieceIndex(i))) a.set(PieceIndex(i));
    return a;
}

/// What stands for the content while only the torrent's name is known: nothing to have or to want.
const Layout kNoLayout;

class NoStorage final : public Storage {
  public:
    void attach(StorageEvents&) override {}
    void detach() override {}
    Bitfield available() const override { return Bitfield(0); }
    Bitfield unproven() const override { return Bitfield(0); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket, BlockRef) override {}
} no_storage;

}  // namespace

Torrent::Content::Content(const Layout& the_layout, Storage& the_storage, PeerTable& peers,
                          const TorrentOptions& options)
    : layout(the_layout),
      storage(the_storage),
      picker(layout, united(storage.available(), storage.unproven())),
      demand(layout, [this](PieceIndex piece) { return dispatcher.offer_of(piece); }),
      dispatcher({layout, picker, demand, peers, storage}),
      uploader(peers, storage, options.upload_slots) {
    if (options.background) dispatcher.set_background(pieces_of(layout, options.background_files));
    dispatcher.set_excluded([this](PieceIndex piece, const Peer& peer) {
        return smart_ban.is_suspect(piece, peer.session.remote().address);
    });
}

Torrent::Torrent(const Identity& identity, const TorrentOptions& options, std::uint64_t seed, TimePoint now)
    : identity_(identity),
      options_(options),
      rng_(seed),
      content_(std::make_unique<Content>(kNoLayout, no_storage, peers_, options_)),
      peer_list_(rng_),
      metadata_fetch_(std::in_place, identity_),
      last_active_(now) {
    if (options_.pex)
        pex_.emplace([this](ConnectionId id) {
            const wire::PeerSession& peer = peers_.at(id)->session;
            return peer.is_seed() || peer.extended().upload_only;
        });
}

Torrent::Torrent(const Identity& identity, const Layout& layout, Storage& storage,
                 const TorrentOptions& options, std::uint64_t seed, TimePoint now)
    : Torrent(identity, options, seed, now) {
    know_content(layout, storage, nullptr, now);
}

void Torrent::know_content(const Layout& layout, Storage& storage, std::shared_ptr<const Bytes> metadata,
                           TimePoint now) {
    assert(metadata_fetch_);
    metadata_fetch_.reset();
    metadata_ = std::move(metadata);
    content_ = std::make_unique<Content>(layout, storage, peers_, options_);
    announced_ = storage.available();
    completed_said_ = content_->picker.bytes_missing() == 0;
    last_active_ = now;
    std::vector<ConnectionId> ids;
    for (const auto& [id, peer] : peers_) ids.push_back(id);
    for (ConnectionId id : ids) {
        Peer& peer = *peers_.at(id);
        peer.session.know_content(layout, metadata_, now);
        for (std::uint32_t i = 0; i < announced_.size(); ++i)
            if (announced_.test(PieceIndex(i))) peer.session.announce_have(PieceIndex(i));
        drain(peer, now);
    }
    settle(now);
}

void Torrent::become_private(TimePoint now) {
    pex_.reset();
    peer_list_.become_private();
    std::vector<ConnectionId> strangers;
    for (const auto& [id, peer] : peers_) {
        peer->session.end_pex();
        if (peer->session.direction() == wire::Direction::outgoing &&
            !peer_list_.may_dial(*peer->dial_endpoint))
            strangers.push_back(id);
    }
    for (ConnectionId id : strangers) disconnect(id, Errc::peer_not_needed, now);
    settle(now);
}

// ---- peers ----

void Torrent::handle_candidates(std::span<const Endpoint> endpoints, PeerSource source, TimePoint now) {
    for (const Endpoint& endpoint : endpoints) peer_list_.add(endpoint, source);
    settle(now);
}

void Torrent::dial_more(TimePoint now) {
    while (dialling_ < kMaxDialling && peers_.size() + dialling_ < options_.max_peers) {
        const auto endpoint = peer_list_.next(now);
        if (!endpoint) return;
        ++dialling_;
        actions_.push_back(Dial{*endpoint});
    }
}

void Torrent::handle_dial_failed(const Endpoint& endpoint, TimePoint now) {
    --dialling_;
    peer_list_.on_failed(endpoint, now);
    settle(now);
}

ConnectionId Torrent::handle_connected(const Endpoint& endpoint, wire::Direction direction,
                                       std::optional<Duration> connect_time, TimePoint now) {
    if (direction == wire::Direction::outgoing) --dialling_;
    const bool full = peers_.size() >= options_.max_peers;
    // It may have been dialled before the torrent turned out to be private.
    const bool stranger = direction == wire::Direction::outgoing && !peer_list_.may_dial(endpoint);
    if (peer_list_.is_banned(endpoint.address) || full || stranger) {
        if (direction == wire::Direction::outgoing) peer_list_.on_closed(endpoint, false, now);
        return kNobody;
    }
    const ConnectionId id = next_connection_++;
    const wire::PeerSession::Config config{
        .direction = direction,
        .identity = identity_,
        .layout = metadata_fetch_ ? nullptr : &content_->layout,
        .our_id = options_.peer_id,
        .remote = endpoint,
        .listen_port = options_.listen_port,
        .dht_port = peer_list_.is_private() ? std::uint16_t{0} : options_.dht_port,
        .interested = active(now) && (metadata_fetch_ || content_->picker.bytes_missing() > 0),
        .eager = direction == wire::Direction::outgoing && !peer_list_.wants_plain_greeting(endpoint),
        .have = announced_,
        .metadata = metadata_,
        .pex = pex_.has_value(),
        .on_output =
            [this, id] {
                if (sending_.insert(id).second) actions_.push_back(Send{id});
            },
    };
    auto peer = std::make_unique<Peer>(id, config, static_cast<wire::BlockPlaces&>(*this), now);
    if (direction == wire::Direction::outgoing) peer->dial_endpoint = endpoint;
    if (connect_time) peer->estimate.on_round_trip(*connect_time, now);
    peers_.emplace(id, std::move(peer));
    housekeeping_due_ = std::min(housekeeping_due_, now + kHousekeeping);
    settle(now);
    return id;
}

wire::PeerSession* Torrent::session(ConnectionId connection) {
    auto found = peers_.find(connection);
    return found == peers_.end() ? nullptr : &found->second->session;
}

void Torrent::handle_received(ConnectionId connection, std::size_t size, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    found->second->session.handle_received(size, now);
    if (drain(*found->second, now)) settle(now);  // part of a block changes nothing
}

void Torrent::handle_bytes(ConnectionId connection, ByteView bytes, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    found->second->session.handle_bytes(bytes, now);
    drain(*found->second, now);
    settle(now);
}

void Torrent::handle_sent(ConnectionId connection, std::size_t size, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    const std::uint64_t before = found->second->session.content_sent();
    found->second->session.handle_sent(size, now);
    up_.add(found->second->session.content_sent() - before, now);
    content_->uploader.pump(*found->second, !content_->demand.blocked().empty());
}

void Torrent::handle_closed(ConnectionId connection, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    remove(connection, false, now);
    settle(now);
}

void Torrent::disconnect(ConnectionId connection, Error reason, TimePoint now) {
    remove(connection, reason == Errc::peer_not_needed || reason == Errc::duplicate_peer, now);
    actions_.push_back(Disconnect{connection, reason});
}

void Torrent::remove(ConnectionId connection, bool useless, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    Peer& peer = *found->second;
    if (metadata_fetch_) metadata_fetch_->remove_peer(connection);
    if (pex_) pex_->remove_peer(connection, now);
    content_->dispatcher.release(peer, false, now);
    content_->dispatcher.on_peer_gone(peer);
    uncount(peer);
    const Endpoint remote = peer.session.remote();
    if (peer.dial_endpoint) {
        const bool disliked_the_greeting = peer.eager && peer.session.content_received() == 0 &&
                                           now < peer.connected + kGreetingDislikedWithin;
        if (!useless && (disliked_the_greeting || !peer.session.greeted())) {
            peer_list_.on_hung_up(*peer.dial_endpoint, now);
        } else {
            peer_list_.on_closed(*peer.dial_endpoint, useless, now);
        }
    }
    departed_.emplace(connection, remote.address);
    if (departed_.size() > kMaxDeparted) departed_.erase(departed_.begin());
    uploaded_gone_ += peer.session.content_sent();
    content_->smart_ban.clear_suspicions();  // whoever is left has to be asked
    content_->dispatcher.on_demand_changed();
    sending_.erase(connection);
    peers_.erase(found);
    content_->uploader.assign_slots(now);
}

void Torrent::uncount(Peer& peer) {
    if (peer.counted_as_seed) content_->picker.seed_left();
    if (peer.counted_pieces) content_->picker.pieces_left(*peer.counted_pieces);
    peer.counted_as_seed = false;
    peer.counted_pieces.reset();
}

// ---- what peers say ----

bool Torrent::drain(Peer& peer, TimePoint now) {
    const ConnectionId id = peer.id;
    bool any = false;
    while (auto event = peer.session.poll_event()) {
        std::visit([&](const auto& e) { on_event(peer, e, now); }, *event);
        any = true;
        if (!peers_.contains(id)) return true;  // it was disconnected
    }
    if (any) content_->dispatcher.on_peer_changed(peer);
    return any;
}

void Torrent::on_event(Peer& peer, const wire::Greeted&, TimePoint now) {
    for (const auto& [id, other] : peers_) {
        if (id == peer.id || !other->session.greeted() || other->session.peer_id() != peer.session.peer_id())
            continue;
        const ConnectionId dropped = redundant(peer, *other);
        const bool is_this = dropped == peer.id;  // and gone, then
        disconnect(dropped, Errc::duplicate_peer, now);
        if (is_this) return;
        break;
    }
    if (pex_ && peer.dial_endpoint) pex_->add_contact(peer.id, *peer.dial_endpoint, true, now);
    update_interest(peer, now);
}

/// Of two connections with one peer, the one to close. Both sides have to choose the same: where each has
/// dialled the other, the connection that the greater peer id made stays.
ConnectionId Torrent::redundant(const Peer& newer, const Peer& older) const {
    if (newer.session.direction() == older.session.direction()) return newer.id;
    const auto keeps =
        options_.peer_id > newer.session.peer_id() ? wire::Direction::outgoing : wire::Direction::incoming;
    return newer.session.direction() == keeps ? older.id : newer.id;
}

void Torrent::on_event(Peer& peer, const wire::PiecesKnown&, TimePoint now) {
    uncount(peer);
    if (peer.session.is_seed()) {
        peer.counted_as_seed = true;
        content_->picker.seed_joined();
    } else if (peer.session.pieces()) {
        peer.counted_pieces = peer.session.pieces();
        content_->picker.pieces_joined(*peer.counted_pieces);
    }
    content_->dispatcher.on_peer_offers(peer);
    after_pieces_changed(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::PieceGained& e, TimePoint now) {
    if (!peer.counted_as_seed) {
        if (!peer.counted_pieces) peer.counted_pieces.emplace(content_->layout.piece_count());
        if (peer.counted_pieces->set(e.piece)) content_->picker.piece_gained(e.piece);
        if (peer.counted_pieces->all()) {
            uncount(peer);
            peer.counted_as_seed = true;
            content_->picker.seed_joined();
        }
    }
    if (content_->demand.is_blocked_on(e.piece)) content_->dispatcher.on_peer_offers(peer);
    after_pieces_changed(peer, now);
}

void Torrent::on_event(Peer& peer, const wire::PieceLost& e, TimePoint now) {
    if (peer.counted_as_seed) {
        uncount(peer);
        peer.counted_pieces.emplace(content_->layout.piece_count(), true);
        content_->picker.pieces_joined(*peer.counted_pieces);
    }
    if (peer.counted_pieces && peer.counted_pieces->clear(e.piece)) content_->picker.piece_left(e.piece);
    update_interest(peer, now);
}

void Torrent::after_pieces_changed(Peer& peer, TimePoint now) {
    if (peer.session.is_seed() && content_->picker.bytes_missing() == 0)
        return disconnect(peer.id, Errc::peer_not_needed, now);
    update_interest(peer, now);
}

void Torrent::on_event(Peer&, const wire::Choked&, TimePoint) {}

void Torrent::on_event(Peer& peer, const wire::Unchoked&, TimePoint now) {
    peer.last_asked = now;
    content_->dispatcher.on_peer_offers(peer);
}

void Torrent::on_event(Peer&, const wire::InterestChanged&, TimePoint now) {
    content_->uploader.assign_slots(now);
}

void Torrent::on_event(Peer& peer, const wire::BlockArrived& e, TimePoint now) {
    peer.snubbed = false;
    downloaded_ += e.block.size;
    down_.add(e.block.size, now);
    peer.estimate.on_received(e.block.size, peer.session.requests().bytes(), now);
    if (PartialPiece* complete = content_->dispatcher.take_block(peer, e.block, e.data, now)) {
        const PieceIndex piece = complete->piece();
        content_->storage.verify(piece, content_->picker.start_verifying(piece),
                                 content_->smart_ban.knows(piece));
    }
    content_->dispatcher.refresh_offer(e.block.piece);
}

void Torrent::on_event(Peer& peer, const wire::BlockUnneeded& e, TimePoint now) {
    peer.snubbed = false;
    downloaded_ += e.block.size;
    down_.add(e.block.size, now);
    peer.estimate.on_received(e.block.size, peer.session.requests().bytes(), now);
    content_->dispatcher.count_wasted(e.block.size);
}

void Torrent::on_event(Peer& peer, const wire::BlockRefused& e, TimePoint) {
    // Who refuses without choking us would be the soonest to be asked again, and again. Trusted when it
    // sends.
    if (!peer.session.peer_choking()) peer.snubbed = true;
    content_->dispatcher.release_block(peer, e.block);
}

void Torrent::on_event(Peer& peer, const wire::BlockWanted& e, TimePoint) {
    if (!announced_.test(e.block.piece)) return peer.session.refuse_block(e.block);
    content_->uploader.on_wanted(peer, e.block);
    content_->uploader.pump(peer, !content_->demand.blocked().empty());
}

void Torrent::on_event(Peer& peer, const wire::BlockNotWanted& e, TimePoint) {
    content_->uploader.on_not_wanted(peer, e.block);
}

void Torrent::on_event(Peer& peer, const wire::ExtensionsKnown&, TimePoint now) {
    const auto& said = peer.session.extended();
    if (said.your_address && !said.your_address->is_private() && !said.your_address->is_loopback())
        peer_list_.set_own_address({*said.your_address, options_.listen_port});
    if (metadata_fetch_ && said.metadata_id != 0 && said.metadata_size)
        metadata_fetch_->add_peer(peer.id, *said.metadata_size);
    // An incoming peer says where it can be dialled.
    if (!peer.dial_endpoint && said.listen_port) {
        peer.dial_endpoint = Endpoint{peer.session.remote().address, *said.listen_port};
        peer_list_.add_connected(*peer.dial_endpoint);
        if (pex_) pex_->add_contact(peer.id, *peer.dial_endpoint, false, now);
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

void Torrent::on_event(Peer& peer, const wire::PexArrived& e, TimePoint now) {
    if (!pex_) return;
    const bool want_seeds = metadata_fetch_ || content_->picker.bytes_missing() > 0;
    const auto heard = pex_->handle_message(peer.id, e.message, want_seeds, now);
    for (const Endpoint& endpoint : heard) peer_list_.add(endpoint, PeerSource::pex);
}

void Torrent::on_event(Peer& peer, const wire::Failed& e, TimePoint now) {
    const bool dialled = peer.session.direction() == wire::Direction::outgoing;
    if (e.reason == Errc::connected_to_self && dialled) peer_list_.on_ourselves(peer.session.remote());
    disconnect(peer.id, e.reason, now);
}

std::span<std::byte> Torrent::place_of(const BlockRef& block) {
    PartialPiece* partial = content_->picker.partial(block.piece);
    if (!partial) return {};
    const std::uint32_t index = partial->block_at(block);
    // The session asks for requests of its own peer: one asker means it alone.
    if (partial->askers(index).size() != 1 || partial->payload(index) != block) return {};
    return partial->place(index);
}

// ---- the store ----

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

// ---- readers ----

void Torrent::set_reader(ReaderId reader, const ReaderDemand& demand, TimePoint now) {
    const bool was_active = active(now);
    content_->demand.set_reader(reader, demand, now);
    last_active_ = now;
    content_->dispatcher.on_demand_changed();
    content_->dispatcher.drop_unwanted(now);
    if (!was_active)
        for (auto& [id, peer] : peers_) update_interest(*peer, now);
    settle(now);
}

void Torrent::drop_reader(ReaderId reader, TimePoint now) {
    content_->demand.drop_reader(reader);
    last_active_ = now;
    content_->dispatcher.on_demand_changed();
    content_->dispatcher.drop_unwanted(now);
    settle(now);
}

bool Torrent::active(TimePoint now) const {
    return metadata_fetch_ || content_->dispatcher.has_background_work() ||
           content_->demand.reader_count() > 0 || now < last_active_ + kLinger;
}

bool Torrent::interesting(const Peer& peer) const {
    if (metadata_fetch_) return true;  // so that we are unchoked when there is something to ask for
    if (content_->picker.bytes_missing() == 0) return false;
    if (peer.session.is_seed() || !peer.session.pieces_known()) return true;
    const auto& pieces = peer.session.pieces();
    if (!pieces) return false;
    if (pieces->count() > content_->picker.had().count()) return true;
    for (std::uint32_t i = 0; i < pieces->size(); ++i)
        if (pieces->test(PieceIndex(i)) && !content_->picker.had().test(PieceIndex(i))) return true;
    return false;
}

void Torrent::update_interest(Peer& peer, TimePoint now) {
    peer.session.set_interested(active(now) && interesting(peer));
}

// ---- time and actions ----

void Torrent::settle(TimePoint now) {
    if (metadata_fetch_) ask_for_metadata(now);
    if (pex_) tell_of_peers(now);
    content_->dispatcher.dispatch(now);
    dial_more(now);
}

void Torrent::ask_for_metadata(TimePoint now) {
    while (const auto ask = metadata_fetch_->poll_ask(now))
        peers_.at(ask->peer)->session.request_metadata(ask->piece);
    if (auto whole = metadata_fetch_->take_whole())
        actions_.push_back(MetadataFetched{std::make_shared<const Bytes>(std::move(*whole))});
}

void Torrent::tell_of_peers(TimePoint now) {
    for (const auto& [to, message] : pex_->take_messages(now)) peers_.at(to)->session.send_pex(message);
}

void Torrent::set_ports(std::uint16_t listen_port, std::uint16_t dht_port) {
    options_.listen_port = listen_port;
    options_.dht_port = dht_port;
}

TimePoint Torrent::next_timeout() const {
    TimePoint next = std::min(housekeeping_due_, content_->dispatcher.next_timeout());
    if (pex_) next = std::min(next, pex_->next_timeout());
    if (metadata_fetch_) next = std::min(next, metadata_fetch_->next_timeout());
    if (dialling_ < kMaxDialling && peers_.size() + dialling_ < options_.max_peers)
        next = std::min(next, peer_list_.next_time());
    return next;
}

void Torrent::handle_timeout(TimePoint now) {
    if (now >= housekeeping_due_) housekeep(now);
    settle(now);
}

void Torrent::housekeep(TimePoint now) {
    std::vector<ConnectionId> ids;
    for (const auto& [id, peer] : peers_) ids.push_back(id);
    for (ConnectionId id : ids) {
        auto found = peers_.find(id);
        if (found == peers_.end()) continue;
        Peer& peer = *found->second;
        if (now >= peer.session.next_timeout()) {
            peer.session.handle_timeout(now);
            content_->dispatcher.on_peer_changed(peer);
            drain(peer, now);
        }
    }
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    if (content_->demand.reader_count() > 0) content_->dispatcher.stay_in_touch(now);
    content_->uploader.rotate_slots(now);
    if (content_->picker.nothing_unverified()) departed_.clear();
    housekeeping_due_ = peers_.empty() ? kNever : now + kHousekeeping;
}

std::optional<TorrentAction> Torrent::poll_action() {
    if (actions_.empty()) return std::nullopt;
    TorrentAction action = actions_.front();
    actions_.pop_front();
    if (const Send* send = std::get_if<Send>(&action)) sending_.erase(send->connection);
    return action;
}

TorrentTotals Torrent::totals() const {
    TorrentTotals totals;
    totals.uploaded = uploaded_gone_;
    totals.downloaded = downloaded_;
    totals.wasted = content_->dispatcher.wasted();
    // What is left of a torrent without a size is not nothing: trackers would take us for a seed.
    totals.left = metadata_fetch_ ? kBlockSize : content_->picker.bytes_missing();
    totals.peers = peers_.size();
    for (const auto& [id, peer] : peers_) {
        totals.uploaded += peer->session.content_sent();
        totals.seeds += peer->session.is_seed();
    }
    return totals;
}

MetadataProgress Torrent::metadata_progress() const {
    if (!metadata_fetch_) return {};
    return {metadata_fetch_->pieces_had(), metadata_fetch_->piece_count()};
}

}  // namespace btfs
