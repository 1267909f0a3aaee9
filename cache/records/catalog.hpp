// Catalog of a cache directory: which torrents lie in it, and what their files say of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cache/disk/files.hpp"
#include "engine/core/error.hpp"
#include "engine/core/identity.hpp"

namespace btfs {

/// One torrent, as its files were when they were looked at.
struct CachedTorrent {
    std::string cache_key;
    Identity identity;              ///< as much as the cache key tells: one hash
    bool in_use = false;            ///< a process has it open
    bool pinned = false;            ///< some of it
    bool claims_are_valid = false;  ///< false: nothing of it will be served; there may be no sidecar at all
    std::uint64_t size_in_pieces = 0;    ///< its size in bytes, rounded up to whole pieces; 0 if not known
    std::uint64_t bytes_had = 0;         ///< claimed; the torrent's last block counts as a whole one
    std::uint64_t bytes_of_content = 0;  ///< on disk, without the torrent's small files
    std::uint64_t bytes_on_disk = 0;     ///< of all its files, as `du` counts them
    std::int64_t last_use = 0;           ///< seconds since 1970; 0: not known
};

struct Catalog {
    std::vector<CachedTorrent> torrents;  ///< sorted by cache key
    std::uint64_t bytes_on_disk = 0;      ///< of the whole directory, other files included
};

/// Looks at all that lies in the directory: no database says anything else. Changes nothing, and locks
/// nothing, so that torrents may be opened meanwhile. A file that cannot be read claims nothing. A system
/// error if the directory cannot be listed. Waits for the disk.
Result<Catalog> read_catalog(Files& files);

/// CachedTorrent::bytes_had of one torrent, as it is now.
std::uint64_t bytes_claimed(Files& files, const std::string& cache_key);

}  // namespace btfs
