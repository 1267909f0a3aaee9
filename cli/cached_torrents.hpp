// Torrents of a cache directory, with their names: what `btfs cache` lists, and what its operands choose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cache/cache_dir.hpp"
#include "cache/records/catalog.hpp"
#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {

struct NamedTorrent {
    CachedTorrent cached;
    std::optional<std::string> name;  ///< nothing if the cache does not keep its info dictionary
    std::uint64_t size = 0;           ///< in bytes; without a name rounded up to whole pieces

    /// Its name, or its info-hash.
    const std::string& label() const { return name ? *name : cached.cache_key; }
    /// Bytes of content that are claimed.
    std::uint64_t bytes_had() const { return std::min(cached.bytes_had, size); }
    /// Content lies on the disk, but nothing says of which torrent, or what of it is verified.
    bool is_lost() const { return !cached.claims_are_valid && cached.bytes_of_content > 0; }
};

struct NamedCatalog {
    std::vector<NamedTorrent> torrents;  ///< sorted by label
    std::uint64_t bytes_on_disk = 0;     ///< of the whole directory
};

/// Opens the cache directory for a command: the default one if the path is empty. Throws Failure, also if
/// there is none: a command makes no cache.
CacheDir open_cache_dir(const std::filesystem::path& path);

/// Reads what the directory holds. Leaves out torrents that take no space and that nobody has open, of which
/// a mount has left an empty file. Throws Failure.
NamedCatalog list_cache(const CacheDir& dir);

/// Parses the info dictionary that the cache keeps of a torrent; nothing if it keeps none, or a wrong one.
std::optional<Metainfo> kept_metainfo(const CacheDir& dir, const Identity& identity);

/// Returns the torrents that the words name: by name, by info-hash, or by the first eight or more digits of
/// that. All without a word. Throws Failure for a word that names none, or several.
std::vector<NamedTorrent> choose(NamedCatalog catalog, const std::vector<std::string>& words);

}  // namespace btfs::cli
