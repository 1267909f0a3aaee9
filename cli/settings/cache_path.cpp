#include "cli/settings/cache_path.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/process/failure.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUserRecordSize = 16 * 1024;

std::string home_in_user_database() {
    passwd record{};
    passwd* found = nullptr;
    std::vector<char> buffer(kUserRecordSize);
    if (getpwuid_r(geteuid(), &record, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
    return found->pw_dir;
}

}  // namespace

fs::path default_cache_path(bool for_system) {
    const fs::path system = "/var/cache/btfs";
    const bool is_root = geteuid() == 0;
    if (is_root && for_system) return system;
    if (const char* dir = std::getenv("XDG_CACHE_HOME"); dir && *dir == '/') return fs::path(dir) / "btfs";
    if (const char* home = std::getenv("HOME"); home && *home == '/')
        return fs::path(home) / ".cache" / "btfs";
    if (is_root) return system;
    const std::string home = home_in_user_database();
    if (!home.starts_with('/')) throw Failure("no cache directory: set HOME, or give --cache-dir");
    return fs::path(home) / ".cache" / "btfs";
}

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
