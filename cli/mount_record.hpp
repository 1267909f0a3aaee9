// Which process serves which mount, so that `btfs umount` finds it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace btfs::cli {

/// A mount of ours as the kernel lists it.
struct KernelMount {
    std::string device;  ///< major:minor, unique among what is mounted
    std::string type;
};

/// What is mounted at this path, topmost; nothing if nothing is. Never asks the file system itself, which may
/// be dead or busy.
std::optional<KernelMount> find_mount(const std::filesystem::path& mountpoint);

/// The path as the kernel lists it: absolute, parents resolved, the mountpoint itself not looked at.
std::filesystem::path mount_path(const std::filesystem::path& mountpoint);

/// A file in the user's runtime directory that says "this process serves that device", locked for as long as
/// it does: a record without its lock is stale.
class MountRecord {
  public:
    /// A mount that cannot be recorded works all the same; only `btfs umount` has to do without.
    explicit MountRecord(const KernelMount& mount);
    ~MountRecord();
    MountRecord(const MountRecord&) = delete;
    MountRecord& operator=(const MountRecord&) = delete;

    /// The process that serves the mount.
    static std::optional<pid_t> find(const KernelMount& mount);

  private:
    std::filesystem::path path_;
    int fd_ = -1;
};

}  // namespace btfs::cli
