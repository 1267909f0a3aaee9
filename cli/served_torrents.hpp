// The torrents of a mount, from what the user named to files in the mount.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "cache/cache_dir.hpp"
#include "cli/engine_demand.hpp"
#include "engine/metainfo/magnet.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// A torrent file that was read, or a magnet link.
using Source = std::variant<Metainfo, Magnet>;

/// Each torrent once, whatever names it was given by. Throws Failure for what cannot be read.
std::vector<Source> load_sources(const std::vector<std::string>& texts);

/// Opens stores, hands torrents to the engine, and shows them. What is known by its name alone is shown when
/// the swarm has told the rest; a thread of its own does that, since it waits for the disk. The FuseSession
/// goes first; at its end this stops the engine, which uses the stores.
class ServedTorrents {
  public:
    /// What they are served with. All outlives this.
    struct House {
        Engine& engine;
        CacheDir& cache_dir;
        DiskPool& pool;
        PieceMemory& memory;
        std::vector<HostPort> peers;  ///< for every torrent
    };

    explicit ServedTorrents(House house) : house_(std::move(house)) {}
    ~ServedTorrents();

    /// Before start(). Throws Failure.
    void add(const Source& source);
    /// From now on what the swarm tells is taken.
    void start();
    /// Nothing more is shown.
    void end();

    Filesystem& filesystem() { return filesystem_; }

  private:
    /// All that serves one torrent.
    struct Served {
        std::unique_ptr<TorrentStore> store;
        std::unique_ptr<EngineDemand> demand;
    };
    struct Fetched {
        TorrentHandle torrent;
        std::shared_ptr<const Bytes> info;
    };

    void add_metainfo(const Metainfo& metainfo, const std::vector<std::vector<std::string>>& more_trackers,
                      const std::vector<HostPort>& more_peers);
    void add_magnet(const Magnet& magnet);
    /// From the info dictionary that an earlier mount has fetched.
    std::optional<Metainfo> kept(const Identity& identity) const;
    Served& open(const Metainfo& metainfo);
    void show(const Metainfo& metainfo, Served& served, TorrentHandle handle);
    void work();
    void take(const Fetched& fetched);

    House house_;
    std::list<Served> served_;  ///< first the caller's, then the thread's
    Filesystem filesystem_;     ///< goes before what it shows

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<Fetched> fetched_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace btfs::cli
