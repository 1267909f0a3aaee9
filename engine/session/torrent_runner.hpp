// Shell of one torrent: carries out its machine's actions, and brings it connections, time and store events.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "engine/net/dialer.hpp"
#include "engine/net/http_client.hpp"
#include "engine/net/listener.hpp"
#include "engine/net/network_path.hpp"
#include "engine/net/peer_connection.hpp"
#include "engine/session/announcing.hpp"
#include "engine/session/connection_budget.hpp"
#include "engine/session/engine.hpp"
#include "engine/session/peer_search.hpp"
#include "engine/session/torrent_status.hpp"
#include "engine/session/web_seeds.hpp"
#include "engine/swarm/torrent.hpp"

namespace btfs {

/// A shell around Torrent. On the engine thread, but for the StorageEvents, which post themselves there.
/// Lives until the io_context has stopped for good, or for one turn of it longer than close() and until the
/// call of stop_announcing().
class TorrentRunner final : public ConnectionBudget::Holder, private StorageEvents {
  public:
    /// The machines that all torrents share; they outlive the torrents.
    struct Shared {
        boost::asio::io_context& io;
        net::Dialer& dialer;
        ConnectionBudget& connections;
        const net::Routing& routing;
        const BanList& bans;
        net::HttpClient& http;
        net::HostPlaces& web_hosts;
        net::TaskGroup& tasks;
    };
    /// Dials under way that a torrent without readers may always have; more if there are few torrents.
    static constexpr std::size_t kIdleDials = 4;
    /// The peers that gave something are kept so long after the first time that one did, and then so often.
    static constexpr Duration kFirstKeepPeers = std::chrono::seconds(30);
    static constexpr Duration kKeepPeersEvery = std::chrono::minutes(3);

    TorrentRunner(const Shared& shared, TorrentHandle handle, TorrentSpec spec, const TorrentOptions& options,
                  std::uint64_t seed);
    ~TorrentRunner() override;

    const Identity& identity() const { return spec_.identity; }
    /// Peers that are known from the start, by name or address.
    const std::vector<HostPort>& peers() const { return spec_.peers; }
    /// See Torrent::set_paused(). Trackers are told `stopped`, and DHT and LSD left, until it goes on.
    void set_paused(bool paused);
    bool is_private() const { return spec_.content && spec_.content->is_private; }
    const TorrentOptions& options() const { return options_; }
    TorrentTotals totals() const { return torrent_.totals(); }
    TorrentStatus status(TimePoint now) const;
    TorrentDetails details(TimePoint now) const;
    /// As TorrentDetails has them.
    std::vector<tracker::TrackerStatus> trackers() const;

    /// The content of a torrent that was added without.
    void provide(KnownContent content);
    /// The trackers are told from now on.
    void start_announcing(net::TrackerClient& client, std::uint64_t seed);
    /// Peers are looked for in the DHT from now on, unless it is private (BEP 27).
    void start_searching(net::DhtClient& dht);
    /// The local networks are told of it from now on, and listened to, unless it is private.
    void start_discovering(net::LsdClient& lsd);
    /// Where the world reaches us over IPv4 from now on: trackers, the DHT and new peers are told.
    void set_outside_ports(const PeerPorts& ports);
    /// Calls `stopped` once, when the trackers know that we leave.
    void stop_announcing(std::function<void()> stopped);

    void add_peers(std::span<const Endpoint> endpoints, PeerSource source);
    /// Adds the peers that an earlier run has kept.
    void add_kept_peers();
    void take_incoming(net::Listener::Arrival arrival);
    void set_reader(ReaderId reader, const ReaderDemand& demand);
    void set_pinned(Bitfield pieces);
    void prefetch(const Bitfield& pieces);
    /// Asks trackers and the DHT for more peers.
    void want_peers();
    /// The limits that all torrents share are others now.
    void on_limits_changed();
    void set_seed_goals(const SeedGoals& goals);
    void set_limits(const OwnLimits& limits);
    void set_trackers(std::vector<std::vector<std::string>> trackers);
    void drop_reader(ReaderId reader);

    /// Closes connections that the network has broken, and dials, announces and searches anew.
    void handle_network_change();
    /// The proxy relays UDP from now on: dials and announces anew what has failed without, and keeps all
    /// connections.
    void handle_relay_opened();
    /// The process's BanList has another IP filter: closes connections to the addresses in it.
    void handle_filter_change();

    net::DialUrgency urgency() const override;
    std::size_t give_up_connections(std::size_t count) override;

    /// No event of the store comes after this; any thread but the store's own.
    void detach_storage();
    /// Closes all connections, and is found no more.
    void close();

  private:
    void on_verified(PieceIndex piece, std::vector<Sha1Digest> block_digests) override;
    void on_mismatch(PieceIndex piece, PieceBufferPtr buffer, std::vector<Sha1Digest> block_digests) override;
    void on_lost(PieceIndex piece) override;
    void on_evicted(const std::vector<PieceIndex>& pieces) override;
    void on_shortage() override;
    void on_credit() override;
    void on_read(ReadTicket ticket, Result<ContentView> content) override;

    template <class F>
    void post(F&& event);
    void try_anew(TimePoint now);
    void after_event();
    void carry_out(const Dial& action);
    void carry_out(const Send& action);
    void carry_out(const Disconnect& action);
    void carry_out(const Completed& action);
    void carry_out(const MetadataFetched& action);
    void carry_out(const DhtNodeTold& action);
    void carry_out(const PeersWanted& action);
    void carry_out(const SeedingChanged& action);
    void carry_out(const WebSeedFailed& action);
    void carry_out(const SuperSeedingEnded& action);
    void take_up_content();
    std::optional<dht::Node::Announce> dht_announce(AddressFamily family) const;
    bool may_dial(const Endpoint& endpoint);
    bool has_room();
    bool update_dialling();
    void connected(const Endpoint& endpoint, const NewConnection& connection, net::Dialer::Dialled dialled);
    void keep_peers();
    void begin_connection(ConnectionId id, ConnectionBudget::Slot slot, std::optional<net::NetworkPath> path,
                          std::unique_ptr<net::Stream> stream, ByteView received);
    void forget_connection(ConnectionId id);
    bool update_web_seeds();
    bool connect_web_seed(std::uint32_t number, TimePoint now);
    void arm_timer();

    struct Connection {
        ConnectionBudget::Slot slot;
        std::optional<net::NetworkPath> path;  ///< none of a web seed, which has several
        std::unique_ptr<net::PeerConnection> peer;
    };

    const Shared shared_;
    const TorrentHandle handle_;
    TorrentSpec spec_;
    const TorrentOptions options_;
    PeerPorts outside_ports_;  ///< ports that peers outside reach over IPv4
    Torrent torrent_;
    PeerSearch peer_search_;
    WebSeeds web_seeds_;
    std::map<ConnectionId, Connection> connections_;
    net::Dialer::Queue dials_;
    std::size_t max_dialling_ = Torrent::kMaxDialling;
    std::set<ReaderId> readers_;
    boost::asio::steady_timer timer_;
    TimePoint armed_ = kNever;
    TimePoint keep_due_ = kNever;
    bool has_kept_ = false;
    std::unique_ptr<Announcing> announcing_;  ///< null without trackers
    net::TrackerClient* tracker_client_ = nullptr;
    std::uint64_t announcing_seed_ = 0;
    bool carrying_out_ = false;
    bool closed_ = false;
};

}  // namespace btfs
