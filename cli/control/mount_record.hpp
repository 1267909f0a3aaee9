// Mounts as the kernel lists them, and the processes that serve them.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace btfs::cli {

/// The type of a mount of btfs, as the kernel has it.
inline constexpr std::string_view kMountType = "fuse.btfs";

/// One line of /proc/self/mountinfo.
struct KernelMount {
    std::string device;  ///< major:minor, unique among what is mounted
    std::string type;
    std::string root = "/";  ///< the folder of the file system that is there: another one in a bind mount
    uid_t owner = 0;  ///< the user whom a FUSE mount belongs to; the kernel lets nobody else in by default
    gid_t group = 0;
    std::filesystem::path mountpoint = {};
};

/// Returns the topmost mount at this path, see absolute_mountpoint(); nothing if nothing is mounted there.
/// Never asks the file system itself, which may be dead or busy.
std::optional<KernelMount> find_mount(const std::filesystem::path& mountpoint);

/// Returns the mount whose end is this descriptor of /dev/fuse. Older kernels do not tell which one that is;
/// there it is the newest mount of btfs that no process serves.
std::optional<KernelMount> mount_of_descriptor(int descriptor);

/// Returns the mounts of btfs, each once, in the order in which they were made; `owner`: of that user alone.
std::vector<KernelMount> mounts_of_btfs(std::optional<uid_t> owner);

/// Returns the name of a mount's control socket in the control_folder() of its process.
std::string socket_name(const KernelMount& mount);

/// Marks this process as the one that serves a mount, for as long as the record lives: the process holds a
/// memory file that is named after the mount's device, and holds the path of its control socket. `btfs
/// umount` finds it in /proc/PID/fd, whatever its environment, and nothing is left behind by a process that
/// was killed.
class MountRecord {
  public:
    /// A mount that cannot be recorded works all the same, but `btfs umount` does not find its process.
    explicit MountRecord(const KernelMount& mount);
    ~MountRecord();
    MountRecord(const MountRecord&) = delete;
    MountRecord& operator=(const MountRecord&) = delete;

    /// Says where this process can be asked; until then it can be asked nowhere. Called once at most.
    void set_control_socket(const std::filesystem::path& path);

    /// The processes that hold a record of the mount, as far as this user may see them: root sees all, others
    /// see their own. Records that neither root nor the mount's owner has made are ignored.
    static std::vector<pid_t> find(const KernelMount& mount);
    /// Where the process can be asked that serves the mount; nothing if it is not found.
    static std::optional<std::filesystem::path> control_socket(const KernelMount& mount);
    static bool is_held_by(pid_t process, const KernelMount& mount);

  private:
    int fd_;
};

}  // namespace btfs::cli
