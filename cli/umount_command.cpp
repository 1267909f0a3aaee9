#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/mount_record.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

constexpr int kPatienceMs = 5000;

/// Ends the process that serves the mount, and waits for its end. False if it is still there.
bool end_process(pid_t pid) {
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0) return errno == ESRCH;
    syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0);
    pollfd poll_fd{fd, POLLIN, 0};
    const bool ended = poll(&poll_fd, 1, kPatienceMs) == 1;
    close(fd);
    return ended;
}

}  // namespace

int umount(const std::filesystem::path& mountpoint) {
    const auto mount = find_mount(mountpoint);
    if (!mount || mount->type != "fuse.btfs")
        throw Failure(mountpoint.string() + ": no btfs is mounted there");
    if (const auto pid = MountRecord::find(*mount)) {
        if (!end_process(*pid))
            throw Failure("process " + std::to_string(*pid) + " still serves " + mountpoint.string() +
                          "; try again, or end it");
    }
    // It has unmounted itself; what is left is a dead process's mount, or one without a record.
    const auto left = find_mount(mountpoint);
    if (left && left->device == mount->device && !detach_mount(mount_path(mountpoint), false))
        throw Failure(mountpoint.string() + ": cannot be unmounted; you may not be its owner");
    return kSuccess;
}

}  // namespace btfs::cli
