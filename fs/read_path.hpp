// READs and their handles: parks READs until their bytes come, and ends them. See README.md.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cache/read_side.hpp"
#include "engine/core/time.hpp"
#include "fs/next_episode.hpp"
#include "fs/open_file.hpp"
#include "fs/pending_read.hpp"
#include "fs/processes.hpp"
#include "fs/read_times.hpp"
#include "fs/scan_guard.hpp"

namespace btfs {

/// Owns the open files and knows all READs under way. Promises that each READ is answered once: with all of
/// its bytes or with an error. Called from any thread; nothing here waits, but for wait_until_idle() and
/// abandon_reads(). Replies refer to it, so it dies after the last of them, or after abandon_reads().
class ReadPath {
  public:
    /// Past the limit of waiting READs, so many at most are looked at for each that comes.
    static constexpr std::size_t kMaxExamined = 64;

    using Now = std::function<TimePoint()>;

    /// `processes` outlives this.
    ReadPath(Now now, const Processes& processes) : now_(std::move(now)), processes_(processes) {}
    const Processes& processes() const { return processes_; }
    ~ReadPath();
    ReadPath(const ReadPath&) = delete;
    ReadPath& operator=(const ReadPath&) = delete;

    /// Finds the file that a viewer opens when one has been played that has no next one in its torrent.
    /// Called on the threads of read(), and does not wait. Set before the first READ.
    using FindEpisode = std::function<std::optional<NextEpisode>(const MountedTorrent&, NodeIndex)>;
    void set_find_episode(FindEpisode find) { find_episode_ = std::move(find); }

    /// Opens a file, which lives until release(), and longer while READs are under way. Its first READ
    /// decides whether its reader is a scan, by the name of its process, or since many files are opened in a
    /// row: then nothing is fetched ahead of what it reads. A remote reader that has the file open already
    /// has probably sought, and left its earlier stream: see OpenFile::doubt().
    OpenFile& open(std::shared_ptr<const MountedTorrent> torrent, ByteRange extent, std::uint64_t inode,
                   const RemoteReader& remote = {});

    struct Request {
        ByteRange range_in_file;  ///< not empty, within the file
        pid_t thread = 0;         ///< that reads; 0 if it cannot be seen from here
    };
    /// Reads. Returns the part of the file whose pages the kernel may drop, if any: it was read in sequence,
    /// and the cache's own file has it in the page cache, too.
    std::optional<ByteRange> read(OpenFile& file, const Request& request,
                                  std::unique_ptr<InterruptibleReply> reply);
    /// `closer` has closed a descriptor of the file. READs end with EINTR if their thread has gone, or its
    /// process has closed its last descriptor of the file; see OpenFile::on_flush().
    void flush(OpenFile& file, pid_t closer);
    void release(OpenFile& file);
    void interrupt(ReadId id);

    /// Ends, with EINTR, READs that wait for threads that have gone without a FLUSH: those of mapped files.
    void end_reads_of_the_gone();
    /// Ends READs that have waited for `timeout` while their torrent got no new bytes.
    void expire(Duration timeout);
    /// True when no READ is under way; waits for that at most so long.
    bool wait_until_idle(Duration at_most);
    /// Answers all READs with `error`, those too that the cache has promised to answer: after this none is
    /// under way, and this may be destroyed. What the cache says of them later goes nowhere.
    void abandon_reads(const Error& error);

    /// Sets the number of waiting READs past which the oldest whose threads have gone are ended, since the
    /// kernel would soon send no more.
    void set_parked_limit(std::int64_t limit) { parked_limit_ = limit; }
    /// Sets the number of threads that call read(). All but one of them at a time may wait for the disk: on a
    /// disk that does not answer, one is left for everything else.
    void set_threads(unsigned threads) { may_wait_ = static_cast<int>(threads) - 1; }
    std::int64_t parked_count() const { return parked_count_; }
    std::size_t open_count() const;
    std::vector<std::shared_ptr<OpenFile>> open_files() const;
    /// Openings of files that were taken to be scans.
    std::uint64_t scan_count() const { return scan_count_; }
    ReadTimesStatus times() const { return times_.status(); }
    /// Bytes of a leased file were sent without a READ.
    void count_sent_file(std::uint64_t bytes) { times_.count_sent_file(bytes); }
    TimePoint now() const { return now_(); }

  private:
    friend class PendingRead;

    bool is_scan(const OpenFile& file, pid_t thread);
    void ask(std::unique_ptr<PendingRead> read);
    void end_abandoned(std::size_t count);
    void cancel(OpenFile& file, const std::vector<ReadId>& ids, Error error);
    void came(PendingRead& read);
    void left(PendingRead& read);
    void unlink(PendingRead& read);

    OpenFile::Reader what_became_of(pid_t thread, const OpenFile& file, pid_t closer) const;

    /// A caller of read() that may wait for the disk, if too many do not already.
    class Waiter;

    const Now now_;
    const Processes& processes_;
    FindEpisode find_episode_;
    std::atomic<std::uint64_t> last_id_{0};      ///< of readers and reads alike
    std::atomic<std::int64_t> parked_count_{0};  ///< counted by PendingRead alone
    std::atomic<std::int64_t> parked_limit_{std::numeric_limits<std::int64_t>::max()};

    std::atomic<std::uint64_t> scan_count_{0};
    ReadTimes times_;
    std::atomic<int> may_wait_{0};  ///< so many more threads may wait for the disk

    mutable std::mutex mutex_;  // guards what follows
    std::unordered_map<ReaderId, std::shared_ptr<OpenFile>> files_;
    ScanGuard openings_;

    std::mutex under_way_mutex_;              // guards what follows
    PendingRead* first_under_way_ = nullptr;  ///< a list
    std::condition_variable idle_;            // nothing is under way
};

}  // namespace btfs
