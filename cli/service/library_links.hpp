// Links of the library to the torrents of a mount.
#pragma once

#include <functional>
#include <string>

#include "cli/process/worker.hpp"
#include "cli/service/library.hpp"
#include "cli/service/roster.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// Keeps the links of a Library as the roster and the mount's names have it. Torrents that come or go at once
/// make one look at all links. All functions are called on the worker's thread, or while that does not run.
class LibraryLinks {
  public:
    /// Each outlives the worker's jobs.
    struct Services {
        Library* library;  ///< null: no links are made
        Roster& roster;
        const Filesystem& filesystem;
        Worker& worker;
        /// Tells whether torrents of earlier mounts are still to come. Links of theirs are no stale ones.
        std::function<bool()> more_are_to_come;
    };

    explicit LibraryLinks(Services services) : services_(std::move(services)) {}

    /// Links a torrent under its labels. Returns the folder of the first link; empty if there is none.
    std::string link(Roster::Index torrent, Slot slot);
    /// Links a torrent anew, as after a change of its label, and notes the folder in the roster.
    void place(Roster::Index torrent);
    void take_out(Roster::Index torrent);
    /// Places all torrents by the names that they have some time from now: one that comes or goes may change
    /// the names of others.
    void update_soon();

  private:
    void update();

    const Services services_;
    bool update_waits_ = false;
    bool is_swept_ = false;
};

}  // namespace btfs::cli
