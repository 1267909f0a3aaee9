// The directory that content is cached in: its default, and places where it cannot be.
#pragma once

#include <filesystem>

namespace btfs::cli {

/// Returns $XDG_CACHE_HOME/btfs, else ~/.cache/btfs; without HOME, the home directory is looked up in the
/// user database. Root without HOME has /var/cache/btfs, and so has root for mount(8) (`for_system`), since
/// an fstab line has to find the same cache whether the boot or a user mounts it. Throws Failure if there is
/// no home.
std::filesystem::path default_cache_path(bool for_system);

/// Returns the cache's path with its symlinks resolved, so that the mount hides none of them. Throws Failure
/// if the cache itself lies at or below the mountpoint, which would hide it. The mountpoint exists; the cache
/// need not. A mountpoint below the cache hides nothing of it.
std::filesystem::path resolve_cache_path(const std::filesystem::path& cache,
                                         const std::filesystem::path& mountpoint);

}  // namespace btfs::cli
