#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/exit_codes.hpp"
#include "cli/failure.hpp"
#include "cli/mount_record.hpp"
#include "engine/core/time.hpp"

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

bool detach(const std::filesystem::path& mountpoint) {
    if (umount2(mountpoint.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return true;
    const pid_t child = fork();
    if (child == 0) {
        execlp("fusermount3", "fusermount3", "-u", "-z", mountpoint.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
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
    if (left && left->device == mount->device && !detach(mount_path(mountpoint)))
        throw Failure(mountpoint.string() + ": cannot be unmounted; you may not be its owner");
    return kSuccess;
}

}  // namespace btfs::cli
