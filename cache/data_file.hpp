// Sparse file that holds a torrent's content at its offsets in the torrent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "cache/files.hpp"
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

/// Opened, and made, when first used. Knows nothing of what is verified. Nothing is preallocated: what was
/// never written takes no space. Called from any thread; only read_cached() never waits for the disk.
class DataFile {
  public:
    DataFile(std::shared_ptr<Files> files, std::string name)
        : files_(std::move(files)), name_(std::move(name)) {}

    /// Fills `out` out of the page cache. False if that would have to wait, or fails for another reason.
    /// The kernel may then have begun to read from the disk.
    bool read_cached(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    /// Fills `out`, or gives a read_error().
    Error read(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    /// Writes all of it, or gives a write_error().
    Error write(std::uint64_t offset_in_torrent, ByteView bytes);
    /// Gives the range's space back to the file system. The range reads as zeros then.
    Error punch(ByteRange range);
    /// Asks the kernel to read the range soon. May wait for its first part.
    void will_need(ByteRange range);
    /// done: all that was written, and the file's name, survives a power loss. unfinished: that was not so by
    /// the deadline, or could not be begun; a slow disk keeps nobody longer than one part of what is
    /// unwritten takes. failed: what was written before is doubtful for good, even if a later call gives
    /// done.
    enum class Synced : std::uint8_t { done, unfinished, failed };
    Synced sync(TimePoint deadline);

  private:
    Result<File*> file();

    /// Shared with the other files of the cache directory, and with the directory itself.
    const std::shared_ptr<Files> files_;
    const std::string name_;
    std::mutex opening_;
    std::unique_ptr<File> opened_;        // guarded by opening_
    std::atomic<File*> ready_ = nullptr;  // opened_, once it is open
};

}  // namespace btfs
