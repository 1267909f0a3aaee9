// Bound of the cache's size, from the options.
#pragma once

#include <optional>

#include "cache/bound/cache_bound.hpp"
#include "cache/cache_dir.hpp"
#include "cli/settings/options.hpp"

namespace btfs::cli {

inline constexpr std::uint64_t kLeastCacheSize = CacheBound::kLeast;

/// Returns the sizes that the options ask for; nothing: the directory has no bound. Throws Failure if the
/// size of its file system is needed and not to be had. Waits for the disk.
std::optional<CacheSizes> cache_sizes(const CacheSizeOptions& options, const CacheDir& cache_dir);

}  // namespace btfs::cli
