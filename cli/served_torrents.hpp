// The torrents of a mount, from what the user named to files in the mount.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/cache_dir.hpp"
#include "cli/engine_demand.hpp"
#include "cli/engine_status.hpp"
#include "cli/roster.hpp"
#include "cli/source_finder.hpp"
#include "cli/sources.hpp"
#include "cli/status_text.hpp"
#include "cli/worker.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// Has torrents found that are only pointed to, opens stores, hands torrents to the engine, and shows them.
/// What is known by its name alone is shown when the swarm has told the rest. What comes later is taken by a
/// thread of its own, since that waits for the disk. The FuseSession goes first; at its end this stops the
/// engine, which uses the stores.
class ServedTorrents {
  public:
    /// What they are served with. All outlives this.
    struct House {
        Engine& engine;
        CacheDir& cache_dir;
        DiskPool& pool;
        PieceMemory& memory;
        std::vector<HostPort> peers;  ///< for every torrent
        InodeWidth inode_width = InodeWidth::bits63;
    };

    explicit ServedTorrents(House house);
    ~ServedTorrents();

    /// Before start(). Throws Failure.
    void add(Sources sources);
    /// From now on what servers and the swarm tell is taken.
    void start();
    /// Nothing more is shown.
    void end();

    Filesystem& filesystem() { return filesystem_; }
    /// In the order of the sources. From any thread; see EngineStatus::get().
    std::vector<TorrentReport> reports();

  private:
    /// All that serves one torrent.
    struct Served {
        std::unique_ptr<TorrentStore> store;
        std::unique_ptr<EngineDemand> demand;
    };

    void bring_in(Roster::Index index, TorrentSource source);
    /// From the info dictionary that an earlier mount has fetched.
    std::optional<Metainfo> kept(const Identity& identity) const;
    Served& open(const Metainfo& metainfo);
    void show(Roster::Index index, const Metainfo& metainfo, Served& served, TorrentHandle handle);
    void take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info);
    void bring_in_if_new(Roster::Index index, TorrentSource source);

    House house_;
    Roster roster_;
    EngineStatus engine_status_;
    SourceFinder finder_;
    // First the caller's, then the worker's.
    std::vector<Identity> known_;
    std::list<Served> served_;

    Filesystem filesystem_;  ///< goes before what it shows
    Worker worker_;
};

}  // namespace btfs::cli
