// Mountpoints: prepares a folder to be mounted on, and takes mounts away.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace btfs {

/// Makes a folder ready to be mounted on: a mount whose daemon has died is detached. Gives what is wrong
/// and what to do about it if it cannot be used.
std::optional<std::string> prepare_mountpoint(const std::string& path);

/// Returns the descriptor of /dev/fuse in a mountpoint "/dev/fd/N", by which mount.fuse3 passes on a mount
/// that it has made already.
std::optional<int> passed_descriptor(const std::string& mountpoint);

/// Takes a mount away at once, even while files in it are open. As root its connection to the kernel is cut
/// too, so that nobody who still has files open there hangs. False if it could not be.
bool detach_mount(const std::string& path, bool cut_connection);

/// Returns the path as the kernel lists mounts: absolute, and without symlinks, the last part included. Never
/// asks the file system that is mounted there, whose daemon may not answer.
std::string absolute_mountpoint(const std::string& path);

/// Returns the device number of what is at the path, topmost: each mount of ours has its own. Nothing if
/// there is nothing. Does not ask a daemon either.
std::optional<dev_t> device_at(const std::string& path);

}  // namespace btfs
