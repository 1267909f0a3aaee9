// Settings that a user makes of torrents, kept for later mounts.
#pragma once

#include <map>

#include "cli/service/added_sources.hpp"
#include "cli/service/roster.hpp"
#include "cli/service/torrent_change.hpp"
#include "engine/core/error.hpp"

namespace btfs::cli {

/// Keeps what the user sets of a torrent in the record of its source, or beside the records if the command
/// line names it, and takes it up in later mounts. Waits for the disk. On the thread of ServedTorrents'
/// worker, or while that does not run.
class KeptSettings {
  public:
    /// `added`: null if nothing is kept. Each outlives this.
    KeptSettings(const AddedSources* added, Roster& roster) : added_(added), roster_(roster) {}

    /// Keeps a change that the roster has, but for its pins. That of a torrent of the command line whose
    /// info-hash is not known yet is kept once it is.
    Error keep(Roster::Index torrent, const TorrentChange& change);
    /// Keeps the settings of a torrent that has a record beside it, too, if the command line names the
    /// torrent, or did in an earlier mount: such a mount has the torrent in its engine before it reads
    /// records.
    Error keep_beside_record(const RosterEntry& entry) const;
    /// Takes up what the user has set of a torrent of the command line in an earlier mount, but for what was
    /// changed in this one before the torrent's info-hash was known; that is kept now.
    void take_up(Roster::Index torrent);
    /// The torrent has left the roster.
    void forget(Roster::Index torrent) { early_changes_.erase(torrent); }

  private:
    const AddedSources* const added_;
    Roster& roster_;
    /// Changes of torrents of the command line that came before their info-hashes were known.
    std::map<Roster::Index, TorrentChange> early_changes_;
};

}  // namespace btfs::cli
