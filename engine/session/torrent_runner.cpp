#include "engine/session/torrent_runner.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "engine/log/log.hpp"

namespace btfs {

namespace {

std::int64_t unix_seconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// The port that trackers are told. Behind a proxy there is none, but many trackers refuse a 0, and BEP 3 has
/// no other word for it: they are told 1, where no peer listens.
std::uint16_t announced_port(std::uint16_t ours) {
    return ours != 0 ? ours : 1;
}

TorrentOptions options_of(const TorrentSpec& spec, TorrentOptions options, std::function<void()> on_actions) {
    options.paused = spec.paused;
    options.on_actions = std::move(on_actions);
    return options;
}

}  // namespace

TorrentRunner::TorrentRunner(const Shared& shared, TorrentHandle handle, TorrentSpec spec,
                             const TorrentOptions& options, std::uint64_t seed)
    : shared_(shared),
      handle_(handle),
      spec_(std::move(spec)),
      options_(options_of(spec_, options, [this] { after_event(); })),
      outside_ports_(options_.ports),
      torrent_(spec_.identity, options_, seed, Clock::now()),
      peer_search_(spec_.identity.wire_hash(), std::move(spec_.dht_nodes),
                   {[this](std::span<const Endpoint> peers, PeerSource source) { add_peers(peers, source); },
                    [this](AddressFamily family) { return dht_announce(family); }}),
      web_seeds_(spec_.web_seeds, spec_.http_seeds),
      dials_(shared_.dialer, [this](const Endpoint& endpoint) { return may_dial(endpoint); }),
      timer_(shared_.io) {
    shared_.connections.add(*this);
    if (spec_.content) take_up_content();
    if (!spec_.content && !web_seeds_.empty())
        log::info("{}: has web seeds, which serve once a peer has told what the torrent consists of",
                  spec_.name);
    if (!is_private() && !torrent_.is_paused()) peer_search_.start();
    update_dialling();
}

void TorrentRunner::provide(KnownContent content) {
    if (closed_ || spec_.content) return;
    spec_.content.emplace(std::move(content));
    take_up_content();
    after_event();
}

void TorrentRunner::take_up_content() {
    if (is_private()) {
        torrent_.become_private(Clock::now());
        peer_search_.stop();
    }
    // Subscribes to the store's events before know_content() asks the store which pieces it has: readers may
    // use the store already, and a piece that is lost in between must be reported. Events are posted, so the
    // torrent knows its content when the first one arrives.
    spec_.content->storage.attach(*this);
    // A private torrent's metadata is not served to peers: only those who have its torrent file may join it.
    torrent_.know_content(spec_.content->layout, spec_.content->storage,
                          is_private() ? nullptr : spec_.content->metadata, Clock::now());
    web_seeds_.know_content(spec_.content->layout, spec_.content->metadata, identity().v1);
}

TorrentRunner::~TorrentRunner() {
    connections_.clear();
    shared_.connections.remove(*this);
}

void TorrentRunner::start_announcing(net::TrackerClient& client, std::uint64_t seed) {
    tracker_client_ = &client;
    announcing_seed_ = seed;
    if (spec_.trackers.empty()) return;
    Rng rng(seed);
    tracker::Announcer::Options options;
    options.info_hash = spec_.identity.wire_hash();
    options.peer_id = options_.peer_id;
    options.port = announced_port(options_.ports.tcp);
    options.key = static_cast<std::uint32_t>(rng.next());
    announcing_ = std::make_unique<Announcing>(
        shared_.io, client, spec_.name, std::move(options), spec_.trackers, rng.next(),
        Announcing::Owner{[this] { return torrent_.totals(); },
                          [this](std::span<const Endpoint> peers) { add_peers(peers, PeerSource::tracker); },
                          [this](const Address& tracker, const Address& ours) {
                              if (!closed_) torrent_.handle_own_address(tracker, ours);
                          }});
    announcing_->set_port(AddressFamily::v4, announced_port(outside_ports_.tcp));
    if (!torrent_.is_paused()) announcing_->start();
}

void TorrentRunner::start_searching(net::DhtClient& dht) {
    peer_search_.use(dht);
}

void TorrentRunner::start_discovering(net::LsdClient& lsd) {
    peer_search_.use(lsd);
}

/// Returns the port and state that nodes of the DHT are told; nothing if no peer can reach us there.
std::optional<dht::Node::Announce> TorrentRunner::dht_announce(AddressFamily family) const {
    const PeerPorts& ports = family == AddressFamily::v4 ? outside_ports_ : options_.ports;
    if (ports.tcp == 0) return std::nullopt;
    return dht::Node::Announce{ports.tcp, torrent_.totals().left == 0};
}

void TorrentRunner::set_outside_ports(const PeerPorts& ports) {
    if (closed_) return;
    torrent_.set_outside_ports(ports);
    const PeerPorts before = std::exchange(outside_ports_, ports);
    if (before.tcp == ports.tcp) return;
    if (announcing_) announcing_->set_port(AddressFamily::v4, announced_port(ports.tcp));
    peer_search_.announce_again();
}

void TorrentRunner::stop_announcing(std::function<void()> stopped) {
    if (!announcing_) return stopped();
    announcing_->stop(std::move(stopped));
}

void TorrentRunner::add_peers(std::span<const Endpoint> endpoints, PeerSource source) {
    if (closed_) return;
    update_dialling();  // there may be more torrents than at the last event
    torrent_.handle_candidates(endpoints, source, Clock::now());
    after_event();
}

void TorrentRunner::add_kept_peers() {
    if (closed_ || spec_.kept_peers.empty()) return;
    const auto peers = read_kept_peers(std::exchange(spec_.kept_peers, {}), Clock::now(), unix_seconds());
    log::debug("{}: {} peers of an earlier run are dialled", spec_.name, peers.size());
    update_dialling();  // there may be more torrents than at the last event
    torrent_.handle_kept_peers(peers, Clock::now());
    after_event();
}

void TorrentRunner::keep_peers() {
    keep_due_ = kNever;
    if (!spec_.on_peers || !torrent_.has_peers_to_keep()) return;
    has_kept_ = true;
    const TimePoint now = Clock::now();
    spec_.on_peers(write_kept_peers(torrent_.peers_to_keep(now), now, unix_seconds()));
}

void TorrentRunner::set_pinned(Bitfield pieces) {
    if (closed_) return;
    torrent_.set_pinned(std::move(pieces), Clock::now());
    after_event();
}

void TorrentRunner::prefetch(const Bitfield& pieces) {
    if (closed_) return;
    torrent_.prefetch(pieces, Clock::now());
    after_event();
}

void TorrentRunner::set_paused(bool paused) {
    if (closed_ || paused == torrent_.is_paused()) return;
    log::info("{}: {}", spec_.name, paused ? "paused" : "goes on");
    torrent_.set_paused(paused, Clock::now());
    if (paused) {
        peer_search_.stop();
        if (announcing_) announcing_->pause();
        dials_.cancel_all();
    } else {
        update_dialling();
        if (announcing_) announcing_->start();
        if (!is_private()) peer_search_.start();
    }
    after_event();
}

void TorrentRunner::want_peers() {
    if (!closed_) carry_out(PeersWanted{});
}

void TorrentRunner::on_limits_changed() {
    if (!closed_) after_event();
}

void TorrentRunner::set_seed_goals(const SeedGoals& goals) {
    if (closed_) return;
    torrent_.set_seed_goals(goals, Clock::now());
    after_event();
}

void TorrentRunner::set_limits(const OwnLimits& limits) {
    if (closed_) return;
    torrent_.set_limits(limits, Clock::now());
    after_event();
}

void TorrentRunner::set_trackers(std::vector<std::vector<std::string>> trackers) {
    if (closed_) return;
    spec_.trackers = std::move(trackers);
    if (announcing_) return announcing_->set_trackers(spec_.trackers);
    if (tracker_client_) start_announcing(*tracker_client_, announcing_seed_);
}

void TorrentRunner::set_reader(ReaderId reader, const ReaderDemand& demand) {
    if (closed_) return;
    readers_.insert(reader);
    torrent_.set_reader(reader, demand, Clock::now());
    after_event();
}

void TorrentRunner::drop_reader(ReaderId reader) {
    if (closed_) return;
    readers_.erase(reader);
    torrent_.drop_reader(reader, Clock::now());
    after_event();
}

// ---- limits of the process, and its network ----

net::DialUrgency TorrentRunner::urgency() const {
    if (torrent_.is_paused()) return net::DialUrgency::idle;
    if (torrent_.readers_wait()) return net::DialUrgency::reader_waits;
    const bool works = !readers_.empty() || !spec_.content || torrent_.wants_content();
    return works ? net::DialUrgency::active : net::DialUrgency::idle;
}

std::size_t TorrentRunner::give_up_connections(std::size_t count) {
    if (closed_) return 0;
    const std::size_t given = torrent_.give_up_connections(count, Clock::now());
    after_event();
    return given;
}

void TorrentRunner::handle_network_change() {
    if (closed_) return;
    const TimePoint now = Clock::now();
    std::vector<ConnectionId> broken;
    for (const auto& [id, connection] : connections_)
        if (!connection.path || net::is_broken(*connection.path, shared_.routing)) broken.push_back(id);
    for (ConnectionId id : broken) {
        log::debug("{}: connection {} went over a network that has gone", spec_.name, id);
        torrent_.handle_path_broken(id, now);
        forget_connection(id);
    }
    try_anew(now);
}

void TorrentRunner::handle_relay_opened() {
    if (!closed_) try_anew(Clock::now());
}

void TorrentRunner::try_anew(TimePoint now) {
    torrent_.on_network_changed(now);
    if (announcing_) announcing_->handle_network_change();
    after_event();
}

void TorrentRunner::handle_filter_change() {
    if (closed_) return;
    torrent_.on_filter_changed(Clock::now());
    after_event();
}

TorrentStatus TorrentRunner::status(TimePoint now) const {
    const TorrentTotals totals = torrent_.totals();
    TorrentStatus status;
    status.peers = totals.peers;
    status.peers_known = torrent_.peers_known();
    status.seeds = totals.seeds;
    status.rates = torrent_.rates(now);
    status.downloaded = totals.downloaded;
    status.uploaded = totals.uploaded;
    status.wasted = totals.wasted;
    status.metadata = torrent_.metadata_progress();
    status.connections = torrent_.peer_statuses(now);
    status.waits = torrent_.reader_waits();
    status.seeding_ended = totals.seeding_ended;
    status.paused = torrent_.is_paused();
    if (spec_.content) status.content = {spec_.content->layout.total_size(), totals.left};
    if (announcing_) status.show_trackers(announcing_->status());
    return status;
}

TorrentDetails TorrentRunner::details(TimePoint now) const {
    return {.status = status(now), .trackers = trackers(), .pieces = torrent_.piece_map()};
}

std::vector<tracker::TrackerStatus> TorrentRunner::trackers() const {
    std::vector<tracker::TrackerStatus> trackers;
    if (announcing_) trackers = announcing_->status();
    if (trackers.size() > TorrentDetails::kMaxTrackers) trackers.resize(TorrentDetails::kMaxTrackers);
    return trackers;
}

void TorrentRunner::detach_storage() {
    if (spec_.content) spec_.content->storage.detach();
}

void TorrentRunner::close() {
    if (!closed_) keep_peers();
    closed_ = true;
    dials_.clear();
    connections_.clear();
    timer_.cancel();
    peer_search_.stop();
}

// ---- events of the store: they come on its threads, so each is posted ----

template <class F>
void TorrentRunner::post(F&& event) {
    boost::asio::post(shared_.io, [this, event = std::forward<F>(event)]() mutable {
        if (closed_) return;
        event(Clock::now());
        after_event();
    });
}

void TorrentRunner::on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    post([this, piece, digests = std::move(block_digests)](TimePoint now) {
        torrent_.handle_verified(piece, digests, now);
    });
}

void TorrentRunner::on_mismatch(PieceIndex piece, PieceBufferPtr buffer,
                                std::vector<Sha1Digest> block_digests) {
    post([this, piece, kept = std::move(buffer), digests = std::move(block_digests)](TimePoint now) {
        log::info("{}: piece {} does not match its hash", spec_.name, piece.value());
        torrent_.handle_mismatch(piece, digests, now);
    });
}

void TorrentRunner::on_lost(PieceIndex piece) {
    post([this, piece](TimePoint now) { torrent_.handle_lost(piece, now); });
}

void TorrentRunner::on_evicted(const std::vector<PieceIndex>& pieces) {
    post([this, pieces](TimePoint now) { torrent_.handle_evicted(pieces, now); });
}

void TorrentRunner::on_shortage() {
    post([this](TimePoint now) { torrent_.handle_shortage(now); });
}

void TorrentRunner::on_credit() {
    post([this](TimePoint now) { torrent_.handle_credit(now); });
}

void TorrentRunner::on_read(ReadTicket ticket, Result<ContentView> content) {
    post([this, ticket, content = std::move(content)](TimePoint now) {
        torrent_.handle_read(ticket, content, now);
    });
}

// ---- actions ----

void TorrentRunner::after_event() {
    if (carrying_out_) return;  // an action has caused this event: the loop below handles it
    carrying_out_ = true;
    do {
        while (auto action = torrent_.poll_action())
            std::visit([this](const auto& a) { carry_out(a); }, *action);
    } while (!closed_ && (update_dialling() || update_web_seeds()));
    carrying_out_ = false;
    if (keep_due_ == kNever && spec_.on_peers && torrent_.has_peers_to_keep())
        keep_due_ = Clock::now() + (has_kept_ ? kKeepPeersEvery : kFirstKeepPeers);
    arm_timer();
}

void TorrentRunner::carry_out(const Send& action) {
    if (auto found = connections_.find(action.connection); found != connections_.end())
        found->second.peer->flush();
}

void TorrentRunner::carry_out(const Disconnect& action) {
    forget_connection(action.connection);
    log::debug("{}: closed connection {}: {}", spec_.name, action.connection, action.reason.message());
}

void TorrentRunner::carry_out(const Completed&) {
    log::info("{}: complete", spec_.name);
    if (announcing_) announcing_->completed();
}

void TorrentRunner::carry_out(const MetadataFetched& action) {
    log::info("{}: the metadata is here, {} bytes", spec_.name, action.info->size());
    if (spec_.on_metadata) spec_.on_metadata(handle_, action.info);
}

void TorrentRunner::carry_out(const DhtNodeTold& action) {
    peer_search_.add_node(action.endpoint);
}

void TorrentRunner::carry_out(const PeersWanted&) {
    if (announcing_) announcing_->want_peers();
    peer_search_.want_peers();
}

void TorrentRunner::carry_out(const SeedingChanged& action) {
    if (!action.reached) return log::info("{}: uploading goes on: there is more to give back", spec_.name);
    switch (*action.reached) {
        case SeedGoal::ratio:
            return log::info("{}: uploading has ended: the ratio to seed is reached", spec_.name);
        case SeedGoal::time:
            return log::info("{}: uploading has ended: the time to seed is reached", spec_.name);
        case SeedGoal::idle:
            return log::info("{}: uploading has ended: for a time nobody has taken anything", spec_.name);
    }
}

void TorrentRunner::carry_out(const WebSeedFailed& action) {
    web_seeds_.on_piece_failed(action.seed, action.piece);
}

void TorrentRunner::carry_out(const SuperSeedingEnded&) {
    log::info("{}: super seeding has ended: peers are told of all pieces", spec_.name);
}

void TorrentRunner::arm_timer() {
    const TimePoint next = std::min({torrent_.next_timeout(), keep_due_, web_seeds_.next_timeout()});
    if (next >= armed_ || closed_) return;  // the timer fires earlier and is armed anew then
    armed_ = next;
    timer_.expires_at(next);
    timer_.async_wait([this](Error error) {
        if (error || closed_) return;
        armed_ = kNever;
        if (Clock::now() >= keep_due_) keep_peers();
        torrent_.handle_timeout(Clock::now());
        after_event();
    });
}

}  // namespace btfs
