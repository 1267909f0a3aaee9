// RecentChanges: which torrents have changed, and which have gone, for clients that ask for these alone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "cli/service/status_text.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Compares the torrents each time that somebody asks. From any thread.
class RecentChanges {
  public:
    /// Changes are recent for so long.
    static constexpr Duration kRecent = std::chrono::seconds(60);

    struct Recent {
        std::set<Roster::Index> changed;
        std::vector<Roster::Index> removed;
        /// When content was last transferred, seconds since 1970; not of torrents of which none was.
        std::map<Roster::Index, std::int64_t> active_s;
    };
    /// Takes the torrents as they are now. A client that asks seldom hears also of what changed before.
    Recent look(std::span<const TorrentReport> torrents, TimePoint now, std::int64_t now_s);

  private:
    struct Seen {
        std::uint64_t state = 0;  ///< hash of what clients show
        std::uint64_t transferred = 0;
        std::optional<TimePoint> changed = {};
        std::int64_t active_s = 0;
        std::uint64_t look = 0;
    };

    std::mutex mutex_;
    // Guarded by mutex_:
    std::map<Roster::Index, Seen> seen_;
    std::map<Roster::Index, TimePoint> removed_;
    std::uint64_t looks_ = 0;
};

}  // namespace btfs::cli
