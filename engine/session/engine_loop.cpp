#include "engine/session/engine_loop.hpp"

#include <boost/asio/awaitable.hpp>
#include <random>

#include "engine/log/log.hpp"

namespace btfs {
namespace {

/// Trackers that take longer to take note of our leaving do without it.
constexpr Duration kGoodbyeTime = 1s;

wire::PeerId random_peer_id() {
    Rng rng(random_seed());
    std::array<std::byte, 12> tail;
    rng.fill(tail);
    return wire::make_peer_id(tail);
}

/// Without what cannot go through the proxy, or would go past it.
EngineOptions for_proxy(EngineOptions options) {
    if (!options.proxy) return options;
    options.lsd = false;
    options.port_mapping = false;
    if (options.proxy->protocol == proxy::Protocol::socks5) return options;
    options.dht.reset();
    options.transport = net::Transport::tcp;
    return options;
}

}  // namespace

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

Engine::Loop::Loop(const EngineOptions& engine_options)
    : options(for_proxy(engine_options)),
      peer_id(random_peer_id()),
      work(boost::asio::make_work_guard(io)),
      connector(io, {options.binding, options.proxy, options.transport}),
      routing(options.binding),
      network(io, routing, [this] { handle_network_change(); }),
      dialer(connector),
      connections(options.max_connections > 0 ? options.max_connections : default_max_connections(),
                  [this] { post([this] { dialer.start_waiting(); }); }),
      listener(connector.sockets(), [this](net::Listener::Arrival arrival) { route(std::move(arrival)); },
               {options.encryption,
                [this](const Sha1Digest& obfuscated) { return index.find_obfuscated(obfuscated); },
                net::uses_tcp(options.transport)}),
      http(connector, {}),
      tasks(io.get_executor()),
      trackers(connector, http, random_seed()),
      dht(connector, options.dht.value_or(net::DhtOptions{}), random_seed()),
      lsd(connector.sockets(), random_seed()),
      named_peers(connector),
      limits(options.upload_limit, options.download_limit, options.limit_local),
      stop_timer(io),
      starting(io, [this](TorrentHandle torrent) { start_torrent(torrent); }),
      port_turns(io, [this](TorrentHandle torrent) { find(torrent)->set_outside_ports(outside_ports); }) {
    listener.set_refusal([this](const Address& from) { return bans.contains(from); });
    dht.set_refusal([this](const Address& node) { return bans.filters(node); });
    if (net::UtpStreams* utp = connector.utp())
        utp->accept([this](std::unique_ptr<net::Stream> stream) { listener.take(std::move(stream)); });
    connector.set_ready([this] { dialer.start_waiting(); });
    dialer.set_admission([this](net::DialUrgency urgency) {
        return connections.may_dial(urgency, dialer.half_open()) && connector.may_dial();
    });
}

Engine::Loop::~Loop() = default;

Result<void> Engine::Loop::open() {
    if (connector.proxy_url()) {
        connector.udp().open(0);
        // Announces and dials that failed without UDP are tried again, but once only: a relay may come and
        // go.
        connector.udp().set_relay_opened([this, is_first = true]() mutable {
            dht.handle_network_change();
            if (!std::exchange(is_first, false)) return;
            for (auto& [handle, runner] : runners) runner->handle_relay_opened();
        });
        return {};
    }
    auto opened = listener.open(options.port);
    if (!opened) return opened;
    connector.udp().open(listener.port());
    outside_ports = own_ports();
    return opened;
}

void Engine::Loop::begin() {
    if (options.lsd) lsd.start(listener.port());
    if (const Error error = network.open())
        log::info("changes of the network are not watched: {}", error.message());
}

std::string Engine::Loop::proxy_text() const {
    if (!connector.proxy_url()) return {};
    return connector.proxy_url()->shown() +
           (connector.datagrams_pass() ? ", TCP and UDP" : ", TCP only: no DHT, no uTP, no UDP trackers");
}

PeerPorts Engine::Loop::own_ports() const {
    return {listener.port(), options.dht ? connector.udp().port() : std::uint16_t{0}};
}

PeerPorts Engine::Loop::mapped_ports() const {
    return {listener.port(), options.dht || connector.utp() ? connector.udp().port() : std::uint16_t{0}};
}

// ---- torrents ----

TorrentHandle Engine::Loop::add(TorrentSpec spec) {
    std::lock_guard lock(handles_mutex);
    const TorrentHandle handle = next_handle++;
    post([this, handle, spec = std::move(spec)]() mutable { add_torrent(handle, std::move(spec)); });
    return handle;
}

void Engine::Loop::add_torrent(TorrentHandle handle, TorrentSpec spec) {
    const TorrentOptions torrent_options{
        .peer_id = peer_id,
        .ports = own_ports(),
        .max_peers = options.max_peers,
        .seed_goals = options.seed_goals,
        .super_seed = options.super_seed,
        .background = options.background,
        .background_files = spec.background_files,
        .pex = options.pex,
        .utp = connector.utp() != nullptr,
        .datagrams_pass = [this] { return connector.datagrams_pass(); },
        .encryption = options.encryption,
        .bans = &bans,
        .upload_slots = options.uploads ? &upload_slots : &no_upload_slots,
        .idle_interest = &idle_interest,
        .limits = &limits,
    };
    auto runner = std::make_unique<TorrentRunner>(
        TorrentRunner::Shared{io, dialer, connections, routing, bans, http, web_hosts, tasks}, handle,
        std::move(spec), torrent_options, seeds.next());
    index.add(runner->identity(), handle);
    runner->set_outside_ports(outside_ports);
    runners.emplace(handle, std::move(runner));
    starting.add(handle);
}

TorrentRunner* Engine::Loop::find(TorrentHandle handle) const {
    const auto found = runners.find(handle);
    return found == runners.end() ? nullptr : found->second.get();
}

void Engine::Loop::remove_torrent(TorrentHandle handle) {
    auto removed = runners.extract(handle);
    if (removed.empty()) return;
    TorrentRunner& runner = *removed.mapped();
    starting.remove(handle);
    port_turns.remove(handle);
    named_peers.remove(handle);
    index.remove(runner.identity(), handle);
    removed_totals.add(runner.totals());
    runner.close();
    runner.detach_storage();
    dialer.start_waiting();  // others dial in its place
    leaving.insert(std::move(removed));
    // Handlers that are queued already, and which use the runner, run before it goes.
    runner.stop_announcing([this, handle] {
        post([this, handle] {
            leaving.erase(handle);
            stop_if_told();
        });
    });
}

void Engine::Loop::start_torrent(TorrentHandle handle) {
    TorrentRunner& runner = *find(handle);
    for (const HostPort& peer : runner.peers())
        named_peers.add(handle, peer,
                        [this, &runner](std::span<const Endpoint> found) { add_users_peers(runner, found); });
    runner.add_kept_peers();
    runner.start_announcing(trackers, seeds.next());
    if (options.dht) runner.start_searching(dht);
    if (options.lsd) runner.start_discovering(lsd);
}

void Engine::Loop::put_demand(TorrentHandle torrent, ReaderId reader, std::optional<ReaderDemand> demand) {
    if (demands.put(torrent, reader, std::move(demand))) post([this] { take_demands(); });
}

void Engine::Loop::take_demands() {
    for (auto& [key, demand] : demands.take()) {
        TorrentRunner* const runner = find(key.first);
        if (!runner) continue;
        starting.hurry(key.first);
        demand ? runner->set_reader(key.second, *demand) : runner->drop_reader(key.second);
    }
}

// ---- the network ----

void Engine::Loop::route(net::Listener::Arrival arrival) {
    if (const auto torrent = index.find(arrival.info_hash))
        return find(*torrent)->take_incoming(std::move(arrival));
    log::debug("{} asks for a torrent that is not here", arrival.stream->remote().text());
}

void Engine::Loop::handle_network_change() {
    log::info("the network is another one: connections are made anew");
    dialer.cancel_half_open();  // which posts that they ended
    post([this] {
        connector.handle_network_change();
        for (auto& [handle, runner] : runners) runner->handle_network_change();
        trackers.handle_network_change();
        dht.handle_network_change();
        lsd.handle_network_change();
        named_peers.handle_network_change();
        mapper.look_now();
    });
}

void Engine::Loop::add_users_peers(TorrentRunner& runner, std::span<const Endpoint> peers) {
    for (const Endpoint& peer : peers) {
        if (!bans.filters(peer.address)) {
            filtered_users.erase(peer);
        } else if (filtered_users.insert(peer).second) {
            log::warn("peer {} is not connected to: its address is in the IP filter", peer.text());
        }
    }
    runner.add_peers(peers, PeerSource::user);
}

void Engine::Loop::set_ip_filter(std::shared_ptr<const IpFilter> filter) {
    bans.set_filter(std::move(filter));
    const auto filtered = [this](const Address& peer) { return bans.filters(peer); };
    dialer.cancel_half_open(filtered);
    listener.drop_refused();
    for (auto& [handle, runner] : runners) runner->handle_filter_change();
    dht.handle_filter_change();
    // A peer of the user's may not be filtered any more, or be filtered now.
    named_peers.tell_again();
}

void Engine::Loop::take_outside_ports(const PeerPorts& ports) {
    outside_ports = ports;
    for (const auto& [handle, runner] : runners) port_turns.add(handle);
}

net::Awaitable<void> Engine::Loop::get(net::HttpRequest request,
                                       std::function<void(Result<net::HttpResponse>)> done) {
    done(co_await http.get(std::move(request)));
}

void Engine::Loop::begin_stop() {
    network.close();
    if (net::UtpStreams* utp = connector.utp()) utp->accept(nullptr);
    listener.close();
    dht.stop();
    lsd.stop();
    named_peers.stop();
    starting.clear();
    port_turns.clear();
    stop_timer.expires_after(kGoodbyeTime);
    stop_timer.async_wait([this](Error) { io.stop(); });
    for (auto& [handle, runner] : runners) runner->close();
    talking = runners.size();
    for (auto& [handle, runner] : runners)
        runner->stop_announcing([this] {
            --talking;
            stop_if_told();
        });
    stopping = true;
    stop_if_told();
}

void Engine::Loop::stop_if_told() {
    if (!stopping || talking > 0 || !leaving.empty()) return;
    // The loop ends behind the turns that tell uTP peers of the connections just closed.
    post([this] { io.stop(); });
}

}  // namespace btfs
