#include "engine/session/torrent_runner.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/contested_stream.hpp"
#include "engine/swarm/web_seed_address.hpp"

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
      web_seeds_(spec_.web_seeds, spec_.http_seeds),
      dials_(shared_.dialer, [this](const Endpoint& endpoint) { return may_dial(endpoint); }),
      timer_(shared_.io) {
    shared_.connections.add(*this);
    if (spec_.content) take_up_content();
    if (!spec_.content && !web_seeds_.empty())
        log::info("{}: has web seeds, which serve once a peer has told what the torrent consists of",
                  spec_.name);
    update_dialling();
}

void TorrentRunner::provide(KnownContent content) {
    if (closed_ || spec_.content) return;
    spec_.content.emplace(std::move(content));
    take_up_content();
    if (is_private()) stop_searching();
    after_event();
}

void TorrentRunner::take_up_content() {
    if (is_private()) torrent_.become_private(Clock::now());
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
    known_dht_ = &dht;
    search();
}

void TorrentRunner::start_discovering(net::LsdClient& lsd) {
    known_lsd_ = &lsd;
    search();
}

/// Looks for peers wherever that is possible, and not done yet.
void TorrentRunner::search() {
    if (is_private() || torrent_.is_paused()) return;
    if (known_lsd_ && !std::exchange(lsd_, known_lsd_))
        lsd_->add(identity().wire_hash(), [this](const Endpoint& peer) {
            add_peers({&peer, 1}, PeerSource::lsd);
        });
    if (!known_dht_ || std::exchange(dht_, known_dht_)) return;
    for (const HostPort& node : spec_.dht_nodes) dht_->add_node(node);
    dht_->add(identity().wire_hash(),
              {[this](std::span<const Endpoint> peers) { add_peers(peers, PeerSource::dht); },
               [this](AddressFamily family) -> std::optional<dht::Node::Announce> {
                   const PeerPorts& ports = family == AddressFamily::v4 ? outside_ports_ : options_.ports;
                   if (ports.tcp == 0) return std::nullopt;
                   return dht::Node::Announce{ports.tcp, torrent_.totals().left == 0};
               }});
}

void TorrentRunner::set_outside_ports(const PeerPorts& ports) {
    if (closed_) return;
    torrent_.set_outside_ports(ports);
    const PeerPorts before = std::exchange(outside_ports_, ports);
    if (before.tcp == ports.tcp) return;
    if (announcing_) announcing_->set_port(AddressFamily::v4, announced_port(ports.tcp));
    if (dht_) dht_->announce_again(identity().wire_hash());
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

void TorrentRunner::take_incoming(net::Listener::Arrival arrival) {
    if (closed_ || torrent_.is_paused()) return;
    const Endpoint remote = arrival.stream->remote();
    const NewConnection made{.direction = wire::Direction::incoming,
                             .encrypted = arrival.encrypted,
                             .utp = arrival.stream->is_utp()};
    connected(remote, made, {{std::move(arrival.stream), {}}, std::move(arrival.received)});
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
        stop_searching();
        if (announcing_) announcing_->pause();
        dials_.cancel_all();
    } else {
        update_dialling();
        if (announcing_) announcing_->start();
        search();
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

/// The dialer asks when a dial's turn comes: the torrent may be full by then, or the address filtered.
bool TorrentRunner::may_dial(const Endpoint& endpoint) {
    return has_room() && !shared_.bans.contains(endpoint.address);
}

/// Returns true if the torrent has room for one more connection.
bool TorrentRunner::has_room() {
    const bool beyond_share =
        urgency() == net::DialUrgency::idle && shared_.connections.is_beyond_share(*this);
    return torrent_.connection_count() < torrent_.max_peers() && !beyond_share;
}

/// Sets the torrent's limit of dials. An idle torrent dials few peers, and none beyond its share of the
/// process's connections. Returns true if the limit has changed, since the torrent may then have actions.
bool TorrentRunner::update_dialling() {
    const net::DialUrgency now = urgency();
    std::size_t max = Torrent::kMaxDialling;
    if (now == net::DialUrgency::idle) {
        const std::size_t share =
            std::max(kIdleDials, net::Dialer::kMaxHalfOpenIdle / shared_.connections.holders());
        max = has_room() ? share : 0;
    }
    dials_.set_urgency(now);
    if (max == max_dialling_) return false;
    max_dialling_ = max;
    torrent_.set_max_dialling(max, Clock::now());
    return true;
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
    if (!announcing_) return status;
    std::vector<tracker::TrackerStatus> trackers = announcing_->status();
    const auto unusable = std::ranges::find(trackers, false, &tracker::TrackerStatus::usable);  // at the end
    const auto shown_end =
        unusable + std::min<std::ptrdiff_t>(trackers.end() - unusable, TorrentStatus::kMaxUnusableShown);
    status.unusable_trackers.assign(unusable, shown_end);
    trackers.erase(unusable, trackers.end());
    auto shown = std::ranges::find_if(trackers, &tracker::TrackerStatus::working);
    if (shown == trackers.end())
        shown = std::ranges::find_if(trackers, [](const auto& t) { return !t.message.empty(); });
    if (shown != trackers.end()) {
        status.tracker = *shown;
    } else if (!trackers.empty()) {
        status.tracker = trackers.front();
    }
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
    stop_searching();
}

void TorrentRunner::stop_searching() {
    if (dht_) std::exchange(dht_, nullptr)->remove(identity().wire_hash());
    if (lsd_) std::exchange(lsd_, nullptr)->remove(identity().wire_hash());
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

void TorrentRunner::carry_out(const Dial& action) {
    net::Dialer::Encryption encryption, contest;
    if (action.manner.encrypted || action.contested)
        (action.contested ? contest : encryption)
            .emplace(mse::Initiator::Options{.info_hash = identity().wire_hash(),
                                             .offered = mse::methods_of(options_.encryption),
                                             .initial_payload = action.greeting});
    dials_.dial(action.endpoint, std::move(encryption),
                [this, endpoint = action.endpoint, encrypted = action.manner.encrypted,
                 punch = action.punch](Result<net::Dialer::Dialled> result) {
                    if (closed_) return;
                    if (result) {
                        const NewConnection made{wire::Direction::outgoing, result->took, encrypted,
                                                 result->stream->is_utp(), punch};
                        return connected(endpoint, made, std::move(*result));
                    }
                    log::debug("{}: cannot connect to {}{}: {}", spec_.name, endpoint.text(),
                               punch ? ", which a relay told of" : "", result.error().message());
                    torrent_.handle_dial_failed(endpoint, result.error(), Clock::now(), punch);
                    after_event();
                },
                {.utp_told = action.utp_told,
                 .first = action.first,
                 .punch = action.punch,
                 .contest = std::move(contest)});
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
    if (dht_) dht_->add_node(action.endpoint);
}

void TorrentRunner::carry_out(const PeersWanted&) {
    if (announcing_) announcing_->want_peers();
    if (dht_) dht_->want_peers(identity().wire_hash());
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

void TorrentRunner::connected(const Endpoint& endpoint, const NewConnection& connection,
                              net::Dialer::Dialled dialled) {
    if (!shared_.connections.make_room(*this)) {
        log::debug("{}: no room for a connection to {}", spec_.name, endpoint.text());
        if (connection.direction == wire::Direction::outgoing)
            torrent_.handle_dial_failed(endpoint, make_error_code(boost::system::errc::too_many_files_open),
                                        Clock::now(), connection.punched);
        return after_event();
    }
    ConnectionBudget::Slot slot = shared_.connections.take(*this);
    const ConnectionId id = torrent_.handle_connected(endpoint, connection, Clock::now());
    if (id != kNobody) {
        log::debug("{}: connected to {} as {}{}{}", spec_.name, endpoint.text(), id,
                   connection.encrypted ? ", encrypted" : "", connection.punched ? ", through a relay" : "");
        if (dialled.contested)
            dialled.contested->on_settled(
                [this, id](bool utp, bool encrypted) { torrent_.handle_dial_settled(id, utp, encrypted); });
        const Address next = dialled.stream->next_host();
        const net::NetworkPath path{dialled.stream->local(), next, shared_.routing.route_to(next)};
        begin_connection(id, std::move(slot), path, std::move(dialled.stream), dialled.received);
        if (!dialled.received.empty()) return;
    }
    after_event();
}

void TorrentRunner::begin_connection(ConnectionId id, ConnectionBudget::Slot slot,
                                     std::optional<net::NetworkPath> path,
                                     std::unique_ptr<net::Stream> stream, ByteView received) {
    auto peer = std::make_unique<net::PeerConnection>(torrent_, id, std::move(stream), [this, id] {
        if (!torrent_.session(id) && connections_.contains(id)) {
            forget_connection(id);
            log::debug("{}: connection {} has ended", spec_.name, id);
        }
        after_event();
    });
    net::PeerConnection& added =
        *connections_.emplace(id, Connection{std::move(slot), std::move(path), std::move(peer)})
             .first->second.peer;
    added.start();
    if (!received.empty()) added.feed(received);
}

void TorrentRunner::forget_connection(ConnectionId id) {
    web_seeds_.on_closed(id, Clock::now());
    const auto node = connections_.extract(id);
}

// ---- web seeds ----

/// Connects and disconnects web seeds. Returns true if the torrent may have actions.
bool TorrentRunner::update_web_seeds() {
    if (web_seeds_.empty() || !spec_.content) return false;
    const TimePoint now = Clock::now();
    const bool wanted = torrent_.wants_content() && torrent_.picker().bytes_missing() > 0;
    bool any = false;
    while (const auto number = web_seeds_.poll_connect(wanted, now)) {
        if (!connect_web_seed(*number, now)) web_seeds_.postpone(*number, now);
        any = true;
    }
    for (ConnectionId id : web_seeds_.idle(wanted, now)) {
        torrent_.handle_closed(id, now);
        forget_connection(id);
        any = true;
    }
    return any;
}

bool TorrentRunner::connect_web_seed(std::uint32_t number, TimePoint now) {
    if (!shared_.connections.make_room(*this)) return false;
    ConnectionBudget::Slot slot = shared_.connections.take(*this);
    const ConnectionId id = torrent_.add_web_seed(number, now);
    if (id == kNobody) return false;
    const std::string name = spec_.name + ": " + web_seeds_.name(number);
    log::debug("{}: connection {}", name, id);
    wire::PeerId peer_id{};
    store_big_endian(peer_id.data(), number + 1);
    auto stream = std::make_unique<net::WebSeedStream>(net::WebSeedStream::Setup{
        .http = {.io = shared_.io,
                 .connector = shared_.http.connector(),
                 .places = shared_.web_hosts,
                 .tasks = shared_.tasks,
                 .user_agent = shared_.http.options().user_agent,
                 .memory = web_seeds_.memory(number),
                 .urls = web_seeds_.urls(number)},
        .layout = web_seeds_.layout(number),
        .info_hash = identity().wire_hash(),
        .peer_id = peer_id,
        .stand_in = web_seed_endpoint(number),
        .name = name,
        .gap_end = [this](std::uint64_t offset) { return torrent_.gap_end(offset); },
    });
    web_seeds_.on_connected(number, id, *stream, now);
    begin_connection(id, std::move(slot), std::nullopt, std::move(stream), {});
    return true;
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
