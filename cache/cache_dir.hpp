// The directory that content is cached in.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "cache/claims.hpp"
#include "cache/disk_pool.hpp"
#include "cache/piece_memory.hpp"
#include "cache/torrent_store.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// The id of this boot, from the kernel; zeros if it does not tell.
BootId current_boot_id();

/// Knows where each torrent's files lie: <cache key>.data, <cache key>.claims, and for what came by its name
/// alone <cache key>.info; and what URLs led to. Several processes may use one directory; each torrent
/// belongs to one of them at a time.
class CacheDir {
  public:
    /// Makes the directory, for its owner alone, if need be. A system error if that fails.
    static Result<CacheDir> open(std::filesystem::path path) {
        return open(std::move(path), current_boot_id());
    }
    static Result<CacheDir> open(std::filesystem::path path, const BootId& boot_id);

    const std::filesystem::path& path() const { return path_; }

    /// Opens a torrent's part of the cache with what earlier runs left there. storage_locked if another
    /// process has it. `pool` and `memory` outlive the store. Waits for the disk.
    Result<std::unique_ptr<TorrentStore>> open_torrent(StoreSpec spec, DiskPool& pool,
                                                       PieceMemory& memory) const;
    /// When the torrent was opened here for the first time, seconds since 1970: the birth of its sidecar,
    /// which is never replaced. 0 if it is not here, or the disk's file system does not tell.
    std::int64_t first_seen(const Identity& identity) const;

    /// Keeps a torrent's info dictionary, that peers may not have to be asked for it again: <cache key>.info.
    Error keep_info(const Identity& identity, ByteView info) const;
    /// What was kept, if it has the right hash.
    std::optional<Bytes> kept_info(const Identity& identity) const;

    /// Keeps the nodes of the DHT that are known, for the next run: dht.nodes. Of several processes the last
    /// one counts.
    Error keep_dht_table(ByteView table) const;
    std::optional<Bytes> kept_dht_table() const;

    /// Keeps what a URL led to, that it need not be fetched again: <SHA-1 of the URL>.download.
    Error keep_download(std::string_view url, ByteView content) const;
    std::optional<Bytes> kept_download(std::string_view url) const;

  private:
    CacheDir(std::filesystem::path path, const BootId& boot_id) : path_(std::move(path)), boot_id_(boot_id) {}

    std::filesystem::path download_path(std::string_view url) const;

    std::filesystem::path path_;
    BootId boot_id_;
};

}  // namespace btfs
