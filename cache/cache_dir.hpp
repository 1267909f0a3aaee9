// Directory that content is cached in.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "cache/bound/cache_bound.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/files.hpp"
#include "cache/pieces/piece_memory.hpp"
#include "cache/records/claims.hpp"
#include "cache/records/pins.hpp"
#include "cache/torrent_store.hpp"
#include "engine/core/error.hpp"

namespace btfs {

/// Why a directory is not used, though the system would permit that.
enum class CacheDirErrc {
    of_another_user = 1,
    open_to_all,      ///< every user can write it
    bound_too_small,  ///< for the pieces of a torrent
};
Error make_error_code(CacheDirErrc e) noexcept;

/// The id of this boot, from the kernel; zeros if it does not tell.
BootId current_boot_id();

/// Knows where each torrent's files lie: <cache key>.data, <cache key>.claims, <cache key>.info, and where
/// there is need of it <cache key>.pins and <cache key>.peers; and what URLs led to. Several processes may
/// use one directory; each torrent belongs to one of them at a time.
class CacheDir {
  public:
    /// Larger files are not read.
    static constexpr std::size_t kMaxInfoSize = std::size_t{64} << 20;
    static constexpr std::size_t kMaxPinsSize = std::size_t{32} << 20;
    static constexpr std::size_t kMaxPeersSize = std::size_t{64} << 10;
    static constexpr std::size_t kMaxDhtTableSize = std::size_t{1} << 20;
    static constexpr std::size_t kMaxDownloadSize = std::size_t{64} << 20;

    /// Makes the directory, for its owner alone, if need be; the path may lead there by symbolic links, but
    /// no file in it does. A system error if that fails; CacheDirErrc::of_another_user or open_to_all if
    /// somebody else could put files there.
    static Result<CacheDir> open(const std::filesystem::path& path) { return open(path, current_boot_id()); }
    static Result<CacheDir> open(const std::filesystem::path& path, const BootId& boot_id);
    /// Uses a directory that is open already.
    CacheDir(std::shared_ptr<Files> files, const BootId& boot_id)
        : files_(std::move(files)), boot_id_(boot_id) {}

    /// Opens a torrent's part of the cache with what earlier runs left there. storage_locked if another
    /// process has it; a system error if it cannot be read at this moment; CacheDirErrc::bound_too_small if
    /// the directory's bound does not even hold some pieces of this torrent. `pool` and `memory` outlive the
    /// store, and the bound does. `adopted`: what another client has of it, or null. Waits for the disk.
    Result<std::unique_ptr<TorrentStore>> open_torrent(StoreSpec spec, DiskPool& pool, PieceMemory& memory,
                                                       std::unique_ptr<AdoptedFiles> adopted = nullptr) const;
    /// From now on all that is kept here is counted, and torrents that are opened keep within the bound,
    /// which was made for this directory. It outlives the use of this and its copies.
    void set_bound(CacheBound& bound) { bound_ = &bound; }
    const CacheBound* bound() const { return bound_; }
    /// Makes all that is claimed of a torrent doubtful: had, but proven before it is announced.
    /// storage_locked if a process has it; a system error. Waits for the disk.
    Error doubt_claims(const Identity& identity) const;
    /// An error if its file system cannot free a part of a file.
    Error probe_holes() const;
    /// Bytes on disk that all of the directory takes.
    Result<std::uint64_t> bytes_on_disk() const;
    const std::shared_ptr<Files>& files() const { return files_; }
    /// When the torrent was opened here for the first time, seconds since 1970: the birth of its sidecar,
    /// which is never replaced. 0 if it is not here, or the disk's file system does not tell.
    std::int64_t first_seen(const Identity& identity) const;

    /// Keeps a torrent's info dictionary, that peers may not have to be asked for it again. A torrent of
    /// which content is stored keeps its own: see KeptInfo.
    Error keep_info(const Identity& identity, ByteView info) const;
    /// Gives the info dictionary that was kept, if it has the right hash.
    std::optional<Bytes> kept_info(const Identity& identity) const;

    /// Keeps which files of a torrent the user wants to be kept: <cache key>.pins, which is not there without
    /// any. A store that is open does not hear of it: see TorrentStore::set_pinned().
    Error keep_pins(const Identity& identity, std::span<const FileRange> pins) const;
    /// None if the file is damaged.
    Pins kept_pins(const Identity& identity) const;

    /// Keeps the peers that served a torrent best: <cache key>.peers. A hint, so the disk is not waited for;
    /// whoever reads the file finds out whether it is damaged. Nothing is kept of a torrent that is not here.
    Error keep_peers(const Identity& identity, ByteView peers) const;
    std::optional<Bytes> kept_peers(const Identity& identity) const;

    /// Keeps the nodes of the DHT that are known, for the next run: dht.nodes. Of several processes the last
    /// one counts.
    Error keep_dht_table(ByteView table) const;
    std::optional<Bytes> kept_dht_table() const;

    /// Keeps what a URL led to, that it need not be fetched again: <SHA-1 of the URL>.download.
    Error keep_download(std::string_view url, ByteView content) const;
    std::optional<Bytes> kept_download(std::string_view url) const;

  private:
    Error keep(const std::string& name, ByteView content) const;
    std::optional<Bytes> kept(const std::string& name, std::size_t max_size) const;
    void remove_old_parts() const;

    /// Shared with the stores, which may outlive this.
    std::shared_ptr<Files> files_;
    BootId boot_id_;
    CacheBound* bound_ = nullptr;  ///< null: it has none
};

}  // namespace btfs

template <>
struct boost::system::is_error_code_enum<btfs::CacheDirErrc> : std::true_type {};
