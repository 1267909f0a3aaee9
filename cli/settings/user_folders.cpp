#include "cli/settings/user_folders.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>
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

/// A folder of one purpose, by the XDG Base Directory Specification.
struct Purpose {
    const char* of_service;  ///< variable in which systemd tells a service its folders, separated by colons
    const char* variable;
    std::string_view below_home;
    std::string_view of_system;
    std::string_view missing;  ///< what to do if there is no home
};

fs::path folder_for(const Purpose& purpose, bool for_system) {
    if (const char* given = std::getenv(purpose.of_service); given && *given == '/') {
        const std::string_view folders = given;
        return folders.substr(0, folders.find(':'));
    }
    const fs::path system = purpose.of_system;
    const bool is_root = geteuid() == 0;
    if (is_root && for_system) return system;
    if (const char* dir = std::getenv(purpose.variable); dir && *dir == '/') return fs::path(dir) / "btfs";
    if (const char* home = std::getenv("HOME"); home && *home == '/')
        return fs::path(home) / purpose.below_home / "btfs";
    if (is_root) return system;
    const std::string home = home_in_user_database();
    if (!home.starts_with('/')) throw Failure(std::string(purpose.missing));
    return fs::path(home) / purpose.below_home / "btfs";
}

}  // namespace

fs::path default_cache_path(bool for_system) {
    return folder_for({"CACHE_DIRECTORY", "XDG_CACHE_HOME", ".cache", "/var/cache/btfs",
                       "no cache directory: set HOME, or give --cache-dir"},
                      for_system);
}

fs::path default_state_path(bool for_system) {
    return folder_for(
        {"STATE_DIRECTORY", "XDG_STATE_HOME", ".local/state", "/var/lib/btfs", "no home directory: set HOME"},
        for_system);
}

std::optional<fs::path> user_config_path(bool for_system) {
    if (geteuid() == 0 && for_system) return std::nullopt;
    if (const char* dir = std::getenv("XDG_CONFIG_HOME"); dir && *dir == '/') return fs::path(dir) / "btfs";
    const char* const set = std::getenv("HOME");
    const std::string home = set && *set == '/' ? std::string(set) : home_in_user_database();
    if (!home.starts_with('/')) return std::nullopt;
    return fs::path(home) / ".config" / "btfs";
}

}  // namespace btfs::cli
