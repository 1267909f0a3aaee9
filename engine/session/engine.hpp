// Engine: one thread, one listener, one dialer, and all torrents of the process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.hpp"
#include "engine/core/file_selection.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/ip_filter.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/reader_demand.hpp"
#include "engine/metainfo/magnet.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "engine/mse/encryption.hpp"
#include "engine/net/dht_options.hpp"
#include "engine/net/http_message.hpp"
#include "engine/net/local_binding.hpp"
#include "engine/net/transport.hpp"
#include "engine/proxy/proxy_url.hpp"
#include "engine/session/torrent_status.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/torrent.hpp"

namespace btfs {

struct EngineOptions {
    /// 0: the default port, or a free one when that is taken.
    std::uint16_t port = 0;
    std::size_t max_peers = 80;
    static constexpr std::size_t kDefaultMaxConnections = 500;
    /// Of all torrents together. 0: kDefaultMaxConnections, or less if the process may not have so many
    /// descriptors.
    std::size_t max_connections = 0;
    bool background = false;
    /// Bytes of content per second, of all torrents together; nothing: no limit.
    std::optional<std::uint64_t> upload_limit = {};
    std::optional<std::uint64_t> download_limit = {};
    /// The limits hold for peers in the local network, too.
    bool limit_local = false;
    /// False: no peer is unchoked.
    bool uploads = true;
    /// Of each torrent.
    SeedGoals seed_goals = {};
    /// Each torrent that is complete from the start is super seeded (BEP 16).
    bool super_seed = false;
    /// Where everything goes over, name look-ups included; by default as the routes say.
    net::LocalBinding binding = {};
    /// All traffic goes through it, or nowhere: there is no listener, no LSD, no port mapping and no look-up
    /// of a name but the proxy's own; and with an HTTP proxy no DHT and uTP, which need UDP.
    std::optional<proxy::ProxyUrl> proxy = {};
    /// Transports over which connections are made and taken.
    net::Transport transport = net::Transport::both;
    /// Kinds of connections that are made and taken.
    Encryption encryption = Encryption::allow;
    /// Peers of public torrents are told of each other (BEP 11).
    bool pex = true;
    /// Peers of public torrents are looked for in the local networks (BEP 14).
    bool lsd = true;
    /// Nothing: no DHT.
    std::optional<net::DhtOptions> dht;
    /// The gateway is asked to let peers in (PCP, NAT-PMP, UPnP).
    bool port_mapping = false;
};

/// Content of a torrent, and the store that keeps it.
struct KnownContent {
    Layout layout;
    Storage& storage;
    /// The info dictionary, for peers that ask for it (BEP 9).
    std::shared_ptr<const Bytes> metadata = nullptr;
    /// Peers come from its trackers and the user alone (BEP 27).
    bool is_private = false;
};

/// Description of a torrent to add.
struct TorrentSpec {
    std::string name;
    Identity identity;
    /// Nothing if only its name is known: then the info dictionary is fetched from peers.
    std::optional<KnownContent> content;
    /// Tiers of tracker URLs (BEP 12).
    std::vector<std::vector<std::string>> trackers;
    /// Peers that are known from the start, by name or address.
    std::vector<HostPort> peers;
    /// Files to fetch without a reader, if any are fetched so; empty: all files.
    std::vector<FileRange> background_files = {};
    /// Nodes of the DHT that its file names (BEP 5).
    std::vector<HostPort> dht_nodes = {};
    /// The peers that an earlier run's on_peers() was given; may be empty. They are dialled before anybody is
    /// asked for peers.
    Bytes kept_peers = {};
    /// The peers that gave most, to be kept for the next run: now and then when there are new ones, and at
    /// the end. On the engine thread, which must not wait.
    std::function<void(Bytes)> on_peers = {};
    /// URLs of web seeds (BEP 19), as the torrent has them.
    std::vector<std::string> web_seeds = {};
    /// URLs of HTTP seeds (BEP 17), as the torrent has them.
    std::vector<std::string> http_seeds = {};
    /// See Engine::set_paused().
    bool paused = false;
    /// Called once on the engine thread, with the info dictionary that was fetched; provide() is to follow.
    std::function<void(TorrentHandle, std::shared_ptr<const Bytes>)> on_metadata = {};
};

/// Owns the engine thread. All calls may come from any thread and none waits for the network, but stop().
class Engine {
  public:
    explicit Engine(const EngineOptions& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Binds the port. An error if a port was asked for and is taken. No thread runs yet.
    Result<void> open();
    /// 0 with a proxy: nobody listens.
    std::uint16_t port() const;
    /// The proxy's URL without credentials; empty without a proxy. Any thread.
    std::string proxy_url() const;
    /// The proxy and what goes through it now, without credentials; empty without a proxy. Whether it relays
    /// UDP is known some time after start(). Any thread.
    std::string proxy_text() const;
    /// Starts the thread.
    void start();

    /// The store outlives the engine's stop(), or the torrent's removal.
    TorrentHandle add(TorrentSpec spec);
    /// Ends a torrent: its connections are closed, and nobody is told of it any more but its trackers, that
    /// we leave. `removed` is called on the engine thread once the engine does not use its store any more, or
    /// never if the engine stops first. All else that is said of the torrent from now on is ignored.
    void remove(TorrentHandle torrent, std::function<void()> removed);
    /// Hands over the content of a torrent whose metadata on_metadata() has reported. Ignored after stop().
    void provide(TorrentHandle torrent, KnownContent content);
    /// The newest demand of a reader counts; many are handed over at once.
    void set_demand(TorrentHandle torrent, ReaderId reader, const ReaderDemand& demand);
    void drop_reader(TorrentHandle torrent, ReaderId reader);
    /// The user wants these pieces of a torrent, whose content is known, to be fetched and kept; no others.
    void set_pinned(TorrentHandle torrent, Bitfield pieces);
    /// Fetches these pieces of a torrent, whose content is known, without a reader; once.
    void prefetch(TorrentHandle torrent, Bitfield pieces);
    /// Asks the trackers that may be asked now, and the DHT, for more peers.
    void want_peers(TorrentHandle torrent);
    /// A paused torrent takes part in nothing: it closes its connections, tells its trackers that it leaves,
    /// and is neither announced nor fetched. Its store is served as before. A resumed one goes on at once.
    void set_paused(TorrentHandle torrent, bool paused);
    /// Uploading of a torrent ends at these goals from now on; nothing: at those of the EngineOptions. In
    /// both cases it ends, too, once it has been idle as long as `idle`; nothing: as the goals say.
    void set_seed_goals(TorrentHandle torrent, std::optional<SeedGoals> goals,
                        std::optional<Duration> idle = {});
    /// Has a torrent announced to these trackers, in tiers, and to no others from now on. Those that have
    /// gone are told that it leaves.
    void set_trackers(TorrentHandle torrent, std::vector<std::vector<std::string>> trackers);
    /// Other limits of one torrent from now on.
    void set_limits(TorrentHandle torrent, const OwnLimits& limits);

    /// Other limits of all torrents together from now on, in bytes per second; nothing: no limit. An engine
    /// that does not upload goes on so.
    void set_rate_limits(std::optional<std::uint64_t> upload, std::optional<std::uint64_t> download);

    /// Replaces the filter of addresses that are no peers of ours, nor DHT nodes; null: there is none, as at
    /// first. Connections to peers that are in the new one are closed. Before start() it is in force for all
    /// that follows. Trackers and web servers may have any address.
    void set_ip_filter(std::shared_ptr<const IpFilter> filter);

    /// GETs over HTTP, by the same interface as all other traffic. `done` is called once on the engine
    /// thread, or never if the engine stops first.
    void get(net::HttpRequest request, std::function<void(Result<net::HttpResponse>)> done);
    /// Looks up in the DHT which torrent a publisher names at present (BEP 46): `done` gets its info-hash,
    /// publisher_not_found if there was no answer in time, or dht_off. `done` is called as above.
    void find_published(const PublishedName& name, Duration patience,
                        std::function<void(Result<Sha1Digest>)> done);
    /// Asks for the status of all torrents. `take` is called once on the engine thread, or never if the
    /// engine stops first. Costs nothing unless called.
    void ask_status(std::function<void(TorrentStatuses)> take);

    /// Asks for all there is to tell of one torrent: nothing if it is not there (any more). `take` is called
    /// as above. Takes time for each of its pieces.
    void ask_details(TorrentHandle torrent, std::function<void(std::optional<TorrentDetails>)> take);

    /// Trackers of torrents, as TorrentDetails has them, by their handles in order; those that are not there
    /// are left out.
    using TrackersOf = std::vector<std::pair<TorrentHandle, std::vector<tracker::TrackerStatus>>>;
    /// Asks for the trackers of some torrents. `take` is called as above.
    void ask_trackers(std::vector<TorrentHandle> torrents, std::function<void(TrackersOf)> take);

    /// Tells the trackers, closes all connections, ends the thread; about a second at most. Stores hear
    /// nothing of the engine afterwards.
    void stop();

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace btfs
