// Bound of a cache directory: how much of the disk it takes, and what goes when that is reached.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "cache/bound/closed_torrents.hpp"
#include "cache/bound/disk_budget.hpp"
#include "cache/bound/evictor.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/files.hpp"
#include "cache/disk/use_count.hpp"

namespace btfs {

struct CacheSizes {
    std::uint64_t most =
        DiskBudget::kUnlimited;   ///< bytes on disk, as `du` counts them, of the whole directory
    std::uint64_t left_free = 0;  ///< bytes that stay free on its file system, if others leave them
    /// False: the file system cannot free a part of a file. Then torrents that nobody has open are evicted,
    /// and one that is open goes on in memory, as on a full disk.
    bool frees_parts = true;
};

/// Keeps a cache directory within its bound, with what lies in it since earlier runs. The stores outlive
/// neither this nor the pool.
class CacheBound {
  public:
    /// A smaller bound cannot hold the pieces that a reader needs at a time: the cache takes so much even of
    /// a disk that is fuller than --cache-min-free wants, if it is there.
    static constexpr std::uint64_t kLeast = std::uint64_t{8} << 20;
    /// A bound holds so many pieces of any torrent: one that is read, one that is fetched, and one between
    /// them.
    static constexpr std::uint64_t kFewestPieces = 3;
    /// The directory is looked at again after that time.
    static constexpr Duration kRescan = 5s;

    /// Counts what is there, and evicts nothing yet. Waits for the disk.
    CacheBound(std::shared_ptr<Files> files, DiskPool& pool, const CacheSizes& sizes);
    CacheBound(const CacheBound&) = delete;
    CacheBound& operator=(const CacheBound&) = delete;
    /// Waits for jobs that are under way.
    ~CacheBound();

    /// The torrents that are wanted were opened: from now on others make room for them.
    void start() { evictor_.start(); }

    /// False: it would not even hold some pieces of this length.
    bool may_hold(std::uint64_t piece_length) const;
    /// A torrent was opened, whose pieces may be larger than all before.
    void on_opened() { budget_.set_limit(limit_now()); }
    bool frees_parts() const { return sizes_.frees_parts; }
    DiskBudget& budget() { return budget_; }
    /// Bytes that the directory takes, of those that it may take.
    std::uint64_t used() const { return budget_.used(); }
    std::uint64_t limit() const { return budget_.limit(); }
    std::uint64_t evicted() const { return evictor_.evicted(); }
    /// Bytes that pins may take.
    std::uint64_t room_for_pins() const { return evictor_.room_for_pins(); }
    Evictor& evictor() { return evictor_; }
    ClosedTorrents& closed() { return closed_; }

  private:
    std::uint64_t limit_now() const;
    void share();
    void look_again();
    void look_later();

    const std::shared_ptr<Files> files_;
    DiskPool& pool_;
    const CacheSizes sizes_;
    std::unique_ptr<SharedUse> shared_;  ///< null: other processes are seen by scans alone
    DiskBudget budget_;
    Evictor evictor_;
    ClosedTorrents closed_;
    std::atomic<bool> ending_ = false;
    UseCount jobs_;
};

}  // namespace btfs
