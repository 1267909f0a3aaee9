#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <cassert>

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
      outside_ports_(options_.ports),
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
    const PeerPorts& ports = ports_for(endpoint.address);
    const wire::PeerSession::Config config{
        .direction = direction,
        .identity = identity_,
        .layout = metadata_fetch_ ? nullptr : &content_->layout,
        .our_id = options_.peer_id,
        .remote = endpoint,
        .listen_port = ports.tcp,
        .dht_port = peer_list_.is_private() ? std::uint16_t{0} : ports.dht,
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
    return metadata_fetch_ || content_->demand.reader_count() > 0 || now < last_active_ + kLinger ||
           content_->dispatcher.has_background_work();
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

/// Who is in our network, or comes over IPv6, does not go through the gateway.
const PeerPorts& Torrent::ports_for(const Address& remote) const {
    const bool outside = remote.is_v4() && !remote.is_private() && !remote.is_loopback();
    return outside ? outside_ports_ : options_.ports;
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
