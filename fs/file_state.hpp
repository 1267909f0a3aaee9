// State of a file in a mount, which every process that may open the file can ask for with ioctl(2).
#pragma once

#include <sys/ioctl.h>

#include <cstdint>

namespace btfs {

/// The answer. Programs and mounts of other versions exchange it, so its layout stays.
struct FileState {
    std::uint8_t info_hash[20];  ///< of the file's torrent, as peers know it
    std::uint8_t is_complete;  ///< 1: each byte has been downloaded; what is damaged on disk is fetched anew
    std::uint8_t reserved[3];
    std::uint64_t offset_in_torrent;  ///< of the file's first byte, as in the cache's data file
};
static_assert(sizeof(FileState) == 32);

/// The request, with a FileState to be filled. Another file system says ENOTTY, and so does .btfs.
inline constexpr unsigned long kAskFileState = _IOR(0xB7, 1, FileState);

}  // namespace btfs
