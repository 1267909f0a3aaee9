// TorrentRunner: its dials, its connections to peers and to web seeds.
#include "engine/session/torrent_runner.hpp"

#include <algorithm>
#include <utility>

#include "engine/log/log.hpp"
#include "engine/net/contested_stream.hpp"
#include "engine/swarm/web_seed_address.hpp"

namespace btfs {

// ---- how many ----

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

// ---- peers ----

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

void TorrentRunner::take_incoming(net::Listener::Arrival arrival) {
    if (closed_ || torrent_.is_paused()) return;
    const Endpoint remote = arrival.stream->remote();
    const NewConnection made{.direction = wire::Direction::incoming,
                             .encrypted = arrival.encrypted,
                             .utp = arrival.stream->is_utp()};
    connected(remote, made, {{std::move(arrival.stream), {}}, std::move(arrival.received)});
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

}  // namespace btfs
