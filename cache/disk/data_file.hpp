// Sparse file that holds a torrent's content at its offsets in the torrent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>

#include "cache/disk/files.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Maps a system error of writing to what it means for the cache: storage_full or storage_failed.
Error write_error(const Error& system);
/// Maps an error of reading: storage_corrupt if the file is too short or the disk has lost the bytes, and
/// storage_failed for all that may pass (no descriptors, no memory, no permission).
Error read_error(const Error& system);

/// Data file of a torrent, created and opened at the first use. Does not know which pieces are verified. Not
/// preallocated: parts that were never written take no space. Called from any thread; only read_cached()
/// never waits for the disk.
class DataFile {
  public:
    /// `size_if_new`: the file is made that long, with a hole in it, when it is created: a file that grows
    /// may take more space for a while than it needs (XFS). 0: it grows. Not for a torrent of which an
    /// earlier run has claimed something: a file that was cut short has to be seen to be short.
    DataFile(std::shared_ptr<Files> files, std::string name, std::uint64_t size_if_new = 0)
        : files_(std::move(files)), name_(std::move(name)), size_if_new_(size_if_new) {}

    /// Fills `out` from the page cache. Returns false if the read would have to wait, or fails for another
    /// reason. The kernel may then have begun to read from the disk.
    bool read_cached(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    /// Fills `out`, or gives a read_error().
    Error read(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    /// Writes all of it, or gives a write_error().
    Error write(std::uint64_t offset_in_torrent, ByteView bytes);
    /// Gives the range's space back to the file system. The range reads as zeros then.
    Error punch(ByteRange range);
    /// As punch(), and with it the disk blocks that the range shares with what lies before or behind it, if
    /// `is_unused` says of that part that nothing is there, and nothing is written there meanwhile.
    Error free_blocks(ByteRange range, const std::function<bool(ByteRange)>& is_unused);
    /// Asks the kernel to read the range soon. May wait for its first part.
    void will_need(ByteRange range);
    /// The descriptor of the open file, which is `size` bytes long; storage_failed if it is not. It stays
    /// open as long as this lives.
    Result<int> descriptor_of(std::uint64_t size);
    /// Tells whether another process has the file open, or mapped.
    OpenElsewhere open_elsewhere();
    /// Result of sync(). done: all written bytes, and the file's name, survive a power loss. unfinished: the
    /// deadline came first, or the sync could not begin; on a slow disk the call takes no longer than the
    /// deadline and the writing of one part. failed: the bytes written before stay doubtful, even if a later
    /// call returns done.
    enum class Synced : std::uint8_t { done, unfinished, failed };
    Synced sync(TimePoint deadline);

  private:
    Result<File*> file();

    std::shared_mutex shared_blocks_;  ///< alone: a block is freed that more than one piece touches

    /// Shared with the other files of the cache directory, and with the directory itself.
    const std::shared_ptr<Files> files_;
    const std::string name_;
    const std::uint64_t size_if_new_;
    std::mutex opening_;
    std::unique_ptr<File> opened_;        // guarded by opening_
    std::atomic<File*> ready_ = nullptr;  // opened_, once it is open
};

}  // namespace btfs
