// One open file of a torrent: its READs under way, its readahead, and the demand that was last posted for it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "cache/read_side.hpp"
#include "engine/core/reader_demand.hpp"
#include "fs/mounted_torrent.hpp"
#include "fs/readahead.hpp"
#include "fs/reader_status.hpp"

namespace btfs {

class PendingRead;

/// Readers of smaller files are never taken for scans: a photo or a song is read whole.
inline constexpr std::uint64_t kMayBeScanned = std::uint64_t{8} << 20;
/// A scan reads less than this in one sequence: FFmpeg's probing ends after 5 MB.
inline constexpr std::uint64_t kScanLooksAt = std::uint64_t{8} << 20;
/// The buffers of a connection that is read no more take less than this.
inline constexpr std::uint64_t kReadsOnFor = std::uint64_t{8} << 20;
/// The next file is begun when so much of this one has been played.
inline constexpr double kMostOfAFile = 0.8;
/// A reader at whose pace the file lasts less than this copies it. (A player that takes a small file into its
/// memory at once is not told from a copy.)
inline constexpr Duration kShortestPlay = std::chrono::seconds(60);

/// Lists its READs from their arrival to their answers, and posts the reader's demand to the torrent's
/// DemandSink: waiting READs at once, the window only when it has moved enough to matter. Called from any
/// thread; calls neither ReadSide nor DemandSink under its lock. Shared by the file's handle and the replies
/// under way, of which the last to end may come after the release.
class OpenFile : public std::enable_shared_from_this<OpenFile> {
  public:
    /// `extent` is the file's place in the torrent.
    OpenFile(ReaderId reader, std::shared_ptr<const MountedTorrent> torrent, ByteRange extent,
             std::uint64_t inode, RemoteReader remote);

    ReaderId reader() const { return reader_; }
    const MountedTorrent& torrent() const { return *torrent_; }
    ByteRange extent() const { return extent_; }
    std::uint64_t inode() const { return inode_; }

    /// True at the first READ of a file of kMayBeScanned or more: the caller decides then whether its reader
    /// is a scan.
    bool begins() { return extent_.size() >= kMayBeScanned && !was_read_.exchange(true); }
    /// Its reader looks into many files, or is known to show none: it gets what it reads and nothing ahead of
    /// that, until it has read kScanLooksAt in sequence.
    void treat_as_scan();

    /// True if both are streams of one file to one client over the network.
    bool is_of_same_client(const OpenFile& other) const {
        return inode_ == other.inode_ && !remote_.address.empty() && remote_ == other.remote_;
    }
    /// Its reader has perhaps left it, and not closed it: nothing is fetched ahead of it until the reader has
    /// read on for kReadsOnFor.
    void doubt();

    struct Begun {
        std::optional<ByteRange> behind =
            {};                 ///< part of the torrent that the reader has left behind, if worth telling
        bool reads_on = false;  ///< once: kScanLooksAt was read in sequence
        bool seeks_episode = false;  ///< once: it is played, and its torrent has no next file
    };
    /// A READ arrives; the readahead moves. It is listed from here to end(), so that it can be interrupted.
    /// If it is the first one, and at the beginning of a file of kMayBeScanned or more that is not scanned,
    /// the index of a container is demanded, too: see container_index(); and the file's end, where others
    /// keep theirs. When most of the file has been played, the beginning of the next one is: see series.hpp.
    Begun begin(PendingRead& read, TimePoint now);

    NodeIndex node() const;
    /// The file's reader will probably open `file` of another torrent next. Its beginning is demanded there,
    /// in the name of `reader`, as that of a next file in the same torrent is, once this one's window is
    /// here.
    void want_episode(ReaderId reader, const std::shared_ptr<const MountedTorrent>& torrent, NodeIndex file);

    enum class Parked {
        waiting,
        answered,   ///< in the meantime
        cancelled,  ///< flushed or interrupted in the meantime: the caller has to cancel it
    };
    /// The cache has parked a READ, which may be gone by now.
    Parked on_parked(ReadId id, TimePoint now, std::uint64_t bytes_had);
    /// The cache asks for a READ to be made again: `again` is listed in its place, and is not parked.
    void on_again(PendingRead& earlier, PendingRead& again, TimePoint now);

    /// The bytes of a READ, about to be answered. If they are the file's beginning or its end, and an index
    /// is expected, it is demanded where they say that it is. True if the caller has to call post().
    bool look_for_index(ByteRange range_in_torrent, std::span<const iovec> bytes);
    /// A READ is about to be answered.
    void end(PendingRead& read, const Error& outcome, TimePoint now);

    /// The threads on which it depends whether a closed descriptor ends anything: those whose READs are under
    /// way, and the one that made the last READ. Nobody while nothing is asked of the sink.
    std::set<pid_t> threads() const;
    /// State of a thread of threads().
    enum class Reader { reads, has_closed, gone };
    using Readers = std::map<pid_t, Reader>;
    /// A descriptor was closed. Gives the READs that have to be cancelled: those of threads that have gone,
    /// and those of more than a page of processes that have closed the file. (For a page a live thread waits;
    /// what is more is the kernel's readahead, and a live thread that waits for it asks again for the page.)
    /// If that goes for the last READ's thread, too, nothing is wanted until the next READ.
    std::vector<ReadId> on_flush(const Readers& readers);
    /// READs that wait for threads that have gone.
    std::vector<ReadId> of_the_gone(const Readers& readers);
    /// True if the READ is known; the caller cancels it.
    bool on_interrupt(ReadId id);
    /// READs that have waited for `timeout` while the torrent's `bytes_had` stood still.
    std::vector<ReadId> expired(TimePoint now, Duration timeout, std::uint64_t bytes_had);
    /// READs that wait on a handle of which a descriptor was closed once, and their threads, which may have
    /// gone.
    std::vector<std::pair<ReadId, pid_t>> maybe_abandoned() const;

    /// True if the range is a page of a READ that has just timed out: the kernel's own retry, which fails at
    /// once.
    bool is_retry_of_timeout(ByteRange range_in_torrent, TimePoint now) const;

    /// All but the path.
    ReaderStatus status(TimePoint now) const;

    /// Posts the demand if the window has moved enough.
    void post_if_moved();
    /// Posts the demand: a READ waits, or waits no longer.
    void post();
    /// The kernel has closed the file: calls the sink's drop(), and nothing after it.
    void release();

  private:
    class NextHead;

    PendingRead* find(ReadId id) const;
    bool any_parked() const;
    ByteRange window() const;
    bool window_moved() const;
    bool is_played() const;
    bool want_next_file();
    void want_beginning(const Node& file);
    void look_at_next_file();
    std::shared_ptr<const MountedTorrent> torrent_of_next() const;
    void post_episode(bool window_is_here);
    ReaderDemand demand() const;

    const ReaderId reader_;
    const std::shared_ptr<const MountedTorrent> torrent_;
    const ByteRange extent_;
    const std::uint64_t inode_;
    const RemoteReader remote_;
    std::atomic<bool> was_read_ = false;

    mutable std::mutex mutex_;  // guards what follows
    Readahead readahead_;
    std::vector<PendingRead*> reads_;  ///< in the order of their ids, so the oldest first
    pid_t last_thread_ = 0;            ///< made the last READ
    bool scan_ = false;
    bool reads_on_ = false;  ///< kScanLooksAt was read in sequence once
    /// Bytes that the reader has to read on for until it is not in doubt; nothing: it is in none.
    std::optional<std::uint64_t> in_doubt_for_;
    bool may_have_index_;
    bool wants_index_ = false;   ///< until it is here, or a descriptor is closed
    bool head_is_news_ = false;  ///< no READ of the file's beginning was looked at
    bool tail_is_news_;          ///< nor of its end
    /// The places of the index in the torrent: the file's end until the file's beginning tells better.
    std::vector<ByteRange> index_;
    bool next_was_sought_ = false;  ///< the next file was looked for
    bool later_is_news_ = false;
    std::vector<ByteRange> later_;  ///< of the next file in the torrent, until they are here
    ByteRange next_;                ///< the next file in the torrent, until its beginning has been looked at
    /// The torrent of the next file, and of later_ and next_, if it is another one; it may be removed.
    std::optional<std::weak_ptr<const MountedTorrent>> episode_;
    ReaderId episode_reader_ = 0;
    bool told_episode_ = false;   ///< the sink's last word there is a demand that is not idle
    bool flushed_ = false;        ///< once or more
    bool quiet_ = false;          ///< its reader has closed it or gone, and there was no READ since
    ByteRange considered_;        ///< the window when it was last thought about
    bool told_anything_ = false;  ///< the sink's last word is a demand that is not idle
    ByteRange told_here_;         ///< what the sink was last asked to keep
    std::optional<ByteRange> timed_out_;
    TimePoint timed_out_at_{};
    // One thread at a time talks to the sink; whoever has news meanwhile leaves them to it.
    bool posting_ = false;
    bool news_ = false;
    bool released_ = false;
};

}  // namespace btfs
