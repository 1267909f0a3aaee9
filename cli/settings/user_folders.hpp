// Folders that a user has for the cache, the state and the config of programs.
#pragma once

#include <filesystem>
#include <optional>

namespace btfs::cli {

// A service of systemd that has CacheDirectory= or StateDirectory= gets the first of those folders.

/// Returns $CACHE_DIRECTORY, $XDG_CACHE_HOME/btfs, else ~/.cache/btfs; without HOME, the home directory is
/// looked up in the user database. Root without HOME has /var/cache/btfs, and so has root for mount(8)
/// (`for_system`), since an fstab line has to find the same cache whether the boot or a user mounts it.
/// Throws Failure if there is no home.
std::filesystem::path default_cache_path(bool for_system);

/// Returns where mounts remember what was added to them: $STATE_DIRECTORY, $XDG_STATE_HOME/btfs, else
/// ~/.local/state/btfs, or /var/lib/btfs where default_cache_path() has /var/cache/btfs. Throws Failure if
/// there is no home.
std::filesystem::path default_state_path(bool for_system);

/// Returns $XDG_CONFIG_HOME/btfs, else ~/.config/btfs; nothing if there is no home, and for root's mounts by
/// mount(8) (`for_system`).
std::optional<std::filesystem::path> user_config_path(bool for_system);

}  // namespace btfs::cli
