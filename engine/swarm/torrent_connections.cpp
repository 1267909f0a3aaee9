// Torrent: the peers that it dials, admits, dials again, and disconnects.
#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <boost/system/errc.hpp>

#include "engine/core/address_scope.hpp"
#include "engine/swarm/web_seed_address.hpp"

namespace btfs {
namespace {

/// A peer that hangs up within this time and has sent no content may have disliked how we greeted it.
constexpr Duration kGreetingDislikedWithin = 3s;
/// A web seed's first requests: as much as one of its connections brings while it starts.
constexpr std::uint64_t kWebSeedTarget = 2 * 1024 * 1024;
/// Returns true if our network has no route to the peer, or the dial was not made. Neither says anything
/// about the peer.
bool is_our_networks(Error reason) {
    namespace errc = boost::system::errc;
    return reason == Errc::cancelled || reason == errc::too_many_files_open ||
           reason == errc::network_unreachable || reason == errc::host_unreachable ||
           reason == errc::network_down || reason == errc::address_not_available;
}

}  // namespace

void Torrent::handle_candidates(std::span<const Endpoint> endpoints, PeerSource source, TimePoint now) {
    for (const Endpoint& endpoint : endpoints) peer_list_.add(endpoint, source);
    settle(now);
}

void Torrent::handle_kept_peers(std::span<const KeptPeer> peers, TimePoint now) {
    kept_.take_earlier(peers);
    for (const KeptPeer& peer : peers)
        if (!peer_list_.is_private() || is_for_private(peer.source)) {
            peer_list_.add(peer.endpoint, PeerSource::kept);
            peer_list_.on_kept_way(peer.endpoint, peer.way);
        }
    settle(now);
}

std::vector<KeptPeer> Torrent::peers_to_keep(TimePoint now) {
    const auto may_keep = [this](const KeptPeer& peer) {
        if (peer_list_.is_private() && !is_for_private(peer.source)) return false;
        return !peer_list_.is_banned(peer.endpoint.address);
    };
    return kept_.best(may_keep, now);
}

bool Torrent::can_dial() const {
    return !paused_ && dialling_ < max_dialling_ && peers_.size() + dialling_ < max_peers();
}

void Torrent::dial_more(TimePoint now) {
    while (can_dial()) {
        const auto endpoint = peer_list_.next(now);
        if (!endpoint) return;
        dial(*endpoint, our_id_for(*endpoint));
        if (holepunch_) holepunch_->on_dial_begun(*endpoint, now);
    }
}

void Torrent::dial(const Endpoint& endpoint, const wire::PeerId& our_id) {
    ++dialling_;
    actions_.push_back(dial_action(endpoint, our_id));
}

Dial Torrent::dial_action(const Endpoint& endpoint, const wire::PeerId& our_id) {
    Dial action{.endpoint = endpoint,
                .manner = peer_list_.begin_dial(endpoint),
                .utp_told = peer_list_.is_utp_told(endpoint),
                .first = transports_.prefers_utp() ? FirstTransport::utp : FirstTransport::usual};
    action.contested = our_id == options_.peer_id && is_dial_contested(endpoint);
    if (action.manner.encrypted || action.contested) {
        const auto greeting = wire::PeerSession::our_handshake(identity_.wire_hash(), our_id,
                                                               dht_port_for(endpoint.address) != 0);
        ByteWriter(action.greeting).bytes(greeting.encode());
    }
    return action;
}

/// Returns true while a read waits, no peer has answered, and nothing is known of how this one is to be
/// dialled. Then a round trip is worth a second connection.
bool Torrent::is_dial_contested(const Endpoint& endpoint) const {
    return readers_wait() && dialling_ <= kMaxContested && peer_list_.may_contest(endpoint) &&
           std::ranges::none_of(peers_, [](const auto& entry) { return entry.second->session.greeted(); });
}

void Torrent::handle_dial_settled(ConnectionId connection, bool utp, bool encrypted) {
    const auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    found->second->utp = utp;
    found->second->encrypted = encrypted;
    if (found->second->dial_endpoint)
        peer_list_.on_dial_settled(*found->second->dial_endpoint, {.encrypted = encrypted});
}

// ---- peers behind NATs ----

/// Dials on behalf of a relay. Such dials do not wait for others: they are worth something only now.
void Torrent::punch(const Endpoint& endpoint) {
    if (punching_.size() >= kMaxPunching || punching_.contains(endpoint) || max_dialling_ == 0 || paused_)
        return;
    if (peers_.size() >= max_peers() || peer_list_.is_banned(endpoint.address)) return;
    // An endpoint that only a relay has named is known once it is connected: it is dialled no second time.
    peer_list_.on_utp_told(endpoint);
    punching_.emplace(endpoint, peer_list_.begin_unasked(endpoint));
    Dial action = dial_action(endpoint, our_id_for(endpoint));
    action.punch = true;
    action.contested = false;
    actions_.push_back(std::move(action));
}

/// The dial has failed, or there is another connection.
void Torrent::end_punch(const Endpoint& endpoint, Error reason, TimePoint now) {
    const auto node = punching_.extract(endpoint);
    if (node.empty() || !node.mapped() || counts_as_connected(endpoint)) return;
    if (is_connected_at(endpoint)) return peer_list_.on_closed(endpoint, ConnectionUse::no_need, now);
    count_failed_dial(endpoint, reason, now);
}

bool Torrent::counts_as_connected(const Endpoint& endpoint) const {
    return std::ranges::any_of(peers_,
                               [&](const auto& entry) { return entry.second->dial_endpoint == endpoint; });
}

void Torrent::count_failed_dial(const Endpoint& endpoint, Error reason, TimePoint now) {
    if (paused_ && reason == Errc::cancelled) {
        // The pause has ended the dial: the peer is dialled at once when the torrent goes on.
        peer_list_.on_closed(endpoint, ConnectionUse::no_need, now);
    } else if (is_our_networks(reason)) {
        peer_list_.on_unreachable(endpoint, now);
    } else if (reason == Errc::encryption_refused) {
        peer_list_.on_hung_up(endpoint, HangUp::in_encryption, now);
    } else {
        peer_list_.on_failed(endpoint, now);
    }
}

void Torrent::ask_relays(TimePoint now) {
    const auto messages = holepunch_->take_messages(readers_wait(), now);
    if (options_.datagrams_pass()) tell(messages);
}

void Torrent::tell(const std::vector<Holepunch::Telling>& tellings) {
    for (const auto& [to, message] : tellings) peers_.at(to)->session.send_holepunch(message);
}

bool Torrent::is_connected_at(const Endpoint& endpoint) const {
    return std::ranges::any_of(peers_, [&](const auto& entry) {
        return entry.second->dial_endpoint == endpoint || entry.second->session.remote() == endpoint;
    });
}

bool Torrent::is_ours(const Endpoint& endpoint) const {
    if (peer_list_.is_ourselves(endpoint)) return true;
    const auto own = (endpoint.address.is_v4() ? own_v4_ : own_v6_).winner();
    return own == endpoint.address && endpoint.port == ports_for(*own).tcp;
}

/// Returns the port of our DHT node that the peer is told; 0: none.
std::uint16_t Torrent::dht_port_for(const Address& remote) const {
    return peer_list_.is_private() ? std::uint16_t{0} : ports_for(remote).dht;
}

/// If all connections are taken, disconnects the least useful one in favour of a peer that may be dialled.
void Torrent::make_room_to_dial(TimePoint now) {
    if (now < turnover_due_ || peers_.size() + dialling_ < max_peers()) return;
    if (!active(now) || peer_list_.next_time() > now) return;
    const ConnectionId replaced = admission_.replaceable(wire::Direction::outgoing, max_peers(), now);
    if (replaced == kNobody) return;
    turnover_due_ = now + (readers_wait() ? kHurriedTurnover : kTurnoverEvery);
    disconnect(replaced, Errc::peer_not_needed, now);
}

void Torrent::handle_dial_failed(const Endpoint& endpoint, Error reason, TimePoint now, bool punch) {
    if (punch) {
        end_punch(endpoint, reason, now);
        return settle(now);
    }
    --dialling_;
    if (take_redial(endpoint)) return settle(now);  // the first connection is still there
    if (holepunch_) {
        is_our_networks(reason) ? holepunch_->on_dial_ended(endpoint)
                                : holepunch_->on_dial_failed(endpoint, now);
    }
    // A dial through the NATs may have connected meanwhile.
    if (!counts_as_connected(endpoint)) count_failed_dial(endpoint, reason, now);
    settle(now);
}

std::optional<Torrent::Redial> Torrent::take_redial(const Endpoint& endpoint) {
    const auto node = redialling_.extract(endpoint);
    return node.empty() ? std::nullopt : std::optional(node.mapped());
}

ConnectionId Torrent::handle_connected(const Endpoint& endpoint, const NewConnection& connection,
                                       TimePoint now) {
    const wire::Direction direction = connection.direction;
    const bool outgoing = direction == wire::Direction::outgoing;
    std::optional<Redial> redial;
    if (connection.punched) {
        // Our dial without the relay may have been faster. It counts once the peer has greeted: a NAT may
        // take a TCP connection and say nothing. If the peer's dial was faster, redundant() chooses: else
        // either side might close its own.
        const bool has_dialled = std::ranges::any_of(peers_, [&](const auto& entry) {
            return entry.second->dial_endpoint == endpoint && entry.second->session.greeted() &&
                   entry.second->session.direction() == wire::Direction::outgoing;
        });
        if (has_dialled) return end_punch(endpoint, Errc::cancelled, now), kNobody;
        punching_.erase(endpoint);
        peer_list_.add_connected(endpoint);
    } else if (outgoing) {
        --dialling_;
        redial = take_redial(endpoint);
    }
    if (outgoing && holepunch_) holepunch_->on_dial_ended(endpoint);
    // The peer may have been dialled before the torrent turned out to be private.
    const bool stranger = outgoing && !peer_list_.may_dial(endpoint);
    Admission::Verdict verdict{.admitted = true};
    const bool fetches = active(now) && (metadata_fetch_ || content_->picker.bytes_missing() > 0);
    if (!redial) verdict = admission_.judge(endpoint, direction, {max_peers(), dialling_, fetches}, now);
    if (paused_ || peer_list_.is_banned(endpoint.address) || !verdict.admitted || stranger) {
        if (outgoing && !redial) peer_list_.on_closed(endpoint, ConnectionUse::no_need, now);
        return kNobody;
    }
    if (verdict.evicted != kNobody) disconnect(verdict.evicted, Errc::peer_not_needed, now);
    const ConnectionId id = next_connection_++;
    const bool super_seeds = super_seeding_ && !super_seeding_->is_over();
    const wire::PeerSession::Config config{
        .direction = direction,
        .identity = identity_,
        .layout = metadata_fetch_ ? nullptr : &content_->layout,
        .our_id = redial ? redial->our_id : our_id_for(endpoint),
        .remote = endpoint,
        .listen_port = ports_for(endpoint.address).tcp,
        .dht_port = dht_port_for(endpoint.address),
        .interested = fetches && may_be_interested(endpoint.address, now),
        .eager = outgoing && !peer_list_.wants_plain_greeting(endpoint),
        .greeted = outgoing && connection.encrypted,
        .have = super_seeds ? super_seeding_->greeted_with() : announced_,
        .metadata = metadata_,
        .pex = pex_.has_value(),
        .holepunch = holepunch_ && options_.datagrams_pass(),
        .prompts = !outgoing && connection.utp,
        .allowed_fast = choker_.may_unchoke(),
        .on_output =
            [this, id] {
                if (sending_.insert(id).second) actions_.push_back(Send{id});
            },
    };
    auto peer = std::make_unique<Peer>(id, config, static_cast<wire::BlockPlaces&>(*this), now);
    peer->account = &take_limit_.join(endpoint.address);
    peer->encrypted = connection.encrypted;
    peer->utp = connection.utp;
    peer->punched = connection.punched;
    if (outgoing) peer->dial_endpoint = endpoint;
    peer->limited = options_.limits && (options_.limits->local_counts || !is_local(endpoint.address));
    if (const auto older = redial ? peers_.find(redial->replaces) : peers_.end(); older != peers_.end()) {
        peer->replaces = older->first;
        older->second->has_second = true;
    }
    if (connection.connect_time) peer->estimate.on_round_trip(*connection.connect_time, now);
    choker_.on_peer_connected(*peer);
    peers_.emplace(id, std::move(peer));
    if (super_seeding_) super_seeding_->add_peer(id, now);
    housekeeping_due_ = std::min(housekeeping_due_, now + kHousekeeping);
    content_->storage.prove_unproven();
    settle(now);
    return id;
}

ConnectionId Torrent::add_web_seed(std::uint32_t number, TimePoint now) {
    if (paused_ || metadata_fetch_ || content_->picker.bytes_missing() == 0) return kNobody;
    const ConnectionId id = next_connection_++;
    const Endpoint endpoint = web_seed_endpoint(number);
    const wire::PeerSession::Config config{
        .identity = identity_,
        .layout = &content_->layout,
        .our_id = options_.peer_id,
        .remote = endpoint,
        .interested = false,
        .have = announced_,
        .allowed_fast = false,
        .on_output =
            [this, id] {
                if (sending_.insert(id).second) actions_.push_back(Send{id});
            },
    };
    auto peer = std::make_unique<Peer>(id, config, static_cast<wire::BlockPlaces&>(*this), now);
    peer->is_web_seed = true;
    peer->estimate.set_first_target(kWebSeedTarget);
    peer->account = &take_limit_.join(endpoint.address);
    peer->limited = options_.limits != nullptr;
    choker_.on_peer_connected(*peer);
    peers_.emplace(id, std::move(peer));
    housekeeping_due_ = std::min(housekeeping_due_, now + kHousekeeping);
    settle(now);
    return id;
}

std::uint64_t Torrent::gap_end(std::uint64_t offset_in_torrent) const {
    const Layout& layout = content_->layout;
    PieceIndex piece = layout.piece_at(offset_in_torrent);
    while (piece.value() < layout.piece_count() && !content_->picker.had().test(piece)) piece = piece.next();
    return std::min(layout.total_size(), layout.piece_offset_in_torrent(piece));
}

wire::PeerSession* Torrent::session(ConnectionId connection) {
    auto found = peers_.find(connection);
    return found == peers_.end() ? nullptr : &found->second->session;
}

bool Torrent::is_snubbed(ConnectionId connection) const {
    const auto found = peers_.find(connection);
    return found != peers_.end() && found->second->snubbed;
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
    const std::uint64_t content = found->second->session.content_sent() - before;
    up_.add(content, now);
    found->second->up.add(content, now);
    slots_.on_sent(content, now);
    if (found->second->limited) options_.limits->on_sent(content, now);
    content_->dispatcher.count_uploaded(content);
    if (content > 0) found->second->last_uploaded = now;
    content_->uploader.pump(*found->second, now);
}

void Torrent::handle_round_trip(ConnectionId connection, Duration latest, Duration shortest) {
    const auto found = peers_.find(connection);
    if (found != peers_.end() && found->second->limited)
        options_.limits->uplink.on_round_trip(latest, shortest);
}

void Torrent::handle_reception(ConnectionId connection, const TcpReception& reception) {
    if (const auto found = peers_.find(connection); found != peers_.end())
        found->second->reception = reception;
}

void Torrent::handle_closed(ConnectionId connection, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    remove(connection, ConnectionUse::nothing, now);
    settle(now);
}

void Torrent::handle_path_broken(ConnectionId connection, TimePoint now) {
    const auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    if (const auto& endpoint = found->second->dial_endpoint) {
        if (other_ids_.size() >= kMaxOtherIds) other_ids_.clear();
        other_ids_.insert_or_assign(*endpoint, other_peer_id());
    }
    handle_closed(connection, now);
}

void Torrent::disconnect(ConnectionId connection, Error reason, TimePoint now) {
    const bool no_need = reason == Errc::peer_not_needed || reason == Errc::duplicate_peer ||
                         reason == Errc::message_flood || reason == Errc::torrent_paused;
    remove(connection, no_need ? ConnectionUse::no_need : ConnectionUse::nothing, now);
    actions_.push_back(Disconnect{connection, reason});
}

void Torrent::remove(ConnectionId connection, ConnectionUse use, TimePoint now) {
    auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    Peer& peer = *found->second;
    if (metadata_fetch_) metadata_fetch_->remove_peer(connection);
    if (pex_) pex_->remove_peer(connection, now);
    if (holepunch_) holepunch_->remove_peer(connection);
    content_->dispatcher.release(peer, false, now);
    content_->dispatcher.on_peer_gone(peer);
    content_->uploader.on_peer_gone(peer);
    choker_.on_peer_gone(peer, now);
    if (super_seeding_) super_seeding_->on_gone(connection);
    peer.pieces.clear(content_->picker);
    const Endpoint remote = peer.session.remote();
    if (use == ConnectionUse::nothing &&
        (peer.session.content_received() > 0 || peer.session.content_sent() > 0))
        use = ConnectionUse::content;
    // If there is a second connection to the same endpoint, the peer list learns of the end with that one.
    const bool is_last = std::ranges::none_of(peers_, [&](const auto& other) {
        return other.first != connection && other.second->dial_endpoint == peer.dial_endpoint;
    });
    if (peer.dial_endpoint && is_last) {
        const bool disliked_the_greeting = peer.eager && peer.session.content_received() == 0 &&
                                           now < peer.connected + kGreetingDislikedWithin;
        if (use == ConnectionUse::nothing && (disliked_the_greeting || !peer.session.greeted())) {
            const HangUp when = peer.session.greeted() ? HangUp::after_greeting : HangUp::before_greeting;
            peer_list_.on_hung_up(*peer.dial_endpoint, when, now);
        } else {
            peer_list_.on_closed(*peer.dial_endpoint, use, now);
        }
    }
    // Peers that sent no content are not remembered, so that they do not displace those that did.
    if (peer.session.content_received() > 0) content_->blame.on_departed(connection, remote.address);
    uploaded_gone_ += peer.session.content_sent();
    content_->dispatcher.on_demand_changed();
    sending_.erase(connection);
    peers_.erase(found);
    take_limit_.leave(remote.address);
    reconsider_blame(now);
    choker_.assign(now);
}

// ---- silent peers, and too few peers ----

bool Torrent::owes_blocked(const Peer& peer) const {
    return std::ranges::any_of(peer.session.requests(), [&](const wire::RequestInFlight& request) {
        return !request.cancelled && content_->demand.is_blocked_on(request.block.piece);
    });
}

/// Dials silent peers that owe blocks to a blocked read a second time. Their connections may be dead before
/// the kernel knows (another network, a NAT that has forgotten us); a second connection tells a dead one from
/// a slow peer.
void Torrent::redial_silent(TimePoint now) {
    if (!readers_wait()) return;
    const auto heard = [](const Peer& peer) {
        return std::max(peer.session.last_received(), peer.connected);
    };
    const auto silent_for = [&](const Peer& peer) {
        return now - std::max(heard(peer), peer.session.requests().oldest().value_or(TimePoint{}));
    };
    bool all_silent = true;
    for (const auto& [id, peer] : peers_)
        if (peer->session.last_progress() + kRedialAfter > now) all_silent = false;
    std::set<ConnectionId> replaced;
    for (const auto& [id, peer] : peers_) replaced.insert(peer->replaces);
    for (auto& [id, peer] : peers_) {
        if (redialling_.size() >= kMaxRedialling || dialling_ >= max_dialling_) return;
        if (!peer->dial_endpoint || !peer->session.greeted() || now < peer->redialled + kRedialEvery)
            continue;
        if ((!peer->snubbed && !owes_blocked(*peer)) || replaced.contains(id)) continue;
        const bool silent = peer->doubtful ? silent_for(*peer) >= kRedialDoubtfulAfter
                                           : all_silent && silent_for(*peer) >= kRedialAfter;
        if (!silent) continue;
        const auto [redial, is_new] =
            redialling_.try_emplace(*peer->dial_endpoint, Redial{id, other_peer_id()});
        if (!is_new) continue;
        peer->redialled = now;
        dial(redial->first, redial->second.our_id);
    }
}

/// Connects seeds anew over uTP where that may be faster. A leecher would forget what we have given it.
void Torrent::try_transports(TimePoint now) {
    if (!options_.utp || max_dialling_ == 0 || !options_.datagrams_pass()) return;
    std::vector<TransportTrial::Sight> sights;
    for (const auto& [id, peer] : peers_) {
        const wire::PeerSession& session = peer->session;
        if (session.direction() != wire::Direction::outgoing || !peer->dial_endpoint || peer->punched)
            continue;
        if (!session.is_seed() || session.peer_choking() || session.requests().size() == 0) continue;
        if (peer->has_second || peer->replaces != kNobody || redialling_.contains(*peer->dial_endpoint))
            continue;
        sights.push_back({.connection = id,
                          .endpoint = *peer->dial_endpoint,
                          .utp = peer->utp,
                          .received = session.content_received(),
                          .connected = peer->connected,
                          .unchoked = peer->unchoked,
                          .reception = peer->reception});
    }
    const TransportTrial::Moves moves = transports_.look(sights, readers_wait(), now);
    for (const ConnectionId id : moves.to_utp) reconnect(id, FirstTransport::utp, now);
    for (const ConnectionId id : moves.to_tcp) reconnect(id, FirstTransport::tcp, now);
}

void Torrent::reconnect(ConnectionId connection, FirstTransport first, TimePoint now) {
    const auto found = peers_.find(connection);
    if (found == peers_.end()) return;
    const Endpoint endpoint = *found->second->dial_endpoint;
    remove(connection, ConnectionUse::content, now);
    actions_.push_back(Disconnect{connection, Errc::other_transport});
    if (!peer_list_.begin_unasked(endpoint)) return;
    ++dialling_;
    Dial action = dial_action(endpoint, our_id_for(endpoint));
    action.first = first;
    actions_.push_back(std::move(action));
}

/// Chooses between a peer's two connections once the second can be used. If the first is still silent,
/// disconnects it, so that its blocks are asked for again. Otherwise disconnects the second and returns true.
bool Torrent::drop_replaced(const Peer& newer, TimePoint now) {
    const auto older = peers_.find(newer.replaces);
    if (older == peers_.end()) return false;
    const bool older_lives = older->second->session.last_received() >= newer.connected;
    disconnect(older_lives ? newer.id : older->first, Errc::duplicate_peer, now);
    return older_lives;
}

/// Disconnects the second connections of a peer whose first one serves us again.
void Torrent::drop_second(Peer& older, TimePoint now) {
    older.has_second = false;
    std::vector<ConnectionId> seconds;
    for (const auto& [id, peer] : peers_)
        if (peer->replaces == older.id) seconds.push_back(id);
    for (ConnectionId id : seconds) disconnect(id, Errc::duplicate_peer, now);
}

/// Returns a peer id for a further connection. Under the same id the peer (libtorrent, for one) would close
/// it as a duplicate of the first, which it may not know to be dead.
wire::PeerId Torrent::other_peer_id() {
    wire::PeerId id = options_.peer_id;
    rng_.fill(std::span(id).last(8));
    return id;
}

const wire::PeerId& Torrent::our_id_for(const Endpoint& endpoint) const {
    const auto other = other_ids_.find(endpoint);
    return other == other_ids_.end() ? options_.peer_id : other->second;
}

/// Asks for more peers if no connected peer can send the piece that the first blocked read waits for.
void Torrent::ask_for_peers(TimePoint now) {
    if (paused_ || !readers_wait() || now < want_peers_due_) return;
    const PieceIndex piece = content_->demand.blocked().begin()->piece;
    const bool anybody = std::ranges::any_of(peers_, [&](const auto& entry) {
        const Peer& peer = *entry.second;
        const bool may_come = !peer.session.greeted() || !peer.session.pieces_known();
        const bool has = peer.session.has(piece) && !peer.snubbed && !peer.session.peer_choking();
        return (may_come && now < peer.connected + kRedialAfter) || has;
    });
    if (anybody) return;
    want_peers_due_ = now + kWantPeersEvery;
    actions_.push_back(PeersWanted{});
}

void Torrent::on_network_changed(TimePoint now) {
    peer_list_.on_network_changed(now);
    transports_.reset();
    for (auto& [id, peer] : peers_) {
        peer->doubtful = true;
        peer->redialled = {};
    }
    want_peers_due_ = {};
    settle(now);
}

void Torrent::on_filter_changed(TimePoint now) {
    peer_list_.on_filter_changed();
    std::vector<ConnectionId> filtered;
    for (const auto& [id, peer] : peers_)
        if (!peer->is_web_seed && bans_.filters(peer->session.remote().address)) filtered.push_back(id);
    for (ConnectionId id : filtered) disconnect(id, Errc::address_filtered, now);
    settle(now);
}

std::size_t Torrent::give_up_connections(std::size_t count, TimePoint now) {
    const std::vector<ConnectionId> ids = admission_.least_useful(count, now);
    for (ConnectionId id : ids) disconnect(id, Errc::peer_not_needed, now);
    settle(now);
    return ids.size();
}

void Torrent::set_max_dialling(std::size_t count, TimePoint now) {
    max_dialling_ = count;
    settle(now);
}

}  // namespace btfs
