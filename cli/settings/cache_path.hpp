// Checks and resolves the path of the cache directory.
#pragma once

#include <filesystem>

namespace btfs::cli {

/// Returns the cache's path with its symlinks resolved, so that the mount hides none of them. Throws Failure
/// if the cache itself lies at or below the mountpoint, which would hide it. The mountpoint exists; the cache
/// need not. A mountpoint below the cache hides nothing of it.
std::filesystem::path resolve_cache_path(const std::filesystem::path& cache,
                                         const std::filesystem::path& mountpoint);

}  // namespace btfs::cli
