#include "cli/settings/cache_path.hpp"

#include <algorithm>

#include "cli/process/failure.hpp"

namespace btfs::cli {

namespace fs = std::filesystem;

fs::path resolve_cache_path(const fs::path& cache, const fs::path& mountpoint) {
    std::error_code error;
    const fs::path resolved = fs::weakly_canonical(fs::absolute(cache), error).lexically_normal();
    if (error) return cache;  // opening the cache reports the error
    const fs::path top = fs::canonical(mountpoint, error);
    if (error) return resolved;  // mounting reports the error
    if (std::mismatch(top.begin(), top.end(), resolved.begin(), resolved.end()).first == top.end())
        throw Failure(cache.string() + ": the cache lies below the mountpoint " + mountpoint.string() +
                      ", which would hide it; give another directory with --cache-dir");
    return resolved;
}

}  // namespace btfs::cli
