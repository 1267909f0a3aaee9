// The sparse file that holds a torrent's content at its offsets in the torrent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>

#include "cache/file_descriptor.hpp"
#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// What a failed system call means for the cache: storage_full or storage_failed.
Error storage_error(int error_number);

/// Opened, and made, when first used. Knows nothing of what is verified. Nothing is preallocated: what was
/// never written takes no space. Called from any thread; only read_cached() never waits for the disk.
class DataFile {
  public:
    explicit DataFile(std::filesystem::path path) : path_(std::move(path)) {}

    /// Fills `out` out of the page cache. False if that would have to wait, or fails for another reason.
    /// The kernel may then have begun to read from the disk.
    bool read_cached(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    /// Fills `out`; storage_corrupt if the file is too short.
    Error read(std::uint64_t offset_in_torrent, std::span<std::byte> out);
    Error write(std::uint64_t offset_in_torrent, ByteView bytes);
    /// Gives the range's space back to the file system. The range reads as zeros then.
    Error punch(ByteRange range);
    /// Asks the kernel to read the range soon. May wait for its first part.
    void will_need(ByteRange range);
    /// When this returned without error, all that was written survives a power loss. timed_out when that was
    /// not so by the deadline: a slow disk keeps nobody longer than one part of what is unwritten takes.
    Error sync(TimePoint deadline);

  private:
    int descriptor();

    const std::filesystem::path path_;
    std::mutex opening_;
    FileDescriptor file_;      // guarded by opening_
    std::atomic<int> fd_{-1};  // file_'s, once it is open
};

}  // namespace btfs
