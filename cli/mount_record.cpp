#include "cli/mount_record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

fs::path runtime_dir() {
    if (const char* dir = std::getenv("XDG_RUNTIME_DIR"); dir && *dir) return fs::path(dir) / "btfs";
    if (geteuid() == 0) return "/run/btfs";
    return "/tmp/btfs-" + std::to_string(geteuid());
}

fs::path record_path(const KernelMount& mount) {
    return runtime_dir() / (mount.device + ".pid");
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out.push_back(static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)));
            i += 3;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

}  // namespace

fs::path mount_path(const fs::path& mountpoint) {
    fs::path path = fs::absolute(mountpoint).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // "dir/"
    std::error_code error;
    const fs::path parent = fs::canonical(path.parent_path(), error);
    return error ? path : parent / path.filename();
}

std::optional<KernelMount> find_mount(const fs::path& mountpoint) {
    const std::string wanted = mount_path(mountpoint).string();
    std::ifstream list("/proc/self/mountinfo");
    std::optional<KernelMount> found;
    for (std::string line; std::getline(list, line);) {
        std::istringstream fields(line);
        std::string id, parent, device, root, where, rest;
        fields >> id >> parent >> device >> root >> where;
        if (unescaped(where) != wanted) continue;
        while (fields >> rest && rest != "-") {
        }
        std::string type;
        fields >> type;
        found = {device, type};  // later lines lie on top of earlier ones
    }
    return found;
}

MountRecord::MountRecord(const KernelMount& mount) : path_(record_path(mount)) {
    std::error_code ignored;
    fs::create_directories(path_.parent_path(), ignored);
    fs::permissions(path_.parent_path(), fs::perms::owner_all, ignored);
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) return;
    const std::string pid = std::to_string(getpid());
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0 || ftruncate(fd_, 0) != 0 ||
        write(fd_, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
        close(fd_);
        fd_ = -1;
    }
}

MountRecord::~MountRecord() {
    if (fd_ < 0) return;
    unlink(path_.c_str());
    close(fd_);
}

std::optional<pid_t> MountRecord::find(const KernelMount& mount) {
    const int fd = open(record_path(mount).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return std::nullopt;
    struct stat status {};
    char text[32];
    const bool ours = fstat(fd, &status) == 0 && status.st_uid == geteuid();
    const bool stale = flock(fd, LOCK_SH | LOCK_NB) == 0;
    const ssize_t n = read(fd, text, sizeof text);
    close(fd);
    pid_t pid = 0;
    if (!ours || stale || n <= 0 || std::from_chars(text, text + n, pid).ec != std::errc{} || pid <= 1)
        return std::nullopt;
    return pid;
}

}  // namespace btfs::cli
