// All that a mount was asked for, and how far each of it has come.
#pragma once

#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/session/engine.hpp"
#include "fs/mounted_torrent.hpp"

namespace btfs::cli {

struct RosterEntry {
    std::string name = {};       ///< what its source calls it: a URL, until more is known
    std::string info_hash = {};  ///< in hex; empty until it is known
    std::string url = {};        ///< where its file comes from, fit to be shown; empty if from elsewhere
    std::string fetch = {};      ///< how that goes
    std::optional<TorrentHandle> handle = {};  ///< once the engine has it
    std::optional<Slot> slot = {};             ///< once it is in the mount
    std::string problem = {};                  ///< why it will never be there

    bool visible() const { return slot.has_value(); }
    bool settled() const { return visible() || !problem.empty(); }
};

/// Written by the threads that bring torrents forward, read by any.
class Roster {
  public:
    using Index = std::size_t;

    Index add(RosterEntry entry) {
        std::lock_guard lock(mutex_);
        entries_.emplace(next_, std::move(entry));
        return next_++;
    }
    /// `change` is short, and calls nothing that locks.
    template <class F>
    void update(Index index, F change) {
        std::lock_guard lock(mutex_);
        change(entries_.at(index));
    }
    /// What fails in `bring` fails for good, and is thrown on: it is to be seen in the status, too.
    template <class F>
    void or_fail(Index index, F bring) {
        try {
            bring();
        } catch (const std::exception& failure) {
            update(index, [&](RosterEntry& entry) { entry.problem = failure.what(); });
            throw;
        }
    }
    /// It was asked for twice.
    void remove(Index index) {
        std::lock_guard lock(mutex_);
        entries_.erase(index);
    }
    /// In the order in which they came.
    std::vector<RosterEntry> entries() const {
        std::lock_guard lock(mutex_);
        std::vector<RosterEntry> all;
        for (const auto& [index, entry] : entries_) all.push_back(entry);
        return all;
    }

  private:
    mutable std::mutex mutex_;  // guards what follows
    Index next_ = 0;
    std::map<Index, RosterEntry> entries_;
};

}  // namespace btfs::cli
