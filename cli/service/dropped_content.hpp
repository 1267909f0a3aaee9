// Content of removed torrents that is to leave the cache.
#pragma once

#include <set>
#include <string>

#include "cache/cache_dir.hpp"
#include "cli/service/added_sources.hpp"
#include "engine/core/error.hpp"
#include "engine/core/identity.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// Removes what was fetched of torrents that were removed with their content, once nothing uses it: at the
/// latest when this is destroyed, after all stores. A note beside the added sources survives a kill; the next
/// mount at the same folder removes what it names, before it opens any store. Waits for the disk. On the
/// thread of ServedTorrents' worker, or while that does not run.
class DroppedContent {
  public:
    struct Services {
        CacheDir& cache_dir;
        const AddedSources* added;  ///< keeps the notes; null: there are none
        /// An earlier mount of the same torrents may still be ending until then.
        TimePoint earlier_mount_ends;
    };

    /// Removes what an earlier mount has noted.
    explicit DroppedContent(Services services);
    ~DroppedContent();
    DroppedContent(const DroppedContent&) = delete;
    DroppedContent& operator=(const DroppedContent&) = delete;

    /// The torrent's content is to be removed; its store may be open still.
    void note(const Identity& torrent);
    /// Removes it: no store has it any more.
    void drop(const Identity& torrent);

  private:
    void settle(const std::string& cache_key, const Error& failure) const;

    const Services services_;
    std::set<std::string> left_;  ///< cache keys of what was noted and is there
};

}  // namespace btfs::cli
