// Folders that a user has for the cache and the state of programs.
#pragma once

#include <filesystem>

namespace btfs::cli {

/// Returns $XDG_CACHE_HOME/btfs, else ~/.cache/btfs; without HOME, the home directory is looked up in the
/// user database. Root without HOME has /var/cache/btfs, and so has root for mount(8) (`for_system`), since
/// an fstab line has to find the same cache whether the boot or a user mounts it. Throws Failure if there is
/// no home.
std::filesystem::path default_cache_path(bool for_system);

/// Returns where mounts remember what was added to them: $XDG_STATE_HOME/btfs, else ~/.local/state/btfs, or
/// /var/lib/btfs where default_cache_path() has /var/cache/btfs. Throws Failure if there is no home.
std::filesystem::path default_state_path(bool for_system);

}  // namespace btfs::cli
