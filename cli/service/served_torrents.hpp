// Torrents of a mount: resolves sources, opens stores, adds torrents to the engine and to the mount.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/adopted/data_folders.hpp"
#include "cache/cache_dir.hpp"
#include "cache/disk/use_count.hpp"
#include "cli/process/failure.hpp"
#include "cli/process/worker.hpp"
#include "cli/service/added_sources.hpp"
#include "cli/service/content_report.hpp"
#include "cli/service/details_report.hpp"
#include "cli/service/dropped_content.hpp"
#include "cli/service/engine_status.hpp"
#include "cli/service/fetching.hpp"
#include "cli/service/kept_settings.hpp"
#include "cli/service/library.hpp"
#include "cli/service/library_links.hpp"
#include "cli/service/roster.hpp"
#include "cli/service/served_torrent.hpp"
#include "cli/service/shell_commands.hpp"
#include "cli/service/source_finder.hpp"
#include "cli/service/status_text.hpp"
#include "cli/service/torrent_change.hpp"
#include "cli/service/torrent_facts.hpp"
#include "cli/service/torrent_pins.hpp"
#include "cli/service/wait_log.hpp"
#include "cli/sources/sources.hpp"
#include "engine/session/engine.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// Outcome of add_source().
struct AddReport {
    std::string name = {};       ///< as the source calls it
    std::string info_hash = {};  ///< in hex; empty until it is known
    bool was_there = false;
    bool kept = false;         ///< later mounts have it, too
    std::string warning = {};  ///< what did not work beside that; empty: nothing
    Roster::Index index = 0;   ///< of the torrent
};

/// Outcome of remove().
struct RemoveReport {
    std::string name;          ///< in the mount
    std::string warning = {};  ///< what did not work beside that; empty: nothing
};

/// Outcome of fetch().
struct FetchReport {
    std::size_t files = 0;
    std::uint64_t bytes = 0;            ///< size of these files
    std::uint64_t pinned = 0;           ///< size of all files that are pinned in the mount
    std::optional<std::uint64_t> room;  ///< bytes of the cache that pins may take; nothing: no limit
};

/// Bytes that the cache may take.
struct CacheSpace {
    std::uint64_t free = 0;  ///< for pins, in place of what is evicted for them
    std::uint64_t total = 0;
};

/// Fate of the content of a torrent that is removed.
enum class RemovedContent : std::uint8_t {
    kept,
    dropped,  ///< once nothing uses it any more; what other clients have stays
};

/// Owns the stores and the tree of all torrents of one mount. A torrent whose file is known is shown at once;
/// one that a URL or a publisher names is looked up by the SourceFinder; one that is known by its info-hash
/// alone is shown when the swarm has sent its metadata. Torrents are added and removed while the mount
/// stands: a worker thread does that, since it waits for the disk. The FuseSession is destroyed before this;
/// the destructor stops the engine, which uses the stores.
class ServedTorrents {
  public:
    /// Time from the making of this in which start() takes up what was added earlier. Torrents that were
    /// taken up by then are in the first listing of the mount.
    static constexpr Duration kListedAtOnce = std::chrono::milliseconds(150);

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
        /// Links to what has a label; null: none are made. For the worker.
        Library* library = nullptr;
        /// Torrents are added and removed by writing to files of .btfs, too.
        bool takes_commands = false;
    };

    explicit ServedTorrents(Services services);
    ~ServedTorrents();

    /// Has a function called whenever the last torrent that was waited for is visible, has failed or has
    /// gone, on the thread that did it. It must not wait. From any thread.
    void on_settled(std::function<void()> call) { roster_.on_settled(std::move(call)); }

    /// Adds all sources of the command line; called once, before start(). A torrent whose store cannot be
    /// opened, as one that another process serves, is named in the log and stays in reports() as failed.
    /// Throws Failure if no source is left then.
    void add(Sources sources);
    /// Takes up what was added to earlier mounts, for kListedAtOnce at most, and starts the worker, which
    /// goes on with the rest. A torrent that cannot be opened now, as one that an ending process still has,
    /// waits for the worker, too.
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
    /// for later mounts. One that is there already, or was kept by an earlier mount, stays as the user has
    /// set it, but for a label if it has none, and for pins. Throws Failure if it cannot be parsed or served.
    AddReport add_source(AddedSources::Source source);
    /// Removes the torrent of that info-hash, name in the mount, URL or Roster::id_text(), for good: later
    /// mounts have it only if their command line does. Pins end. Throws Failure, and the torrent stays: there
    /// is none, or several have that name, or the disk does not take that pins end.
    RemoveReport remove(const std::string& which, RemovedContent content = RemovedContent::kept);
    /// The same for the torrent of an index in the roster.
    RemoveReport remove(Roster::Index torrent, RemovedContent content);
    /// Carries out a change, and keeps it for later mounts. Throws Failure: there is no such torrent or file,
    /// or its files are not known yet, or the disk does not take it.
    void change(Roster::Index torrent, const TorrentChange& change);
    /// Pauses the torrent of that info-hash, name in the mount, or URL, or lets it go on. Later mounts keep
    /// it so. Returns how many have changed. Throws Failure: there is none, or several have that name, or the
    /// disk does not take it.
    std::size_t set_paused(const std::string& which, bool paused);
    /// The same for all torrents. Throws Failure, after all have changed, if the disk does not take it of
    /// one.
    std::size_t set_all_paused(bool paused);
    /// Returns the contents of those torrents whose description is known.
    std::map<Roster::Index, ContentReport> contents(const std::vector<Roster::Index>& torrents);
    /// Returns the bytes of pinned files that are not had yet, of those torrents whose description is known.
    std::map<Roster::Index, std::uint64_t> pinned_left(const std::vector<Roster::Index>& torrents);
    /// True if the torrent is in the mount, or is to be. From any thread.
    bool has(Roster::Index torrent) const { return roster_.has(torrent); }
    /// Returns the torrent's name in the mount; as its source calls it until it is there; empty if there is
    /// none. From any thread.
    std::string name_of(Roster::Index torrent) const;
    /// Has what the cache holds of a torrent verified anew, piece by piece, in the background; a piece whose
    /// turn has not come is verified when it is read. Throws Failure: its files are not known yet.
    void recheck(Roster::Index torrent);
    /// Asks trackers and the DHT for more peers of a torrent, as far as they may be asked. From any thread.
    void want_peers(Roster::Index torrent);
    /// Limits of all torrents together from now on, in bytes per second; nothing: no limit. From any thread.
    void set_rate_limits(std::optional<std::uint64_t> upload, std::optional<std::uint64_t> download) {
        services_.engine.set_rate_limits(upload, download);
    }
    /// Of the cache directory; from any thread.
    CacheSpace cache_space() const;
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
    /// Returns the trackers of torrents, as DetailsReport has them, in one look at the engine; none if it
    /// does not answer in EngineStatus::kPatience.
    std::map<Roster::Index, std::vector<tracker::TrackerStatus>> trackers(
        const std::vector<Roster::Index>& torrents);

  private:
    /// `.btfs/torrents/HASH`.
    VirtualMembers torrent_folders();
    void watch_waits();
    void tell_waits();
    DetailsReport details_of(Roster::Index index, RosterEntry entry);
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
    Result<std::unique_ptr<TorrentStore>> open_store(const Metainfo& metainfo,
                                                     std::unique_ptr<AdoptedFiles> adopted);
    ServedTorrent& open(Roster::Index index, const Metainfo& metainfo, std::unique_ptr<AdoptedFiles> adopted);
    void show(Roster::Index index, const Metainfo& metainfo, ServedTorrent& served, TorrentHandle handle);
    void take_metadata(Roster::Index index, TorrentHandle torrent, const Bytes& info);
    void bring_in_if_new(Roster::Index index, TorrentSource source);
    std::optional<Roster::Index> find(const Identity& identity) const;
    bool is_still_open(const Identity& identity) const;

    // Changes to the running mount.
    ShellCommands::Torrents shell_torrents();
    std::deque<std::string> take_first_added(std::deque<std::string> names);
    void take_next_added(std::deque<std::string> names);
    void take_kept(const std::string& record);
    AddReport add_now(const AddedSources::Source& source);
    AddReport add_and_keep(const AddedSources::Source& source);
    AddReport take(const AddedSources::Source& source, const std::string& record, bool was_kept);
    AddReport take_torrent(RosterEntry entry, TorrentSource source);
    void retry_of(Roster::Index failed, RosterEntry& entry);
    Roster::Index enter(RosterEntry entry);
    void drop(Roster::Index index);
    void join(Roster::Index index, const RosterEntry& other);
    void note_record(Roster::Index index, const RosterEntry& other);
    void label_if_none(Roster::Index index, const std::string& label);
    RemoveReport remove_now(Roster::Index index, RemovedContent content);
    Roster::Index choose(const std::string& which) const;
    void leave(Roster::Index index);
    void withdraw(Roster::Index index, const RosterEntry& entry);
    void give_up(Roster::Index index, const std::string& problem);
    Error forget(const RosterEntry& entry);
    void know(Roster::Index index, const TorrentSource& source);
    void know(Roster::Index index, const Metainfo& metainfo);
    std::shared_ptr<const void> in_use(Roster::Index index);
    void let_go(Roster::Index index, bool ServedTorrent::*user);

    FetchReport fetch_now(const std::string& path, Fetching fetching);

    // Changes and reports of one torrent.
    void change_now(Roster::Index index, const TorrentChange& change);
    void apply_now(Roster::Index index, const TorrentChange& change);
    void keep_now(Roster::Index index, const TorrentChange& change);
    void apply_limits(const RosterEntry& entry);
    void apply_trackers(Roster::Index index);
    void require(Roster::Index index) const;
    ServedTorrent* find_served(Roster::Index index);

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
    /// Torrents that have failed, by their info-hashes: each may be tried again.
    std::map<std::string, Roster::Index> failed_;
    /// False: a store that another process has fails at once.
    bool waits_for_stores_ = true;
    KeptSettings kept_settings_;
    TorrentPins pins_;
    LibraryLinks library_;
    DroppedContent dropped_content_;  ///< destroyed after the stores that use it
    std::map<Roster::Index, ServedTorrent> served_;
    std::map<Roster::Index, ServedTorrent> removed_;   ///< that somebody still uses
    std::unordered_map<Slot, Roster::Index> by_slot_;  ///< of served_, those that are shown
    WaitLog wait_log_;

    std::atomic<bool> takes_up_added_ = false;
    UseCount keeping_;  ///< jobs of keep_peers(), which use the cache directory

    ShellCommands shell_commands_{shell_torrents()};
    Filesystem filesystem_;  ///< destroyed before the stores that it shows
};

}  // namespace btfs::cli
