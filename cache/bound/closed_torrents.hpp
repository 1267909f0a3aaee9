// Torrents of a cache directory that no store has open, and its small files.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache/bound/disk_budget.hpp"
#include "cache/bound/evictor.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/files.hpp"
#include "cache/disk/use_count.hpp"

namespace btfs {

/// Torrents of earlier mounts, and small files. All of it is counted. A torrent that nobody has open is
/// evicted as a whole; so is a small file that can be fetched again, if no content belongs to it. Other
/// processes may add to the directory at any time; rescan() finds that out. Called from any thread.
class ClosedTorrents final : public Evictable {
  public:
    /// Each outlives this. `on_stays` is called when a torrent that was to be evicted stays: something else
    /// has to go.
    ClosedTorrents(std::shared_ptr<Files> files, DiskBudget& budget, DiskPool& pool,
                   std::function<void()> on_stays);
    ClosedTorrents(const ClosedTorrents&) = delete;
    ClosedTorrents& operator=(const ClosedTorrents&) = delete;
    /// Waits for evictions that are under way.
    ~ClosedTorrents() override { jobs_.wait_until_unused(); }

    /// Counts anew. Waits for the disk.
    void rescan();

    /// A file of that size is about to be written, which the next scan will find.
    void will_write(std::uint64_t size);

    struct Earlier {
        std::uint64_t bytes_on_disk = 0;  ///< of the content
        std::uint32_t last_used_s = 0;    ///< since 1970
    };
    /// A torrent is about to be opened: it is not evicted any more. One of opened() and put_back() follows.
    /// Nothing if it is open already. Waits for an eviction of it.
    std::optional<Earlier> take_out(const std::string& cache_key);
    /// From now on its store counts its content, which is `bytes` now.
    void opened(const std::string& cache_key, std::uint64_t bytes);
    /// It was not opened after all.
    void put_back(const std::string& cache_key);
    /// Its store has ended, and counted `bytes` last: its content is counted here. Waits for the disk.
    void closed(const std::string& cache_key, std::uint64_t bytes);

    // Evictable
    void list_evictable(std::uint32_t owner, std::uint64_t looks_back,
                        std::vector<EvictionCandidate>& candidates) override;
    void evict(std::vector<std::uint32_t> items) override;
    std::uint64_t leaving() const override { return leaving_; }

  private:
    struct Closed {
        Earlier earlier;
        std::uint64_t bytes_on_disk = 0;  ///< of all its files
        bool is_file = false;             ///< no torrent, but a small file
        bool pinned = false;              ///< some of it
        bool leaves = false;              ///< an eviction is under way
        bool in_use = false;              ///< by another process, when it was last tried

        void take_data(const FileStatus& status);
        void take_claims(const FileStatus& status);
        void take_small_file(const FileStatus& status);
    };

    void count_all();
    bool is_in_use(const std::string& cache_key) const;
    void remove(const std::string& key, bool is_file, std::uint64_t bytes);
    void recount(std::uint64_t bytes, std::uint64_t store_bytes = 0);

    const std::shared_ptr<Files> files_;
    DiskBudget& budget_;
    DiskPool& pool_;
    const std::function<void()> on_stays_;
    std::atomic<std::uint64_t> leaving_ = 0;
    UseCount jobs_;

    std::mutex disk_mutex_;  ///< held over the disk: one scan or removal at a time; locked before mutex_
    // By cache key; guarded by disk_mutex_:
    std::set<std::string> open_;
    std::map<std::string, std::uint64_t> opening_;  ///< bytes of content that are counted here until opened()

    std::mutex mutex_;
    // Guarded by mutex_:
    std::map<std::string, Closed> closed_;  // by cache key, or the name of a small file
    std::vector<std::string> listed_;       // by item, as the last list_evictable() named them
    std::uint64_t counted_ = 0;             // of the budget
};

}  // namespace btfs
