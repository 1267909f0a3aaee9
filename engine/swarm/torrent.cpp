#include "engine/swarm/torrent.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {
namespace {

/// How long we stay interested after the mount, and after the last file is closed, so that peers still
/// unchoke us at the next read.
constexpr Duration kLinger = 20s;

Bitfield united(Bitfield a, const Bitfield& b) {
    for (std::uint32_t i = 0; i < a.size(); ++i)
        if (b.test(PieceIndex(i))) a.set(PieceIndex(i));
    return a;
}

/// Layout without pieces, used while only the torrent's info-hash is known.
const Layout kNoLayout;

RateLimit* limit_of_requests(const TorrentOptions& options) {
    return options.limits ? &options.limits->down : nullptr;
}

RateLimit* limit_of_uploads(const TorrentOptions& options) {
    return options.limits ? &options.limits->up : nullptr;
}

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
                          TakeLimit& take_limit, const TorrentOptions& options, std::uint64_t random_seed)
    : layout(the_layout),
      storage(the_storage),
      picker(layout, united(storage.available(), storage.unproven())),
      demand(layout, [this](PieceIndex piece) { return dispatcher.offer_of(piece); }),
      blame(peers, layout),
      dispatcher({layout, picker, demand, peers, storage, take_limit, options.peer_id, random_seed,
                  limit_of_requests(options)}),
      uploader(peers, storage, limit_of_uploads(options)) {
    if (options.background) dispatcher.set_background(pieces_of(layout, options.background_files));
    dispatcher.set_excluded(
        [this](PieceIndex piece, const Peer& peer) { return blame.excludes(piece, peer); });
}

Torrent::Torrent(const Identity& identity, const TorrentOptions& options, std::uint64_t seed, TimePoint now)
    : identity_(identity),
      options_(options),
      outside_ports_(options_.ports),
      rng_(seed),
      content_(std::make_unique<Content>(kNoLayout, no_storage, peers_, take_limit_, options_, rng_.next())),
      bans_(options_.bans ? *options_.bans : own_bans_),
      slots_(options_.upload_slots ? *options_.upload_slots : own_slots_),
      choker_(peers_, slots_, rng_.next()),
      idle_(options_.idle_interest ? *options_.idle_interest : own_idle_),
      peer_list_(rng_, bans_, options_.encryption),
      admission_(peers_, [this](const Peer& peer) { return owes_blocked(peer); }),
      metadata_fetch_(std::in_place, identity_),
      paused_(options_.paused),
      last_active_(now),
      seed_rule_(options_.seed_goals) {
    paused_ ? seed_rule_.pause(now) : idle_.begin(*this, now);
    if (options_.pex) pex_.emplace([this](ConnectionId id) { return pex_flags(*peers_.at(id)); });
    if (options_.pex && options_.utp)
        holepunch_.emplace(peers_, [this](const Endpoint& endpoint) { return is_ours(endpoint); });
}

Torrent::Torrent(const Identity& identity, const Layout& layout, Storage& storage,
                 const TorrentOptions& options, std::uint64_t seed, TimePoint now)
    : Torrent(identity, options, seed, now) {
    know_content(layout, storage, nullptr, now);
}

Torrent::~Torrent() {
    idle_.remove(*this);
}

void Torrent::know_content(const Layout& layout, Storage& storage, std::shared_ptr<const Bytes> metadata,
                           TimePoint now) {
    assert(metadata_fetch_);
    metadata_fetch_.reset();
    metadata_ = std::move(metadata);
    content_ = std::make_unique<Content>(layout, storage, peers_, take_limit_, options_, rng_.next());
    apply_rate_limits(now);
    announced_ = storage.available();
    withdrawn_ = Bitfield(layout.piece_count());
    take_limit_.know_content(layout, announced_bytes());
    completed_said_ = content_->picker.bytes_missing() == 0;
    last_active_ = now;
    choker_.set_aim(aim(now));
    seed_rule_.set_had_at_start(layout.total_size() - content_->picker.bytes_missing());
    judge_seeding(now);
    const bool has_all = layout.piece_count() > 0 && announced_.all();
    if (options_.super_seed && has_all && peers_.empty())
        super_seeding_.emplace(peers_, announced_, layout.piece_length(), rng_.next());
    std::vector<ConnectionId> ids;
    for (const auto& [id, peer] : peers_) ids.push_back(id);
    if (!ids.empty()) storage.prove_unproven();
    for (ConnectionId id : ids) {
        Peer& peer = *peers_.at(id);
        content_->dispatcher.take_over(peer);
        peer.session.know_content(layout, metadata_, now);
        for (std::uint32_t i = 0; i < announced_.size(); ++i)
            if (announced_.test(PieceIndex(i))) peer.session.announce_have(PieceIndex(i));
        drain(peer, now);
    }
    settle(now);
}

std::uint64_t Torrent::announced_bytes() const {
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < announced_.size(); ++i)
        if (announced_.test(PieceIndex(i))) bytes += content_->layout.piece_size(PieceIndex(i));
    return bytes;
}

void Torrent::become_private(TimePoint now) {
    pex_.reset();
    holepunch_.reset();
    peer_list_.become_private();
    for (const Endpoint& endpoint : kept_.hearsay()) peer_list_.forget_kept(endpoint);
    std::vector<ConnectionId> strangers;
    for (const auto& [id, peer] : peers_) {
        peer->session.end_pex();
        peer->session.end_holepunch();
        if (peer->session.direction() == wire::Direction::outgoing && peer->dial_endpoint &&
            !peer_list_.may_dial(*peer->dial_endpoint))
            strangers.push_back(id);
    }
    for (ConnectionId id : strangers) disconnect(id, Errc::peer_not_needed, now);
    settle(now);
}

// ---- readers ----

void Torrent::set_reader(ReaderId reader, const ReaderDemand& demand, TimePoint now) {
    content_->demand.set_reader(reader, demand, now);
    last_active_ = now;
    content_->dispatcher.on_demand_changed();
    content_->dispatcher.drop_unwanted(now);
    tell_of_idleness(now);
    settle(now);
}

void Torrent::drop_reader(ReaderId reader, TimePoint now) {
    content_->demand.drop_reader(reader);
    last_active_ = now;
    content_->dispatcher.on_demand_changed();
    content_->dispatcher.drop_unwanted(now);
    tell_of_idleness(now);
    settle(now);
}

void Torrent::set_pinned(Bitfield pieces, TimePoint now) {
    if (metadata_fetch_) return;
    content_->dispatcher.set_pinned(std::move(pieces));
    on_background_changed(now);
}

void Torrent::prefetch(const Bitfield& pieces, TimePoint now) {
    if (metadata_fetch_) return;
    content_->dispatcher.prefetch(pieces);
    on_background_changed(now);
}

void Torrent::on_background_changed(TimePoint now) {
    last_active_ = now;
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    tell_of_idleness(now);
    settle(now);
}

bool Torrent::wants_content() const {
    if (paused_) return false;
    return content_->demand.reader_count() > 0 || content_->dispatcher.has_background_work();
}

bool Torrent::active(TimePoint now) const {
    return !paused_ && (wants_content() || metadata_fetch_ || now < last_active_ + kLinger);
}

bool Torrent::interesting(const Peer& peer) const {
    if (metadata_fetch_) return true;  // so that peers have unchoked us once the metadata is there
    if (content_->picker.bytes_missing() == 0) return false;
    return !peer.session.pieces_known() || peer.pieces.useful(content_->picker);
}

bool Torrent::may_be_interested(const Address& remote, TimePoint now) const {
    return wants_content() || (active(now) && idle_.may_be_interested(*this, remote.network()));
}

void Torrent::update_interest(Peer& peer, TimePoint now) {
    peer.session.set_interested(interesting(peer) && may_be_interested(peer.session.remote().address, now));
}

// ---- interest without a reader ----

bool Torrent::is_connected_to(const Address& host) const {
    return std::ranges::any_of(
        peers_, [&](const auto& entry) { return entry.second->session.remote().address.network() == host; });
}

bool Torrent::waits_at(const Address& host) const {
    return std::ranges::any_of(peers_, [&](const auto& entry) {
        const wire::PeerSession& peer = entry.second->session;
        return peer.peer_choking() && peer.remote().address.network() == host;
    });
}

void Torrent::reconsider_interest(TimePoint now) {
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
    options_.on_actions();
}

/// Tells the other torrents whether readers are here and wait: before our own peers are told, so that a slot
/// that another torrent gives back is free when we ask for it.
void Torrent::tell_of_idleness(TimePoint now) {
    const bool wanted = std::exchange(wanted_content_, wants_content());
    idle_.set_waiting(*this, !paused_ && readers_wait(), now);
    if (wanted == wanted_content_) return;
    if (wanted_content_) {
        idle_.end(*this);
    } else if (!paused_) {
        idle_.begin(*this, now);
    }
    for (auto& [id, peer] : peers_) update_interest(*peer, now);
}

// ---- time and actions ----

void Torrent::settle(TimePoint now) {
    if (metadata_fetch_) ask_for_metadata(now);
    if (pex_) tell_of_peers(now);
    content_->dispatcher.dispatch(now);
    tell_of_idleness(now);
    content_->uploader.pump_held(now);
    if (super_seeding_) super_seed(now);
    peer_list_.set_hurry(readers_wait(), now);
    dial_more(now);
    if (holepunch_) ask_relays(now);
    if (peers_.empty()) ask_for_peers(now);
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

/// Returns the ports to tell a peer: the gateway's external ports, unless the peer is in our own network or
/// uses IPv6 and so does not come through the gateway.
const PeerPorts& Torrent::ports_for(const Address& remote) const {
    const bool outside = remote.is_v4() && !remote.is_private() && !remote.is_loopback();
    return outside ? outside_ports_ : options_.ports;
}

TimePoint Torrent::next_timeout() const {
    TimePoint next =
        std::min({housekeeping_due_, content_->dispatcher.next_timeout(), content_->uploader.next_timeout(),
                  choker_.next_timeout(), seed_rule_.next_timeout()});
    if (pex_) next = std::min(next, pex_->next_timeout());
    if (holepunch_) next = std::min(next, holepunch_->next_timeout());
    if (metadata_fetch_) next = std::min(next, metadata_fetch_->next_timeout());
    if (can_dial()) next = std::min(next, peer_list_.next_time());
    if (!paused_ && peers_.empty() && readers_wait()) next = std::min(next, want_peers_due_);
    return next;
}

void Torrent::handle_timeout(TimePoint now) {
    if (now >= housekeeping_due_) housekeep(now);
    if (now >= seed_rule_.next_timeout()) judge_seeding(now);
    if (now >= choker_.next_timeout()) choker_.assign(now);
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
    for (auto& [id, peer] : peers_) {
        update_interest(*peer, now);
        if (peer->session.am_interested() || peer->session.peer_interested()) peer->last_wanted = now;
    }
    keep_own_max_peers(now);
    for (ConnectionId id : admission_.inactive(max_peers(), now)) disconnect(id, Errc::peer_not_needed, now);
    close_duplicates(now);
    make_room_to_dial(now);
    redial_silent(now);
    try_transports(now);
    ask_for_peers(now);
    if (content_->demand.reader_count() > 0) content_->dispatcher.stay_in_touch(now);
    judge_seeding(now);
    choker_.set_aim(aim(now));
    choker_.tick(now);
    if (super_seeding_) super_seeding_->tick(now);
    if (!active(now)) idle_.end(*this);
    reconsider_blame(now);
    announce_what_lasts();
    tell_what_is_rare(now);
    if (content_->picker.nothing_unverified()) content_->blame.forget_departed();
    housekeeping_due_ = peers_.empty() ? kNever : now + kHousekeeping;
}

Choker::Aim Torrent::aim(TimePoint now) const {
    Choker::Aim aim;
    aim.fetches = active(now) && content_->picker.bytes_missing() > 0;
    aim.has_readers = content_->demand.reader_count() > 0;
    aim.trades = content_->dispatcher.trades();
    aim.piece_length = content_->layout.piece_count() > 0 ? content_->layout.piece_size(PieceIndex(0)) : 0;
    if (readers_wait())
        aim.has_blocked = [piece = content_->demand.blocked().begin()->piece](const Peer& peer) {
            return !peer.snubbed && peer.session.has(piece);
        };
    return aim;
}

void Torrent::set_limits(const OwnLimits& limits, TimePoint now) {
    if (limits == own_limits_) return;
    own_limits_ = limits;
    apply_rate_limits(now);
    keep_own_max_peers(now);
    settle(now);
}

/// Disconnects the least useful peers beyond the torrent's own limit. Web seeds do not count, nor does a
/// second connection to a peer, which soon takes the place of the first.
void Torrent::keep_own_max_peers(TimePoint now) {
    if (!own_limits_.max_peers || peers_.size() <= *own_limits_.max_peers) return;
    const auto counts = [&](const Peer& peer) {
        return !peer.is_web_seed && !peers_.contains(peer.replaces);
    };
    auto count = static_cast<std::size_t>(
        std::ranges::count_if(peers_, [&](const auto& entry) { return counts(*entry.second); }));
    for (ConnectionId id : admission_.least_useful(peers_.size(), now)) {
        if (count <= *own_limits_.max_peers) return;
        const auto found = peers_.find(id);
        if (found == peers_.end() || !counts(*found->second)) continue;
        disconnect(id, Errc::peer_not_needed, now);
        --count;
    }
}

void Torrent::apply_rate_limits(TimePoint now) {
    content_->dispatcher.set_priority(own_limits_.priority);
    content_->uploader.set_priority(own_limits_.priority);
    content_->dispatcher.set_limit(own_limits_.download, own_limits_.heeds_process, now);
    content_->uploader.set_limit(own_limits_.upload, own_limits_.heeds_process, now);
}

void Torrent::set_paused(bool paused, TimePoint now) {
    if (std::exchange(paused_, paused) == paused) return;
    if (paused) {
        std::vector<ConnectionId> ids;
        for (const auto& [id, peer] : peers_) ids.push_back(id);
        for (ConnectionId id : ids) disconnect(id, Errc::torrent_paused, now);
        content_->dispatcher.give_up_empty();
        tell_of_idleness(now);
        idle_.end(*this);
        seed_rule_.pause(now);
    } else {
        last_active_ = now;
        seed_rule_.resume(now);
        if (!metadata_fetch_) judge_seeding(now);
        want_peers_due_ = now + kWantPeersEvery;  // the owner asks trackers and the DHT now
        peer_list_.on_need(now);
        if (!wants_content()) idle_.begin(*this, now);
    }
    settle(now);
}

void Torrent::set_seed_goals(const SeedGoals& goals, TimePoint now) {
    seed_rule_.set_goals(goals);
    if (!metadata_fetch_) judge_seeding(now);
}

/// Ends uploads if a goal of the user is reached, and lets them go on if none is. A paused torrent is judged
/// when it goes on.
void Torrent::judge_seeding(TimePoint now) {
    if (paused_) return;
    if (!seed_rule_.has_goals() && !seeding_ended_) return;
    const TorrentTotals all = totals();
    const auto reached = seed_rule_.judge({all.uploaded, all.downloaded, all.left == 0}, now);
    if (reached == std::exchange(seeding_ended_, reached)) return;
    choker_.set_closed(reached.has_value());
    choker_.assign(now);
    if (reached) content_->uploader.refuse_all();
    actions_.push_back(SeedingChanged{reached});
}

void Torrent::super_seed(TimePoint now) {
    super_seeding_->offer(now);
    if (super_seeding_->is_over() && !std::exchange(super_seeding_end_said_, true))
        actions_.push_back(SuperSeedingEnded{});
}

std::optional<TorrentAction> Torrent::poll_action() {
    if (actions_.empty()) return std::nullopt;
    TorrentAction action = actions_.front();
    actions_.pop_front();
    if (const Send* send = std::get_if<Send>(&action)) sending_.erase(send->connection);
    return action;
}

std::vector<PeerStatus> Torrent::peer_statuses(TimePoint now) const {
    const std::size_t pieces = metadata_fetch_ ? 0 : content_->layout.piece_count();
    std::vector<PeerStatus> statuses;
    statuses.reserve(peers_.size());
    for (const auto& [id, peer] : peers_) {
        PeerStatus& status = statuses.emplace_back(status_of(*peer, pieces, now));
        if (status.incoming) {
            status.source = PeerSource::incoming;
        } else if (peer->dial_endpoint && !status.web_seed) {
            status.source = peer_list_.source_of(*peer->dial_endpoint);
        }
    }
    return statuses;
}

std::vector<ReaderWait> Torrent::reader_waits() const {
    if (metadata_fetch_ || !readers_wait()) return {};
    return btfs::reader_waits(content_->demand, content_->picker, peers_,
                              {.paused = paused_,
                               .limit_is_zero = content_->dispatcher.limit_is_zero(),
                               .no_room = content_->dispatcher.lacks_credit()});
}

std::optional<PieceMap> Torrent::piece_map() const {
    if (metadata_fetch_) return std::nullopt;
    const Picker& picker = content_->picker;
    const std::uint32_t count = content_->layout.piece_count();
    PieceMap map{.piece_length = content_->layout.piece_length(),
                 .had = picker.had(),
                 .begun = picker.begun(),
                 .earlier = content_->storage.earlier(),
                 .availability = {}};
    map.availability.reserve(count);
    for (PieceIndex piece(0); piece.value() < count; piece = piece.next())
        map.availability.push_back(
            static_cast<std::uint8_t>(std::min(picker.availability(piece), PieceMap::kMaxAvailability)));
    return map;
}

TorrentTotals Torrent::totals() const {
    TorrentTotals totals;
    totals.uploaded = uploaded_gone_;
    totals.downloaded = received_.sum();
    totals.received = received_;
    totals.wasted = content_->dispatcher.wasted();
    totals.hedges = content_->dispatcher.hedges();
    // While the torrent's size is unknown, reports a block left: with 0 left, trackers would count us as a
    // seed.
    totals.left = metadata_fetch_ ? kBlockSize : content_->picker.bytes_missing();
    totals.partial_seed = options_.background && !metadata_fetch_ && totals.left > 0 &&
                          !content_->dispatcher.has_background_work() && content_->demand.reader_count() == 0;
    totals.seeding_ended = seeding_ended_;
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
