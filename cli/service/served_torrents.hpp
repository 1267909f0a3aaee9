// Torrents of a mount: resolves sources, opens stores, adds torrents to the engine and to the mount.
#pragma once

#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/adopted/data_folders.hpp"
#include "cache/cache_dir.hpp"
#include "cache/disk/use_count.hpp"
#include "cli/process/worker.hpp"
#include "cli/service/added_sources.hpp"
#include "cli/service/details_report.hpp"
#include "cli/service/engine_status.hpp"
#include "cli/service/fetching.hpp"
#include "cli/service/roster.hpp"
#include "cli/service/served_torrent.hpp"
#include "cli/service/source_finder.hpp"
#include "cli/service/status_text.hpp"
#include "cli/sources/sources.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// Outcome of add_source().
struct AddReport {
    std::string name = {};       ///< as the source calls it
    std::string info_hash = {};  ///< in hex; empty until it is known
    bool was_there = false;
    std::string warning = {};  ///< what did not work beside that; empty: nothing
};

/// Outcome of fetch().
struct FetchReport {
    std::size_t files = 0;
    std::uint64_t bytes = 0;            ///< size of these files
    std::uint64_t pinned = 0;           ///< size of all files that are pinned in the mount
    std::optional<std::uint64_t> room;  ///< bytes of the cache that pins may take; nothing: no limit
};

/// Owns the stores and the tree of all torrents of one mount. A torrent whose file is known is shown at once;
/// one that a URL or a publisher names is looked up by the SourceFinder; one that is known by its info-hash
/// alone is shown when the swarm has sent its metadata. Torrents are added and removed while the mount
/// stands: a worker thread does that, since it waits for the disk. The FuseSession is destroyed before this;
/// the destructor stops the engine, which uses the stores.
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
        /// Keeps what is added to the running mount; null: nobody does.
        const AddedSources* added = nullptr;
    };

    explicit ServedTorrents(Services services);
    ~ServedTorrents();

    /// Adds all sources of the command line; called once, before start(). A torrent whose store cannot be
    /// opened, as one that another process serves, is named in the log and stays in reports() as failed.
    /// Throws Failure if no source is left then.
    void add(Sources sources);
    /// Starts the worker, which first takes up what was added to earlier mounts.
    void start();
    /// Stops the worker: nothing more is shown.
    void end();
    /// After end(), and after the engine was stopped: begins the clean end of all stores at once, on the disk
    /// pool, and returns. They sync until `sync_until`.
    void close_begin(TimePoint sync_until);

    Filesystem& filesystem() { return filesystem_; }
    /// True while not all that was added to earlier mounts has been taken up. From any thread.
    bool takes_up_added() const { return takes_up_added_; }

    // ---- while the mount stands, on any thread but the worker's; each waits for the disk ----

    /// Adds a torrent, from the bytes of its file or the text of a magnet link or URL, and keeps the source
    /// for later mounts. Throws Failure if it cannot be parsed or served.
    AddReport add_source(AddedSources::Source source);
    /// Removes the torrent of that info-hash, name in the mount, or URL, for good: later mounts have it only
    /// if their command line does. What was fetched stays in the cache; pins end. Returns its name. Throws
    /// Failure: there is none, or several have that name.
    std::string remove(const std::string& which);
    /// Fetches a file, or all files in a folder, of one torrent or of all. `path` lies below the mountpoint.
    /// Throws Failure: no such path, or the disk does not take it.
    FetchReport fetch(const std::string& path, Fetching fetching);

    /// In the order of the sources. From any thread; see EngineStatus::get().
    std::vector<TorrentReport> reports();
    /// The same, and what else there is to tell of the mount.
    MountReport report();

    /// All there is to tell of one torrent, by its info-hash, or its name or URL. Waits for neither network
    /// nor disk. Throws Failure: there is none, or several have that name.
    DetailsReport details(const std::string& which);
    /// The same, of an info-hash in hex, in O(1). Nothing if there is none.
    std::optional<DetailsReport> details_by_hash(const std::string& info_hash);

  private:
    DetailsReport details_of(RosterEntry entry);
    void take_status(DetailsReport& report);
    std::vector<TorrentReport> reports_of(const TorrentStatuses& statuses);
    /// Adds a torrent to the engine and, if its metainfo is known, to the mount. `adopted`: what other
    /// clients have of it; looked for here if the source comes without its metainfo. Throws Failure if its
    /// store cannot be opened; the engine does not know of it then.
    void bring_in(Roster::Index index, TorrentSource source, std::unique_ptr<AdoptedFiles> adopted);
    /// Keeps the peers that served a torrent best for its next mount.
    void keep_peers(const Identity& identity, Bytes peers);
    /// Parses the info dictionary that an earlier mount has fetched.
    std::optional<Metainfo> kept(const Identity& identity) const;
    std::unique_ptr<AdoptedFiles> find_data(const Metainfo& metainfo) const;
    ServedTorrent& open(Roster::Index index, const Metainfo& metainfo, std::unique_ptr<AdoptedFiles> adopted);
    void show(Roster::Index index, const Metainfo& metainfo, ServedTorrent& served, TorrentHandle handle);
    void take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info);
    void bring_in_if_new(Roster::Index index, TorrentSource source);
    std::optional<Roster::Index> find(const Identity& identity) const;
    bool is_still_open(const Identity& identity) const;

    // Changes to the running mount.
    void take_next_added(std::deque<std::string> names);
    void take_kept(const std::string& record);
    AddReport add_now(const AddedSources::Source& source);
    /// Whether a torrent that cannot be served is dropped, or stays in reports() as failed.
    enum class IfItFails : bool { drop, stay };
    AddReport take(const AddedSources::Source& source, const std::string& record, IfItFails if_it_fails);
    AddReport take_torrent(RosterEntry entry, TorrentSource source, IfItFails if_it_fails);
    Roster::Index enter(RosterEntry entry);
    void drop(Roster::Index index);
    void note_record(Roster::Index index, const std::string& record, const std::string& label);
    std::string remove_now(const std::string& which);
    Roster::Index choose(std::string which) const;
    void leave(Roster::Index index);
    void forget(const RosterEntry& entry);
    std::shared_ptr<const void> in_use(Roster::Index index);
    void let_go(Roster::Index index, bool ServedTorrent::*user);

    // Pins.
    FetchReport fetch_now(const std::string& path, Fetching fetching);
    void take_pins(ServedTorrent& served);
    void pin_whole(Roster::Index index);
    void set_pins(ServedTorrent& served, Pins pins);
    void publish_pins(const ServedTorrent& served);

    Services services_;
    const TimePoint made_ = Clock::now();
    Roster roster_;
    EngineStatus engine_status_;
    const std::shared_ptr<Worker>
        worker_;  ///< never null; files that are closed late find out that it has gone
    SourceFinder finder_;
    // Used by the caller until start(), then by the worker alone.
    std::map<Sha1Digest, Roster::Index> known_;     ///< the torrents that the engine has, by their hashes
    std::map<std::string, Roster::Index> records_;  ///< sources that are kept, by their names
    /// Torrents that failed for good, by their info-hashes: each may be tried again.
    std::map<std::string, Roster::Index> failed_;
    std::list<ServedTorrent> served_;
    std::list<ServedTorrent> removed_;  ///< that somebody still uses

    std::atomic<bool> takes_up_added_ = false;
    UseCount keeping_;  ///< jobs of keep_peers(), which use the cache directory

    Filesystem filesystem_;  ///< destroyed before the stores that it shows
};

}  // namespace btfs::cli
