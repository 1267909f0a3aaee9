#include "tests/year/mounted_torrent.hpp"

#include <algorithm>
#include <utility>

namespace btfs::year {
namespace {

constexpr Duration kRoundTrip = 40ms;
constexpr Duration kDialTimeout = 8s;
/// A peer stays for so long, at most.
constexpr Duration kLongestStay = 5min;
constexpr std::size_t kMetadataSize = 3000;
constexpr std::uint64_t kTrackers = 30;  ///< of the world
constexpr std::uint64_t kTrackersOfTorrent = 3;
/// Turns of a second that a reader waits for a piece before it gives up.
constexpr int kPatience = 60;
constexpr std::size_t kMostPeersTold = 200;

const Bytes& content() {
    static const Bytes bytes =
        testing::make_content(std::size_t{MountedTorrent::kPieces} * MountedTorrent::kPieceLength);
    return bytes;
}

std::shared_ptr<const Bytes> metadata_of(std::uint64_t number) {
    return std::make_shared<const Bytes>(testing::make_content(kMetadataSize, number + 1000));
}

TorrentOptions torrent_options(Process& process, const MountedTorrent::Options& options) {
    TorrentOptions result;
    result.peer_id.fill(std::byte{7});
    result.ports = {6881, 6881};
    result.seed_goals = {};
    result.pex = options.pex;
    result.bans = &process.bans;
    result.upload_slots = &process.upload_slots;
    result.idle_interest = &process.idle_interest;
    result.limits = &process.limits;
    return result;
}

tracker::TrackerTiers trackers_of(std::uint64_t number, Rng& rng) {
    std::vector<std::vector<std::string>> tiers;
    for (std::uint64_t i = 0; i < kTrackersOfTorrent; ++i)
        tiers.push_back({"http://t" + std::to_string((number + 7 * i) % kTrackers) + ".example/announce"});
    return {tiers, rng};
}

/// A peer always behaves in the same way.
Conduct conduct_of(const Endpoint& peer) {
    constexpr Conduct kUsual[] = {Conduct::honest, Conduct::honest,  Conduct::honest,
                                  Conduct::flaps,  Conduct::gossips, Conduct::leeches};
    constexpr Conduct kRare[] = {Conduct::lies, Conduct::dribbles, Conduct::vanishes};
    Rng rng(std::hash<Endpoint>{}(peer));
    return rng.below(6) == 0 ? kRare[rng.below(std::size(kRare))] : kUsual[rng.below(std::size(kUsual))];
}

}  // namespace

struct MountedTorrent::Link {
    Link(const ScriptedPeer::Options& options, sim::EventQueue& events, std::function<void()> on_alarm)
        : peer(options, events.now()), alarm(events, std::move(on_alarm)) {}

    ScriptedPeer peer;
    Alarm alarm;
    bool carries = false;  ///< an event is there that carries bytes
};

MountedTorrent::MountedTorrent(Process& process, const Options& options,
                               std::function<void()> on_peers_wanted)
    : process_(process),
      options_(options),
      metadata_(metadata_of(options.number)),
      identity_{.v1 = sha1(*metadata_), .v2 = {}},
      layout_(kPieceLength, {{0, std::uint64_t{kPieces} * kPieceLength, false}}),
      store_(layout_, content(), options.has_all,
             [this](std::function<void()> event) { later(1ms, std::move(event)); }),
      torrent_(identity_, torrent_options(process, options), process.rng.next(), process.events.now()),
      announcer_({.info_hash = identity_.wire_hash(), .port = 6881, .key = 1},
                 trackers_of(options.number, process.rng), process.rng),
      on_peers_wanted_(std::move(on_peers_wanted)),
      peers_answer_until_(process.events.now() + kPeersAnswerFor),
      torrent_alarm_(process.events,
                     [this] {
                         if (closed_) return;
                         torrent_.handle_timeout(now());
                         after_event();
                     }),
      announcer_alarm_(process.events, [this] { announce(); }) {
    ++process_.counts.torrents;
    if (options.is_private) torrent_.become_private(now());
    if (!options.name_only) know_content();
    announcer_.start(now());
    announce();
    after_event();
}

MountedTorrent::~MountedTorrent() = default;

template <class F>
void MountedTorrent::later(Duration delay, F event) {
    process_.events.after(delay, [alive = std::weak_ptr(alive_), event = std::move(event)] {
        if (!alive.expired()) event();
    });
}

void MountedTorrent::know_content() {
    knows_content_ = true;
    store_.attach(*this);
    torrent_.know_content(layout_, store_, options_.is_private ? nullptr : metadata_, now());
}

void MountedTorrent::leave() {
    while (!links_.empty()) {
        torrent_.handle_closed(links_.begin()->first, now());
        links_.erase(links_.begin());
    }
    closed_ = true;
    if (knows_content_) store_.detach();
    announcer_.stop(now());
    announce();
}

void MountedTorrent::handle_network_change() {
    torrent_.on_network_changed(now());
    announcer_.want_peers(now());
    announce();
    after_event();
}

void MountedTorrent::add_peers(std::span<const Endpoint> endpoints, PeerSource source) {
    if (closed_) return;
    std::vector<Endpoint> peers(endpoints.begin(), endpoints.end());
    if (source == PeerSource::dht && options_.hosts > 0)
        std::ranges::generate(peers, [this] { return somebody(); });
    torrent_.handle_candidates(peers, source, now());
    after_event();
}

// ---- readers ----

void MountedTorrent::visit() {
    if (closed_) return;
    peers_answer_until_ = now() + kPeersAnswerFor;
    const PieceIndex first(process_.rng.below(kPieces - 8));
    read_on(process_.next_reader++, first, 4, kPatience);
}

void MountedTorrent::read_on(ReaderId reader, PieceIndex piece, std::size_t left, int patience) {
    if (closed_) return;
    if (knows_content_ && store_.had().test(piece)) {
        ++process_.counts.reads;
        piece = piece.next();
        patience = kPatience;
        --left;
    }
    if (patience == 0) ++process_.counts.reads_given_up;
    if (left == 0 || patience == 0) {
        if (knows_content_) torrent_.drop_reader(reader, now());
        return after_event();
    }
    if (knows_content_) {
        const ByteRange range = layout_.piece_range(piece);
        torrent_.set_reader(
            reader, {.blocked = {range}, .window = {range.begin, range.end + 3 * kPieceLength}}, now());
        after_event();
    }
    later(1s, [=, this] { read_on(reader, piece, left, patience - 1); });
}

// ---- the store ----

void MountedTorrent::on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) {
    if (closed_) return;
    by_age_.push_back(piece);
    torrent_.handle_verified(piece, block_digests, now());
    if (by_age_.size() > kKept) {
        store_.evict({by_age_.front()});
        by_age_.erase(by_age_.begin());
        ++process_.counts.evictions;
    }
    after_event();
}
void MountedTorrent::on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> block_digests) {
    if (closed_) return;
    ++process_.counts.mismatches;
    torrent_.handle_mismatch(piece, block_digests, now());
    after_event();
}
void MountedTorrent::on_lost(PieceIndex piece) {
    if (closed_) return;
    torrent_.handle_lost(piece, now());
    after_event();
}
void MountedTorrent::on_evicted(const std::vector<PieceIndex>& pieces) {
    if (closed_) return;
    torrent_.handle_evicted(pieces, now());
    after_event();
}
void MountedTorrent::on_credit() {
    if (closed_) return;
    torrent_.handle_credit(now());
    after_event();
}
void MountedTorrent::on_read(ReadTicket ticket, Result<ContentView> view) {
    if (closed_) return;
    ++process_.counts.uploads;
    torrent_.handle_read(ticket, view, now());
    after_event();
}

// ---- actions ----

void MountedTorrent::after_event() {
    if (carrying_out_ || closed_) return;
    carrying_out_ = true;
    while (auto action = torrent_.poll_action()) {
        if (const auto* wanted = std::get_if<Dial>(&*action)) dial(wanted->endpoint);
        if (const auto* send = std::get_if<Send>(&*action)) carry_bytes_soon(send->connection);
        if (const auto* ended = std::get_if<Disconnect>(&*action)) links_.erase(ended->connection);
        if (std::holds_alternative<MetadataFetched>(*action)) {
            ++process_.counts.metadata;
            know_content();
        }
        if (std::holds_alternative<Completed>(*action)) announcer_.complete();
        if (std::holds_alternative<PeersWanted>(*action)) {
            announcer_.want_peers(now());
            later(1ms, [this] { announce(); });
            on_peers_wanted_();
        }
    }
    carrying_out_ = false;
    torrent_alarm_.set(torrent_.next_timeout());
}

void MountedTorrent::dial(const Endpoint& endpoint) {
    ++process_.counts.dials;
    // One in four answers, and one in four refuses; nothing is heard of the others.
    const std::size_t character = std::hash<Endpoint>{}(endpoint) / 64 % 4;
    const bool answers = now() < peers_answer_until_ && character == 0;
    const bool refuses = character == 1;
    later(answers || refuses ? kRoundTrip : kDialTimeout, [=, this] {
        if (closed_) return;
        if (answers) return connect(endpoint, wire::Direction::outgoing);
        torrent_.handle_dial_failed(endpoint,
                                    refuses ? make_error_code(boost::system::errc::connection_refused)
                                            : make_error_code(Errc::timed_out),
                                    now());
        after_event();
    });
}

void MountedTorrent::take_incoming() {
    if (!closed_) connect(somebody(), wire::Direction::incoming);
}

Endpoint MountedTorrent::somebody() {
    if (options_.hosts == 0) return random_endpoint(process_.rng);
    Rng host(options_.number * options_.hosts + process_.rng.below(options_.hosts));
    return random_endpoint(host);
}

void MountedTorrent::connect(const Endpoint& endpoint, wire::Direction direction) {
    const bool outgoing = direction == wire::Direction::outgoing;
    const ConnectionId id = torrent_.handle_connected(
        endpoint, {direction, outgoing ? std::optional(kRoundTrip) : std::nullopt}, now());
    if (id != kNobody) {
        ++process_.counts.connections;
        links_[id] = std::make_unique<Link>(
            ScriptedPeer::Options{
                .conduct = conduct_of(endpoint),
                .identity = identity_,
                .layout = layout_,
                .content = content(),
                .metadata = options_.is_private ? nullptr : metadata_,
                .client = {*Address::parse("198.51.100.1"), 6881},
                .direction = outgoing ? wire::Direction::incoming : wire::Direction::outgoing,
                .seed = process_.rng.next(),
            },
            process_.events, [this, id] {
                const auto link = links_.find(id);
                if (link == links_.end()) return;
                link->second->peer.handle_timeout(now());
                carry_bytes_soon(id);
            });
        carry_bytes_soon(id);
        later(1s + kLongestStay * process_.rng.below(100) / 100, [this, id] { hang_up(id); });
    }
    after_event();
}

void MountedTorrent::hang_up(ConnectionId id) {
    if (links_.erase(id) == 0) return;
    torrent_.handle_closed(id, now());
    after_event();
}

// ---- bytes ----

void MountedTorrent::carry_bytes_soon(ConnectionId id) {
    const auto link = links_.find(id);
    if (link == links_.end() || std::exchange(link->second->carries, true)) return;
    later(kRoundTrip / 2, [this, id] { carry_bytes(id); });
}

/// Carries all that waits at either end to the other.
void MountedTorrent::carry_bytes(ConnectionId id) {
    const auto found = links_.find(id);
    if (found == links_.end()) return;
    found->second->carries = false;
    ScriptedPeer& peer = found->second->peer;
    const Bytes for_us = peer.take_output(now());
    Bytes for_peer;
    iovec parts[32];
    while (wire::PeerSession* session = torrent_.session(id)) {
        const std::size_t count = session->send_buffers(parts);
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto* begin = static_cast<const std::byte*>(parts[i].iov_base);
            for_peer.insert(for_peer.end(), begin, begin + parts[i].iov_len);
            size += parts[i].iov_len;
        }
        if (size == 0) break;
        torrent_.handle_sent(id, size, now());
    }
    peer.handle_bytes(for_peer, now());
    found->second->alarm.set(peer.next_timeout());
    if (peer.failed()) return hang_up(id);
    const bool goes_on = !for_us.empty() || !for_peer.empty();
    give(id, for_us);
    after_event();
    if (goes_on) carry_bytes_soon(id);
}

void MountedTorrent::give(ConnectionId id, ByteView bytes) {
    while (!bytes.empty()) {
        wire::PeerSession* session = torrent_.session(id);
        if (!session) return;
        iovec parts[32];
        const std::size_t count = session->receive_buffers(parts);
        std::size_t placed = 0;
        for (std::size_t i = 0; i < count && placed < bytes.size(); ++i) {
            const std::size_t size = std::min(parts[i].iov_len, bytes.size() - placed);
            std::copy_n(bytes.data() + placed, size, static_cast<std::byte*>(parts[i].iov_base));
            placed += size;
        }
        if (placed == 0) return;
        bytes = bytes.subspan(placed);
        torrent_.handle_received(id, placed, now());
    }
}

// ---- trackers ----

void MountedTorrent::announce() {
    const TorrentTotals totals = torrent_.totals();
    const tracker::AnnounceProgress progress{totals.uploaded, totals.downloaded, totals.left,
                                             totals.partial_seed};
    while (const auto job = announcer_.poll_job(now(), progress)) answer(*job);
    if (!announcer_.stopped()) announcer_alarm_.set(announcer_.next_timeout());
}

/// A tracker's mood lasts six hours: it is there, refuses, or does not answer. Its interval changes with it.
void MountedTorrent::answer(const tracker::AnnounceJob& job) {
    ++process_.counts.announces;
    const auto turn = static_cast<std::uint64_t>(now().time_since_epoch() / 6h);
    Rng mood(std::hash<std::string>{}(job.url) + turn);
    const std::uint64_t kind = mood.below(10);
    const bool no_ipv6 = job.family == AddressFamily::v6 && mood.below(2) == 0;
    if (kind == 0 || no_ipv6) {
        ++process_.counts.announces_failed;
        const Duration delay = no_ipv6 ? Duration(100ms) : job.timeout;
        return later(delay, [this, id = job.id] {
            announcer_.handle_failure(id, Errc::timed_out, now());
            announce();
        });
    }
    tracker::AnnounceReply reply;
    reply.interval = std::chrono::minutes(20 + mood.below(30));
    if (kind == 1) {
        reply.failure_reason = "too many requests";
        reply.retry_in = std::chrono::minutes(30 + mood.below(60));
    } else {
        if (mood.below(2) == 0) reply.min_interval = reply.interval / 2;
        reply.tracker_id = std::to_string(turn);
        reply.complete = static_cast<std::uint32_t>(mood.below(1000));
        // Most of those that it tells of are not there. Often it tells few that are new.
        const std::size_t told = process_.rng.below(50) == 0 ? kMostPeersTold : process_.rng.below(8);
        for (std::size_t i = 0; i < told; ++i) reply.peers.push_back(somebody());
    }
    later(100ms, [this, id = job.id, reply = std::move(reply)] {
        announcer_.handle_reply(id, reply, now());
        add_peers(reply.peers, PeerSource::tracker);
        announce();
    });
}

}  // namespace btfs::year
