// Evictor: makes room in a bounded cache, over all torrents that are open.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "cache/bound/disk_budget.hpp"
#include "cache/bound/eviction.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/use_count.hpp"
#include "engine/core/rate_meter.hpp"

namespace btfs {

/// A store whose content may be evicted, in items that it names itself. No function waits for the disk.
class Evictable {
  public:
    virtual ~Evictable() = default;
    /// Adds the items that are on disk and are not being evicted, under the name `owner`.
    virtual void list_evictable(std::uint32_t owner, std::uint64_t looks_back,
                                std::vector<EvictionCandidate>& candidates) = 0;
    /// Begins to evict items that were listed last; their space goes back to the budget, soon.
    virtual void evict(std::vector<std::uint32_t> items) = 0;
    /// Bytes on disk that evict() has begun to free.
    virtual std::uint64_t leaving() const = 0;
    /// There is not enough to evict for a read that waits: gives up something that the disk did not take,
    /// though space was taken for it, and what was begun and no reader wants. Evictor::wake() follows, if
    /// there was something.
    virtual void give_up_spare() {}
};

/// Listens to the budget's shortage. Then it evicts what is worth least of all stores, on the disk pool,
/// until a reserve is free: so a piece that is asked for finds room at once.
class Evictor {
  public:
    /// Room that is kept free: some pieces, whatever the bound, and more of a large one.
    static constexpr std::uint64_t kReservePieces = 4;
    static constexpr std::uint64_t kLeastReserve = std::uint64_t{4} << 20;
    static constexpr std::uint64_t kReserveShare = 32;
    /// Beyond that, one part in so many of the bound is evicted at a time.
    static constexpr std::uint64_t kExtraShare = 64;
    /// The readahead windows of all readers together take one part in so many of the bound.
    static constexpr std::uint64_t kWindowShare = 2;

    /// Both outlive this.
    Evictor(DiskBudget& budget, DiskPool& pool);
    Evictor(const Evictor&) = delete;
    Evictor& operator=(const Evictor&) = delete;
    /// Waits until no eviction is being begun. Stores were removed before.
    ~Evictor();

    /// Nothing is evicted before.
    void start();
    /// `piece`: bytes of its pieces; 0 if nothing is fetched into it.
    void add(Evictable& store, std::uint64_t piece);
    /// When this returns the store is not called any more.
    void remove(Evictable& store);

    /// Space is short, or something may be evicted by now: evicts, soon. Called from any thread.
    void wake();
    /// Returns the bytes that are kept free.
    std::uint64_t reserve() const;
    /// Returns the bytes that readahead leaves to blocked reads: a piece, or less of a small bound.
    std::uint64_t blocked_reserve() const;
    /// Returns the bytes that the background leaves: all that may be free after an eviction.
    std::uint64_t background_reserve() const;
    std::uint64_t largest_piece() const { return largest_piece_; }
    /// Bytes on disk that were chosen to be evicted, in all.
    std::uint64_t evicted() const { return evicted_; }

    /// Pins take up to that much of the bound, so that readers have the rest.
    std::uint64_t room_for_pins() const { return budget_.limit() / kPinnedParts * (kPinnedParts - 1); }
    bool pins_may_take(std::uint64_t bytes) const { return pinned_ + bytes <= room_for_pins(); }
    static constexpr std::uint64_t kPinnedParts = 4;

    /// Takes `bytes` for data that was leased, and cannot be evicted. False: all leases together would take
    /// more than one part in kLeasedShare of the bound, or leave no room for two pieces.
    bool take_leased(std::uint64_t bytes);
    void give_back_leased(std::uint64_t bytes) { leased_ -= bytes; }
    static constexpr std::uint64_t kLeasedShare = 2;

    /// Pieces came into the cache, or went, or are expected: a store's part that is missing.
    void count_arrived(std::uint64_t bytes, TimePoint now);
    void count_missing(std::uint64_t bytes) { missing_ += bytes; }
    /// True: what comes now is likely to stay for kLasts, at the rate at which pieces have come of late; or
    /// all that is missing finds room.
    bool lasts(TimePoint now) const;
    static constexpr Duration kLasts = 180s;

    /// There is one reader more, or less, over all stores.
    void count_readers(int change) { readers_ += change; }
    /// Bytes that the readahead window of one reader may have: the bound comes first.
    std::uint64_t longest_window() const;

  private:
    void evict_some();

    DiskBudget& budget_;
    DiskPool& pool_;
    std::atomic<bool> started_ = false, awake_ = false;
    std::atomic<std::uint64_t> largest_piece_ = 0;
    std::atomic<int> readers_ = 0;
    std::atomic<std::uint64_t> missing_ = 0;  ///< bytes, over all stores
    std::atomic<std::uint64_t> pinned_ = 0;   ///< bytes on disk, when room was last made
    std::atomic<std::uint64_t> leased_ = 0;   ///< bytes on disk
    std::atomic<std::uint64_t> evicted_ = 0;  ///< bytes on disk
    mutable std::mutex arrivals_mutex_;
    RateMeter arrivals_{20s};  // guarded by arrivals_mutex_
    std::mutex mutex_;
    std::vector<Evictable*> stores_;  // guarded by mutex_
    UseCount jobs_;
};

}  // namespace btfs
