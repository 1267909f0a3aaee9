// Files that a user wants to be fetched without a reader, and to be kept.
#pragma once

#include "cache/cache_dir.hpp"
#include "cli/service/added_sources.hpp"
#include "cli/service/roster.hpp"
#include "cli/service/served_torrent.hpp"
#include "cli/service/torrent_change.hpp"
#include "engine/core/layout.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Pins files of torrents, and keeps the pins beside the torrents' content. Those of a torrent whose files
/// are not known yet are noted in its roster entry and its record until they are. Waits for the disk. On the
/// thread of ServedTorrents' worker, or while that does not run.
class TorrentPins {
  public:
    /// Each outlives this.
    struct Services {
        Engine& engine;
        CacheDir& cache_dir;
        Roster& roster;
        const AddedSources* added;  ///< null: nothing is noted for later mounts
    };

    explicit TorrentPins(Services services) : services_(services) {}

    /// Takes the pins that earlier mounts have kept, which the store knows of already, and pins the files
    /// that were noted before they were known.
    void take_up(ServedTorrent& served);
    /// Pins these files, and no others. Throws Failure, and changes nothing, if the disk does not take it.
    void set(ServedTorrent& served, Pins pins);
    /// Carries out what a change says of pins. `served`: null if the torrent's files are not known. Throws
    /// Failure if there is no such file, or the disk does not take it.
    void change(Roster::Index torrent, ServedTorrent* served, const TorrentChange& change);
    /// Pins all files of a torrent, now or once they are known. From then on these pins are the ones that are
    /// kept. The log tells what fails.
    void pin_whole(Roster::Index torrent, ServedTorrent* served);
    /// Pins what another source of the torrent, whose entry this is, was to have pinned.
    void join(Roster::Index torrent, ServedTorrent* served, const RosterEntry& other);

  private:
    void publish(const ServedTorrent& served);
    void pin_noted(ServedTorrent& served);
    void note(Roster::Index torrent, const TorrentChange& change);

    const Services services_;
};

/// Returns the size of the files that are pinned.
std::uint64_t size_of(const Layout& layout, const Pins& pins);

}  // namespace btfs::cli
