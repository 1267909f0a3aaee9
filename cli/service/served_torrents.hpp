// Torrents of a mount: resolves sources, opens stores, adds torrents to the engine and to the mount.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/adopted/data_folders.hpp"
#include "cache/cache_dir.hpp"
#include "cache/disk/use_count.hpp"
#include "cli/process/worker.hpp"
#include "cli/service/engine_demand.hpp"
#include "cli/service/engine_status.hpp"
#include "cli/service/roster.hpp"
#include "cli/service/source_finder.hpp"
#include "cli/service/status_text.hpp"
#include "cli/sources/sources.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

enum class Pinning : std::uint8_t { pin, unpin };

/// What came of a pin.
struct PinReport {
    std::size_t files = 0;
    std::uint64_t bytes = 0;            ///< size of these files
    std::uint64_t pinned = 0;           ///< size of all files that are pinned in the mount
    std::optional<std::uint64_t> room;  ///< bytes of the cache that pins may take; nothing: no limit
};

/// Owns the stores and the tree of all torrents of one mount. A torrent whose file is known is shown at once;
/// one that a URL or a publisher names is looked up by the SourceFinder; one that is known by its info-hash
/// alone is shown when the swarm has sent its metadata. A worker thread opens what comes after start(), since
/// that waits for the disk. The FuseSession is destroyed before this; the destructor stops the engine, which
/// uses the stores.
class ServedTorrents {
  public:
    /// The engine, the cache and what they share. Each outlives this.
    struct Services {
        Engine& engine;
        CacheDir& cache_dir;
        DiskPool& pool;
        PieceMemory& memory;
        const DataFolders& data;      ///< what other clients have
        std::vector<HostPort> peers;  ///< for every torrent
        InodeWidth inode_width = InodeWidth::bits63;
    };

    explicit ServedTorrents(Services services);
    ~ServedTorrents();

    /// Adds all sources; called once, before start(). A torrent whose store cannot be opened, as one that
    /// another process serves, is named in the log and stays in reports() as failed. Throws Failure if no
    /// source is left then.
    void add(Sources sources);
    /// Starts the worker, which takes what servers and the swarm tell.
    void start();
    /// Stops the worker: nothing more is shown.
    void end();
    /// After end(), and after the engine was stopped: begins the clean end of all stores at once, on the disk
    /// pool, and returns. They sync until `sync_until`.
    void close_begin(TimePoint sync_until);

    Filesystem& filesystem() { return filesystem_; }
    /// Pins or unpins a file, or all files in a folder, of one torrent or of all: fetched without a reader,
    /// and kept, also by later mounts. `path` lies below the mountpoint. On any thread but the worker's;
    /// waits for the disk. Throws Failure: no such path, or the disk does not take it.
    PinReport pin(const std::string& path, Pinning pinning);
    /// In the order of the sources. From any thread; see EngineStatus::get().
    std::vector<TorrentReport> reports();

  private:
    /// One torrent that is open.
    struct Served {
        Identity identity;
        std::unique_ptr<TorrentStore> store;
        std::unique_ptr<EngineDemand> demand;
        TorrentHandle handle = 0;
        Slot slot = 0;
        Pins pins = {};
    };

    /// Adds a torrent to the engine and, if its metainfo is known, to the mount. `adopted`: what other
    /// clients have of it; looked for here if the source comes without its metainfo. Throws Failure if its
    /// store cannot be opened; the engine does not know of it then.
    void bring_in(Roster::Index index, TorrentSource source, std::unique_ptr<AdoptedFiles> adopted);
    /// Keeps the peers that served a torrent best for its next mount.
    void keep_peers(const Identity& identity, Bytes peers);
    /// Parses the info dictionary that an earlier mount has fetched.
    std::optional<Metainfo> kept(const Identity& identity) const;
    std::unique_ptr<AdoptedFiles> find_data(const Metainfo& metainfo) const;
    Served& open(const Metainfo& metainfo, std::unique_ptr<AdoptedFiles> adopted);
    void show(Roster::Index index, const Metainfo& metainfo, Served& served, TorrentHandle handle);
    PinReport pin_now(const std::string& path, Pinning pinning);
    void take_pins(Served& served);
    void set_pins(Served& served, Pins pins);
    void take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info);
    void bring_in_if_new(Roster::Index index, TorrentSource source);

    Services services_;
    Roster roster_;
    EngineStatus engine_status_;
    SourceFinder finder_;
    // Used by the caller until start(), then by the worker alone.
    std::vector<Identity> known_;  ///< the torrents that the engine has
    std::list<Served> served_;

    UseCount keeping_;  ///< jobs of keep_peers(), which use the cache directory

    Filesystem filesystem_;  ///< destroyed before the stores that it shows
    Worker worker_;
};

}  // namespace btfs::cli
