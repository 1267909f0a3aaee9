#include "fs/mountpoint.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <filesystem>
#include <string_view>

extern char** environ;

namespace btfs {
namespace {

constexpr int kMaxStaleMounts = 16;  // one over the other
constexpr int kMaxSymlinks = 40;     // as the kernel's own limit

// Unmounts by the setuid helper: umount2() is root's.
bool run_fusermount(const std::string& path) {
    std::string program = "fusermount3", flags[] = {"-u", "-q", "-z", "--"}, target = path;
    char* arguments[] = {program.data(),  flags[0].data(), flags[1].data(), flags[2].data(),
                         flags[3].data(), target.data(),   nullptr};
    pid_t child = 0;
    if (posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0) return false;
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool detach_mount(const std::string& path, bool cut_connection) {
    if (geteuid() != 0) return run_fusermount(path);
    const int flags = MNT_DETACH | UMOUNT_NOFOLLOW | (cut_connection ? MNT_FORCE : 0);
    return umount2(path.c_str(), flags) == 0;
}

std::optional<std::string> prepare_mountpoint(const std::string& path) {
    struct stat found {};
    struct statvfs asked {};  // stat alone may be answered out of the kernel's memory
    for (int i = 0; stat(path.c_str(), &found) != 0 || statvfs(path.c_str(), &asked) != 0; ++i) {
        const int number = errno;
        // The daemon of a FUSE mount was killed: the mount is still there, and nobody behind it.
        if (number == ENOTCONN && i < kMaxStaleMounts && detach_mount(path, false)) continue;
        switch (number) {
            case ENOENT:
                return path + " does not exist; create it with: mkdir -p " + path;
            case ENOTCONN:
                return path + " is a dead mount that could not be detached; try: fusermount3 -uz " + path;
            default:
                return path + " cannot be used as a mountpoint: " + std::strerror(number);
        }
    }
    if (!S_ISDIR(found.st_mode)) return path + " is not a directory; mount on a directory";
    if (access("/dev/fuse", F_OK) != 0)
        return std::string("/dev/fuse does not exist; load the kernel's module with: modprobe fuse");
    return std::nullopt;
}

std::optional<int> passed_descriptor(const std::string& mountpoint) {
    constexpr std::string_view kFolder = "/dev/fd/";
    if (!mountpoint.starts_with(kFolder)) return std::nullopt;
    int number = -1;
    const char* const end = mountpoint.data() + mountpoint.size();
    const auto [at, error] = std::from_chars(mountpoint.data() + kFolder.size(), end, number);
    return error == std::errc{} && at == end && number >= 0 ? std::optional(number) : std::nullopt;
}

std::string absolute_mountpoint(const std::string& path) {
    namespace files = std::filesystem;
    std::error_code error;
    files::path whole = files::absolute(path, error);
    for (int followed = 0; followed < kMaxSymlinks; ++followed) {
        while (whole.has_relative_path() && (whole.filename().empty() || whole.filename() == "."))
            whole = whole.parent_path();
        if (whole.filename() == "..") return files::weakly_canonical(whole, error).string();
        const files::path parent = files::weakly_canonical(whole.parent_path(), error);
        if (!error) whole = parent / whole.filename();
        // Unlike lstat(2), and std::filesystem with it, readlink(2) asks no file system about a directory.
        char target[PATH_MAX];
        const ssize_t size = readlink(whole.c_str(), target, sizeof target);
        if (size <= 0) break;
        whole = whole.parent_path() / std::string(target, static_cast<std::size_t>(size));
    }
    return whole.string();
}

std::optional<dev_t> device_at(const std::string& path) {
    struct statx found {};
    if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE,
              &found) != 0)
        return std::nullopt;
    return makedev(found.stx_dev_major, found.stx_dev_minor);
}

}  // namespace btfs
