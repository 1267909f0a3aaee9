#include "fs/processes.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cache/disk/file_descriptor.hpp"

namespace btfs {
namespace {

constexpr unsigned long kExiting = 0x4;  // PF_EXITING of the kernel: set before the descriptors are closed

/// /proc shows the numbers of the PID namespace that it was mounted in.
bool proc_shows_our_numbers() {
    char target[32];
    const ssize_t size = readlink("/proc/self", target, sizeof target);
    return size > 0 && std::string_view(target, static_cast<std::size_t>(size)) == std::to_string(getpid());
}

/// At most a page: what is looked for stands in the first lines.
std::optional<std::string> beginning_of(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::string text(4096, '\0');
    const ssize_t size = read(file.get(), text.data(), text.size());
    if (size < 0) return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::string folder_of(pid_t thread) {
    return "/proc/" + std::to_string(thread) + '/';
}

// Fields of /proc/PID/stat, as proc(5) numbers them.
constexpr int kStateField = 3, kFlagsField = 9, kExitStatusField = 52;

/// Returns where a field behind the name begins, "1234 (name) S ppid pgrp ...": the name may hold anything.
const char* field_of(const std::string& stat, int field) {
    std::size_t at = stat.rfind(')');
    for (int passed = kStateField - 1; passed < field && at != std::string::npos; ++passed) {
        at = stat.find(' ', at);
        if (at != std::string::npos) ++at;
    }
    return at == std::string::npos || at >= stat.size() ? nullptr : stat.c_str() + at;
}

/// The inode number that an open descriptor leads to; none before Linux 5.14, or if it was closed meanwhile.
std::optional<std::uint64_t> inode_of(const std::string& fdinfo) {
    constexpr std::string_view kKey = "\nino:\t";
    const auto text = beginning_of(fdinfo);
    const std::size_t at = text ? text->find(kKey) : std::string::npos;
    if (at == std::string::npos) return std::nullopt;
    return std::strtoull(text->c_str() + at + kKey.size(), nullptr, 10);
}

struct CloseFolder {
    void operator()(DIR* folder) const { closedir(folder); }
};

}  // namespace

Processes::Life ProcProcesses::life(pid_t thread) const {
    if (thread <= 0 || !proc_shows_our_numbers()) return Life::unknown;
    const auto stat = beginning_of(folder_of(thread) + "stat");
    if (!stat) return errno == ENOENT || errno == ESRCH ? Life::gone : Life::unknown;
    const char* const state = field_of(*stat, kStateField);
    if (state == nullptr) return Life::unknown;
    if (*state == 'Z' || *state == 'X') return Life::gone;
    const char* const flags = field_of(*stat, kFlagsField);
    if (flags == nullptr) return Life::unknown;
    return (std::strtoul(flags, nullptr, 10) & kExiting) != 0 ? Life::gone : Life::alive;
}

// The kernel shows the status as wait() gives it, to those who may look at the process.
bool ProcProcesses::was_killed(pid_t thread) const {
    if (thread <= 0 || !proc_shows_our_numbers()) return false;
    const auto stat = beginning_of(folder_of(thread) + "stat");
    const char* const status = stat ? field_of(*stat, kExitStatusField) : nullptr;
    return status != nullptr && WIFSIGNALED(std::atoi(status));
}

// Only descriptors with a path are looked into: what others say of themselves may take locks of theirs. The
// process's memory map is not read at all: its lock may be held by a thread that waits for a page of this
// mount.
bool ProcProcesses::may_have_open(pid_t thread, std::uint64_t inode) const {
    const std::string fd = folder_of(thread) + "fd", fdinfo = folder_of(thread) + "fdinfo/";
    const std::unique_ptr<DIR, CloseFolder> folder(opendir(fd.c_str()));
    if (!folder) return errno != ENOENT && errno != ESRCH;
    int seen = 0;
    while (const dirent* entry = readdir(folder.get())) {
        if (entry->d_name[0] == '.') continue;
        if (++seen > kMaxDescriptors) return true;
        char first = 0;
        errno = 0;
        if (readlinkat(dirfd(folder.get()), entry->d_name, &first, 1) < 0) {
            if (errno == EACCES) return true;
            continue;
        }
        if (first != '/') continue;
        const auto found = inode_of(fdinfo + entry->d_name);
        if (!found) {
            if (access((fdinfo + entry->d_name).c_str(), F_OK) == 0) return true;  // it does not say
            continue;
        }
        if (*found == inode) return true;
    }
    return false;
}

pid_t ProcProcesses::process(pid_t thread) const {
    constexpr std::string_view kKey = "\nTgid:\t";
    if (thread <= 0 || !proc_shows_our_numbers()) return 0;
    const auto status = beginning_of(folder_of(thread) + "status");
    const std::size_t at = status ? status->find(kKey) : std::string::npos;
    if (at == std::string::npos) return 0;
    return static_cast<pid_t>(std::strtol(status->c_str() + at + kKey.size(), nullptr, 10));
}

// A thread may be called otherwise than its process, whose first thread has the process's number and name.
std::string ProcProcesses::name(pid_t thread) const {
    const pid_t number = process(thread);
    if (number == 0) return {};
    auto name = beginning_of(folder_of(number) + "comm");
    if (!name) return {};
    if (name->ends_with('\n')) name->pop_back();
    return *name;
}

}  // namespace btfs
