// MountpointClaim: the right of one process to mount at a mountpoint.
#pragma once

#include <filesystem>

#include "cache/disk/file_descriptor.hpp"

namespace btfs::cli {

/// Keeps other btfs processes from mounting at a mountpoint, until it is destroyed: when the mount stands,
/// and all see it. Mounts of other programs are not looked at: the kernel puts one over the other.
class MountpointClaim {
  public:
    /// Prepares the mountpoint, see prepare_mountpoint(): a mount whose process has died is detached. Throws
    /// Failure if it cannot be used, if a living mount of btfs is there, or if another process prepares it
    /// for longer than a few seconds.
    explicit MountpointClaim(const std::filesystem::path& mountpoint);

  private:
    const FileDescriptor locked_;  ///< the folder; none if its file system has no locks
};

}  // namespace btfs::cli
