// The engine thread: what runs on it, and how its parts are wired.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "engine/net/connector.hpp"
#include "engine/net/dht_client.hpp"
#include "engine/net/dialer.hpp"
#include "engine/net/host_places.hpp"
#include "engine/net/http_client.hpp"
#include "engine/net/listener.hpp"
#include "engine/net/lsd_client.hpp"
#include "engine/net/network_watch.hpp"
#include "engine/net/task_group.hpp"
#include "engine/net/tracker_client.hpp"
#include "engine/portmap/port_mapper.hpp"
#include "engine/session/connection_budget.hpp"
#include "engine/session/demand_mailbox.hpp"
#include "engine/session/engine.hpp"
#include "engine/session/named_peers.hpp"
#include "engine/session/torrent_index.hpp"
#include "engine/session/torrent_runner.hpp"
#include "engine/session/torrent_turns.hpp"

namespace btfs {

std::uint64_t random_seed();

/// Owns the io_context, all that is shared by the torrents, and the torrents. Everything runs on the engine
/// thread but post(), put_demand() and next_handle().
class Engine::Loop {
  public:
    explicit Loop(const EngineOptions& engine_options);
    ~Loop();

    // ---- from any thread ----
    template <class F>
    void post(F&& f) {
        boost::asio::post(io, std::forward<F>(f));
    }
    /// Handles are given out in the order in which the engine thread adds the torrents.
    TorrentHandle add(TorrentSpec spec);
    void put_demand(TorrentHandle torrent, ReaderId reader, std::optional<ReaderDemand> demand);

    // ---- before the thread runs, or on it ----
    Result<void> open();
    void begin();
    void add_torrent(TorrentHandle handle, TorrentSpec spec);
    /// Closes the torrent, which has nothing to do with its store on return, and lives until its trackers
    /// know.
    void remove_torrent(TorrentHandle handle);
    /// Null if there is none of that handle (any more).
    TorrentRunner* find(TorrentHandle handle) const;
    /// The torrent looks for peers from now on, in all ways that it has.
    void start_torrent(TorrentHandle handle);
    net::Awaitable<void> get(net::HttpRequest request, std::function<void(Result<net::HttpResponse>)> done);
    /// The trackers are told first, but only for so long.
    void begin_stop();
    /// Ends the loop of a stopping engine if no tracker has to be told any more.
    void stop_if_told();

    /// Hands an incoming connection to its torrent.
    void route(net::Listener::Arrival arrival);
    void handle_network_change();
    void set_ip_filter(std::shared_ptr<const IpFilter> filter);
    /// Gives the runner a peer of the user's, and warns of one that the IP filter has.
    void add_users_peers(TorrentRunner& runner, std::span<const Endpoint> peers);
    void take_outside_ports(const PeerPorts& ports);
    void take_demands();
    std::string proxy_text() const;
    PeerPorts own_ports() const;
    /// Ports that the gateway should let through.
    PeerPorts mapped_ports() const;

    const EngineOptions options;
    const wire::PeerId peer_id;
    net::HostPlaces web_hosts;  ///< coroutines that end with the io_context have places
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
    net::Connector connector;
    net::KernelRouting routing;
    net::NetworkWatch network;
    net::Dialer dialer;
    ConnectionBudget connections;
    net::Listener listener;
    net::HttpClient http;
    net::TaskGroup tasks;
    net::TrackerClient trackers;
    net::DhtClient dht;
    net::LsdClient lsd;
    NamedPeers named_peers;
    BanList bans;
    std::set<Endpoint> filtered_users;  ///< peers of the user's that the filter has, as the log has told
    UploadSlots upload_slots;
    UploadSlots no_upload_slots{0};
    IdleInterest idle_interest;
    TransferLimits limits;
    PeerPorts outside_ports;  ///< at which the world reaches us over IPv4; the engine thread's, once it runs
    boost::asio::steady_timer stop_timer;
    TransferTotals removed_totals;  ///< of torrents that were removed
    bool stopping = false;
    std::size_t talking = 0;  ///< torrents of a stopping engine whose trackers are being told that we leave
    TorrentIndex index;       ///< of runners
    /// Seeds of the torrents: asking the kernel for each would take longer than all else.
    Rng seeds{random_seed()};
    std::map<TorrentHandle, std::unique_ptr<TorrentRunner>> runners;  ///< the engine thread's
    /// Removed ones, whose trackers are being told.
    std::map<TorrentHandle, std::unique_ptr<TorrentRunner>> leaving;
    TorrentTurns starting;    ///< torrents that do not look for peers yet
    TorrentTurns port_turns;  ///< torrents that do not know the present outside_ports yet
    std::thread thread;
    portmap::PortMapper mapper;  ///< it posts, so it goes first

    std::mutex handles_mutex;
    TorrentHandle next_handle = 0;  // guarded by handles_mutex
    DemandMailbox demands;
};

}  // namespace btfs
