#include "cli/control/mountpoint_claim.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cli/control/mount_record.hpp"
#include "cli/process/failure.hpp"
#include "engine/core/time.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

/// Time that another process may take from its look at the mountpoint to its mount there.
constexpr Duration kClaimPatience = 5s;
constexpr Duration kClaimAgain = 20ms;

[[noreturn]] void refuse(const std::string& where, const std::string& process) {
    throw Failure(where + ": btfs has a mount there already, " + process +
                  "; add torrents to it with: btfs add SOURCE --to " + where +
                  ", or unmount it first with: btfs umount " + where);
}

/// Asks no file system, since that of a process that was stopped does not answer.
void refuse_served(const fs::path& mountpoint) {
    const auto mount = find_mount(mountpoint);
    if (!mount || mount->type != kMountType) return;
    const std::vector<pid_t> processes = MountRecord::find(*mount);
    if (!processes.empty())
        refuse(mountpoint.string(), "which process " + std::to_string(processes.front()) + " serves");
}

/// For a mountpoint that has been prepared: no mount there is dead.
void refuse_living(const fs::path& mountpoint) {
    refuse_served(mountpoint);
    const auto mount = find_mount(mountpoint);
    if (mount && mount->type == kMountType)
        refuse(mountpoint.string(), "whose process is another user's, or cannot be seen here");
}

/// Locks the folder itself, which a mount on it covers: later processes see the mount.
FileDescriptor locked(const fs::path& folder) {
    FileDescriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return opened;
    for (const TimePoint limit = Clock::now() + kClaimPatience;
         flock(opened.get(), LOCK_EX | LOCK_NB) != 0;) {
        if (errno != EWOULDBLOCK && errno != EINTR) return FileDescriptor();
        if (Clock::now() > limit)
            throw Failure(folder.string() +
                          ": another btfs process is about to mount there; wait for it, or end it");
        std::this_thread::sleep_for(kClaimAgain);
    }
    return opened;
}

FileDescriptor claim(const fs::path& mountpoint) {
    refuse_served(mountpoint);
    if (const auto unusable = prepare_mountpoint(mountpoint.string())) throw Failure(*unusable);
    FileDescriptor lock = locked(mountpoint);
    refuse_living(mountpoint);
    return lock;
}

}  // namespace

MountpointClaim::MountpointClaim(const fs::path& mountpoint) : locked_(claim(mountpoint)) {}

}  // namespace btfs::cli
