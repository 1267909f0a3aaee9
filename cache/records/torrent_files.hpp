// Files that a cache directory keeps of each torrent: their names, and how they are removed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cache/disk/files.hpp"
#include "engine/core/error.hpp"
#include "engine/core/identity.hpp"

namespace btfs {

// Endings of their names; the cache key stands before.
inline constexpr std::string_view kDataEnding = ".data";
inline constexpr std::string_view kClaimsEnding = ".claims";
inline constexpr std::string_view kInfoEnding = ".info";
inline constexpr std::string_view kPinsEnding = ".pins";
inline constexpr std::string_view kPeersEnding = ".peers";

/// Ending of files that keep what a URL led to; the SHA-1 of the URL stands before.
inline constexpr std::string_view kDownloadEnding = ".download";

inline std::string torrent_file(std::string_view cache_key, std::string_view ending) {
    return std::string(cache_key).append(ending);
}

/// Returns what stands before the ending; empty if the name has another one.
std::string key_in(std::string_view name, std::string_view ending);

/// Returns the identity with this cache key: the v1 hash alone, or the v2 hash alone. Nothing if it is no
/// cache key, as in the name of somebody else's file.
std::optional<Identity> identity_of(std::string_view cache_key);

/// Removes all files of a torrent that nobody has open, but its pins. storage_locked if somebody has; a
/// system error if the disk refuses: then either nothing was changed, or the claims are emptied already.
/// Waits for the disk.
Error remove_torrent_files(Files& files, std::string_view cache_key);

}  // namespace btfs
