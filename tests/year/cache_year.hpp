// The cache over a long time: torrents that are opened, read, closed and evicted in a directory with a bound.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cache/cache_dir.hpp"
#include "engine/core/rng.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/year/growth.hpp"
#include "tests/year/virtual_clock.hpp"

namespace btfs::year {

/// A real CacheDir on a real file system, with the real DiskPool; the clocks alone are virtual. A torrent is
/// opened each 40 minutes on average, every third for another time, and up to five are open at a time. One
/// that is larger than the bound stays open. In between the directory keeps pins, the DHT's table and what
/// URLs led to. Each week the process ends and begins anew in the same directory, in which a killed one has
/// left a temporary file. Each fourth week the wall clock is set back.
class CacheYear {
  public:
    static constexpr std::uint64_t kBound = std::uint64_t{16} << 20;

    /// How often each thing has happened.
    struct Counts {
        std::uint64_t opened = 0;
        std::uint64_t opened_again = 0;
        std::uint64_t found = 0;                 ///< pieces that a reader found in the cache
        std::uint64_t fetched = 0;               ///< pieces
        std::uint64_t spoilt = 0;                ///< pieces that were wrong at first
        std::atomic<std::uint64_t> evicted = 0;  ///< pieces of open torrents
        std::uint64_t uploads = 0;
        std::uint64_t restarts = 0;
        std::uint64_t most_bytes = 0;  ///< in the directory
    };

    explicit CacheYear(std::uint64_t seed);
    ~CacheYear();

    void run_for(Duration time);
    /// Closes all torrents but the one that stays, and notes what the process and the directory hold then.
    void note(Growth& growth);
    const Counts& counts() const { return counts_; }
    /// The counts in one line.
    std::string happened() const;
    /// Violations of what always holds, one line each.
    const std::vector<std::string>& violations() const { return violations_; }

  private:
    struct OpenTorrent;

    void begin_process();
    void end_process();
    void open_torrent();
    void open(std::uint64_t number, std::uint32_t pieces);
    void read_some(OpenTorrent& torrent);
    bool read(OpenTorrent& torrent, PieceIndex piece);
    void fetch(OpenTorrent& torrent, PieceIndex piece);
    void pin_another(const OpenTorrent& torrent);
    void close_oldest();
    void keep_small_files();
    void expect(bool condition, const char* otherwise);
    std::uint64_t bytes_in_directory() const;
    std::size_t files_without_content() const;

    VirtualClock clock_;
    Rng rng_;
    TemporaryFolder folder_;
    std::unique_ptr<DiskPool> pool_;
    std::unique_ptr<PieceMemory> memory_;
    std::unique_ptr<CacheBound> bound_;
    std::unique_ptr<CacheDir> dir_;
    std::unique_ptr<OpenTorrent> staying_;
    std::deque<std::unique_ptr<OpenTorrent>> open_;
    std::deque<Identity> pinned_;
    Duration until_torrent_{};
    Duration until_restart_{};
    std::uint64_t numbers_ = 1;  ///< of torrents, given out so far; 0 is the one that stays
    std::uint64_t next_id_ = 1;
    Counts counts_;
    std::vector<std::string> violations_;
};

}  // namespace btfs::year
