// Roster: the sources of a mount, and the state of each.
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
    std::string name = {};                     ///< as its source calls it: a URL, until more is known
    std::string info_hash = {};                ///< in hex; empty until it is known
    std::string url = {};                      ///< of its file, without secrets; empty if it came another way
    std::string fetch = {};                    ///< the state of that download
    std::optional<TorrentHandle> handle = {};  ///< once the engine has it
    std::optional<Slot> slot = {};             ///< once it is in the mount
    std::string problem = {};                  ///< why it will never be there

    bool visible() const { return slot.has_value(); }
    bool settled() const { return visible() || !problem.empty(); }
};

/// Called on any thread.
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
    /// Runs `bring`. If it throws, the entry has failed for good: the message becomes its problem, for the
    /// status, and the exception is thrown on.
    template <class F>
    void or_fail(Index index, F bring) {
        try {
            bring();
        } catch (const std::exception& failure) {
            update(index, [&](RosterEntry& entry) { entry.problem = failure.what(); });
            throw;
        }
    }
    /// Removes an entry whose torrent has another entry.
    void remove(Index index) {
        std::lock_guard lock(mutex_);
        entries_.erase(index);
    }
    /// Returns all entries in the order of add().
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
