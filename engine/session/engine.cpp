#include "engine/session/engine.hpp"

#include <pthread.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "engine/dht/item.hpp"
#include "engine/log/log.hpp"
#include "engine/net/dht_client.hpp"
#include "engine/net/dialer.hpp"
#include "engine/net/http_client.hpp"
#include "engine/net/listener.hpp"
#include "engine/net/lsd_client.hpp"
#include "engine/net/resolver.hpp"
#include "engine/net/socket_factory.hpp"
#include "engine/net/task_group.hpp"
#include "engine/net/tracker_client.hpp"
#include "engine/net/udp_mux.hpp"
#include "engine/portmap/port_mapper.hpp"
#include "engine/session/torrent_runner.hpp"

namespace btfs {
namespace {

/// Trackers that take longer to take note of our leaving do without it.
constexpr Duration kGoodbyeTime = 1s;

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

wire::PeerId random_peer_id() {
    Rng rng(random_seed());
    std::array<std::byte, 12> tail;
    rng.fill(tail);
    return wire::make_peer_id(tail);
}

}  // namespace

class Engine::Loop {
  public:
    explicit Loop(const EngineOptions& engine_options)
        : options(engine_options),
          work(boost::asio::make_work_guard(io)),
          sockets(io, options.binding),
          dialer(sockets),
          listener(sockets, [this](const Sha1Digest& hash, std::unique_ptr<net::Stream> stream,
                                   ByteView received) { route(hash, std::move(stream), received); }),
          resolver(sockets, {}),
          http(sockets, resolver, {}),
          tasks(io.get_executor()),
          udp(sockets),
          trackers(io, resolver, http, udp, random_seed()),
          dht(io, udp, resolver, options.dht.value_or(net::DhtOptions{}), random_seed()),
          lsd(sockets, random_seed()),
          stop_timer(io) {}

    net::Awaitable<void> find_peer(TorrentRunner& runner, HostPort peer) {
        const auto addresses = co_await resolver.resolve(peer.host, net::Families::both);
        if (!addresses) {
            log::warn("peer {}: {}", peer.host, addresses.error().message());
            co_return;
        }
        std::vector<Endpoint> endpoints;
        for (const Address& address : *addresses) endpoints.push_back({address, peer.port});
        runner.add_peers(endpoints, PeerSource::user);
    }

    net::Awaitable<void> get(net::HttpRequest request, std::function<void(Result<net::HttpResponse>)> done) {
        done(co_await http.get(std::move(request)));
    }

    /// The trackers are told first, but only for so long.
    void begin_stop() {
        listener.close();
        dht.stop();
        lsd.stop();
        stop_timer.expires_after(kGoodbyeTime);
        stop_timer.async_wait([this](Error) { io.stop(); });
        for (auto& runner : runners) runner->close();
        talking = runners.size();
        if (talking == 0) io.stop();
        for (auto& runner : runners)
            runner->stop_announcing([this] {
                if (--talking == 0) io.stop();
            });
    }

    void route(const Sha1Digest& hash, std::unique_ptr<net::Stream> stream, ByteView received) {
        for (auto& runner : runners)
            if (runner && runner->identity().answers_to(hash))
                return runner->take_incoming(std::move(stream), received);
        log::debug("{} asks for a torrent that is not here", stream->remote().text());
    }

    PeerPorts own_ports() const { return {listener.port(), options.dht ? udp.port() : std::uint16_t{0}}; }

    void take_outside_ports(const PeerPorts& ports) {
        outside_ports = ports;
        for (auto& runner : runners) runner->set_outside_ports(ports);
    }

    template <class F>
    void post(F&& f) {
        boost::asio::post(io, std::forward<F>(f));
    }

    // Demand is handed over in bulk: however many reads come before the engine looks, it looks once.
    void hand_over(TorrentHandle torrent, ReaderId reader, std::optional<ReaderDemand> demand) {
        {
            std::lock_guard lock(demands_mutex);
            demands[{torrent, reader}] = std::move(demand);
            if (demands_posted) return;
            demands_posted = true;
        }
        post([this] { take_demands(); });
    }

    void take_demands() {
        std::map<std::pair<TorrentHandle, ReaderId>, std::optional<ReaderDemand>> taken;
        {
            std::lock_guard lock(demands_mutex);
            taken.swap(demands);
            demands_posted = false;
        }
        for (auto& [key, demand] : taken) {
            if (key.first >= runners.size()) continue;
            TorrentRunner& runner = *runners[key.first];
            demand ? runner.set_reader(key.second, *demand) : runner.drop_reader(key.second);
        }
    }

    const EngineOptions options;
    const wire::PeerId peer_id = random_peer_id();
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
    net::SocketFactory sockets;
    net::Dialer dialer;
    net::Listener listener;
    net::Resolver resolver;
    net::HttpClient http;
    net::TaskGroup tasks;
    net::UdpMux udp;
    net::TrackerClient trackers;
    net::DhtClient dht;
    net::LsdClient lsd;
    PeerPorts outside_ports;  // what the world reaches over IPv4; the engine thread's, once it runs
    boost::asio::steady_timer stop_timer;
    std::size_t talking = 0;  // torrents whose trackers are being told that we leave
    std::vector<std::unique_ptr<TorrentRunner>> runners;  // by handle; the engine thread's
    std::thread thread;
    portmap::PortMapper mapper;  // it posts, so it goes first

    std::mutex handles_mutex;
    TorrentHandle next_handle = 0;  // guarded by handles_mutex

    std::mutex demands_mutex;
    std::map<std::pair<TorrentHandle, ReaderId>, std::optional<ReaderDemand>>
        demands;                  // guarded by demands_mutex
    bool demands_posted = false;  // guarded by demands_mutex
};

Engine::Engine(const EngineOptions& options) : loop_(std::make_unique<Loop>(options)) {}

Engine::~Engine() {
    stop();
}

Result<void> Engine::open() {
    auto opened = loop_->listener.open(loop_->options.port);
    if (!opened) return opened;
    loop_->udp.open(loop_->listener.port());
    loop_->outside_ports = loop_->own_ports();
    return opened;
}

std::uint16_t Engine::port() const {
    return loop_->listener.port();
}

void Engine::start() {
    const PeerPorts own = loop_->own_ports();
    if (loop_->options.lsd) loop_->post([this] { loop_->lsd.start(port()); });
    loop_->thread = std::thread([this] {
        pthread_setname_np(pthread_self(), "engine");
        loop_->io.run();
    });
    if (loop_->options.port_mapping)
        loop_->mapper.start({own.tcp, own.dht}, [this](portmap::ReachablePorts ports) {
            loop_->post([this, ports] { loop_->take_outside_ports({ports.tcp, ports.udp}); });
        });
}

TorrentHandle Engine::add(TorrentSpec spec) {
    // Handles are given out in the order in which the engine thread adds the torrents.
    std::lock_guard lock(loop_->handles_mutex);
    const TorrentHandle handle = loop_->next_handle++;
    loop_->post([this, handle, spec = std::move(spec)]() mutable {
        const TorrentOptions options{
            .peer_id = loop_->peer_id,
            .ports = loop_->own_ports(),
            .max_peers = loop_->options.max_peers,
            .background = loop_->options.background,
            .background_files = spec.background_files,
            .pex = loop_->options.pex,
        };
        const std::vector<HostPort> peers = spec.peers;
        loop_->runners.push_back(std::make_unique<TorrentRunner>(loop_->io, loop_->dialer, handle,
                                                                 std::move(spec), options, random_seed()));
        TorrentRunner& runner = *loop_->runners.back();
        runner.set_outside_ports(loop_->outside_ports);
        for (const HostPort& peer : peers)
            loop_->tasks.spawn("look-up of a peer", loop_->find_peer(runner, peer));
        runner.start_announcing(loop_->trackers, random_seed());
        if (loop_->options.dht) runner.start_searching(loop_->dht);
        if (loop_->options.lsd) runner.start_discovering(loop_->lsd);
    });
    return handle;
}

void Engine::provide(TorrentHandle torrent, KnownContent content) {
    loop_->post([this, torrent, content = std::move(content)]() mutable {
        loop_->runners[torrent]->provide(std::move(content));
    });
}

void Engine::set_demand(TorrentHandle torrent, ReaderId reader, const ReaderDemand& demand) {
    loop_->hand_over(torrent, reader, demand);
}

void Engine::drop_reader(TorrentHandle torrent, ReaderId reader) {
    loop_->hand_over(torrent, reader, std::nullopt);
}

void Engine::get(net::HttpRequest request, std::function<void(Result<net::HttpResponse>)> done) {
    loop_->post([this, request = std::move(request), done = std::move(done)]() mutable {
        loop_->tasks.spawn("download", loop_->get(std::move(request), std::move(done)));
    });
}

void Engine::find_published(const PublishedName& name, Duration patience,
                            std::function<void(Result<Sha1Digest>)> done) {
    loop_->post(
        [this, item = dht::ItemName::mutable_of(name.key, name.salt), patience, done = std::move(done)] {
            if (!loop_->options.dht) return done(Errc::dht_off);
            loop_->dht.find_item(item, patience, [done](const std::optional<dht::RawItem>& found) {
                const auto info_hash = found ? dht::info_hash_of(*found) : std::nullopt;
                done(info_hash ? Result<Sha1Digest>(*info_hash) : Errc::publisher_not_found);
            });
        });
}

void Engine::ask_status(std::function<void(std::vector<TorrentStatus>)> take) {
    loop_->post([this, take = std::move(take)] {
        std::vector<TorrentStatus> all;
        all.reserve(loop_->runners.size());
        for (const auto& runner : loop_->runners) all.push_back(runner->status(Clock::now()));
        take(std::move(all));
    });
}

void Engine::stop() {
    if (!loop_->thread.joinable()) return;
    loop_->mapper.begin_stop();
    loop_->post([this] { loop_->begin_stop(); });
    loop_->thread.join();
    loop_->mapper.stop();
    for (auto& runner : loop_->runners) runner->detach_storage();
}

}  // namespace btfs
