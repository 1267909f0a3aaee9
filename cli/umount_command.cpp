#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

constexpr int kPatienceMs = 15'000;      // longer than a process waits for a disk that hangs
constexpr int kProbePatienceMs = 2'000;  // a live mount answers at once, from memory

/// pidfd of a process, which stays valid if the process id is reused.
class ProcessHandle {
  public:
    explicit ProcessHandle(pid_t process) : fd_(static_cast<int>(syscall(SYS_pidfd_open, process, 0))) {}
    ~ProcessHandle() {
        if (fd_ >= 0) close(fd_);
    }
    ProcessHandle(const ProcessHandle&) = delete;
    ProcessHandle& operator=(const ProcessHandle&) = delete;

    bool is_gone() const { return fd_ < 0; }
    bool send(int signal) const { return syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0) == 0; }
    bool wait_for_end(int milliseconds) const {
        pollfd poll_fd{fd_, POLLIN, 0};
        int ready;
        while ((ready = poll(&poll_fd, 1, milliseconds)) < 0 && errno == EINTR) {
        }
        return ready == 1;
    }

  private:
    int fd_;
};

/// Ends a process that serves the mount, and waits for its end. Throws Failure if it goes on.
void end_process(pid_t process, const KernelMount& mount, const std::string& where) {
    const ProcessHandle handle(process);
    // The process id may have been reused.
    if (handle.is_gone() || !MountRecord::is_held_by(process, mount)) return;
    const std::string name = "process " + std::to_string(process);
    if (!handle.send(SIGTERM) && errno != ESRCH)
        throw Failure(where + ": " + name + " serves it and cannot be ended: " + std::strerror(errno) +
                      "; try as root");
    if (!handle.wait_for_end(kPatienceMs))
        throw Failure(name + " still serves " + where + "; try again, or end it: kill -9 " +
                      std::to_string(process));
}

/// Returns true if the mount has no process any more, since that was killed. A child process asks the mount:
/// it takes the identity of the mount's owner, since others get no answer, and may block for ever.
bool is_dead(const KernelMount& mount, const std::string& where) {
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        if (geteuid() == 0 && mount.owner != 0 &&
            (setgroups(0, nullptr) != 0 || setresgid(mount.group, mount.group, mount.group) != 0 ||
             setresuid(mount.owner, mount.owner, mount.owner) != 0))
            _exit(1);
        struct statvfs answer {};
        _exit(statvfs(where.c_str(), &answer) != 0 && errno == ENOTCONN ? 0 : 1);
    }
    const ProcessHandle handle(child);
    if (handle.is_gone() || !handle.wait_for_end(kProbePatienceMs)) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int umount(const std::filesystem::path& mountpoint) {
    const std::string where = mountpoint.string();
    const auto mount = find_mount(mountpoint);
    if (!mount || mount->type != "fuse.btfs") throw Failure(where + ": no btfs is mounted there");
    const std::vector<pid_t> processes = MountRecord::find(*mount);
    const std::string path = absolute_mountpoint(where);
    const bool dead = processes.empty() && is_dead(*mount, path);
    for (const pid_t process : processes) end_process(process, *mount, where);

    // A process that was found has unmounted the mount. If the mount is still there, it has no process, or
    // its process was not found: detach it, which cuts the connection of such a process, if this user may.
    const auto left = find_mount(mountpoint);
    if (left && left->device == mount->device && !detach_mount(path, true))
        throw Failure(where + ": cannot be unmounted; you may not be its owner");
    if (processes.empty() && !dead)
        throw Failure(where + ": is unmounted, but the process that served it was not found, and may go on " +
                      "until files that are open there are closed");
    return kSuccess;
}

}  // namespace btfs::cli
