#include "cli/settings/cache_size.hpp"

#include <algorithm>

#include "cli/process/failure.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

constexpr std::uint64_t kDefaultSize = std::uint64_t{10} << 30;

/// Returns the default: what the cache has already counts as free, so that it is the same at the next mount.
std::uint64_t default_size(const CacheDir& cache_dir) {
    const auto free = cache_dir.files()->bytes_free();
    const auto taken = cache_dir.bytes_on_disk();
    if (!free || !taken) return kDefaultSize;
    return std::min(kDefaultSize, (*free + *taken) / 2);
}

}  // namespace

std::optional<CacheSizes> cache_sizes(const CacheSizeOptions& options, const CacheDir& cache_dir) {
    if (options.unlimited) return std::nullopt;
    const Error unable = cache_dir.probe_holes();
    if (unable)
        log::info("cache: the file system cannot free parts of a file ({}): torrents are evicted as a whole",
                  unable.message());
    std::uint64_t most = options.bytes ? *options.bytes : default_size(cache_dir);
    if (options.percent) {
        const auto in_all = cache_dir.files()->bytes_in_all();
        if (!in_all) throw Failure("--cache-size: the size of the file system", in_all.error());
        most = static_cast<std::uint64_t>(static_cast<double>(*in_all) * *options.percent / 100);
    }
    return CacheSizes{std::max(most, kLeastCacheSize), options.min_free, !unable};
}

}  // namespace btfs::cli
