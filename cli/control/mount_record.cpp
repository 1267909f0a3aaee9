#include "cli/control/mount_record.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "fs/mountpoint.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

// MFD_NOEXEC_SEAL, since Linux 6.3. A sysctl may make it mandatory.
constexpr unsigned kNeverExecutable = 0x0008;

std::string record_name(const KernelMount& mount) {
    return "btfs-mount-" + mount.device;
}

/// Decodes a field of mountinfo, which writes space, tab, newline and backslash as three octal digits.
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

/// Returns the number of an option such as "user_id=1000", or 0 if the option is missing.
unsigned option_number(const std::string& options, std::string_view name) {
    std::istringstream list(options);
    for (std::string option; std::getline(list, option, ',');) {
        if (!option.starts_with(name) || option.size() <= name.size() || option[name.size()] != '=') continue;
        return static_cast<unsigned>(std::strtoul(option.c_str() + name.size() + 1, nullptr, 10));
    }
    return 0;
}

std::optional<pid_t> process_number(const fs::path& path) {
    const std::string name = path.filename().string();
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (error != std::errc{} || end != name.data() + name.size()) return std::nullopt;
    return process;
}

/// Returns false if /proc belongs to another PID namespace: then its process ids are not ours.
bool proc_has_our_numbers() {
    std::error_code error;
    return fs::read_symlink("/proc/self", error) == std::to_string(getpid());
}

/// Returns the name in /proc of the process's record of the mount; nothing if it has none.
std::optional<fs::path> record_of(pid_t process, const KernelMount& mount) {
    const std::string wanted = "/memfd:" + record_name(mount) + " (deleted)";
    std::error_code error;
    fs::directory_iterator at("/proc/" + std::to_string(process) + "/fd", error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
        std::error_code gone;
        if (fs::read_symlink(at->path(), gone) != wanted) continue;
        struct stat status {};
        if (stat(at->path().c_str(), &status) == 0 && (status.st_uid == mount.owner || status.st_uid == 0))
            return at->path();
    }
    return std::nullopt;
}

/// Returns all mounts, in the order in which they were made.
std::vector<KernelMount> all_mounts() {
    std::ifstream list("/proc/self/mountinfo");
    std::vector<KernelMount> all;
    for (std::string line; std::getline(list, line);) {
        std::istringstream fields(line);
        std::string id, parent, device, root, where, rest;
        fields >> id >> parent >> device >> root >> where;
        while (fields >> rest && rest != "-") {
        }
        std::string type, source, options;
        fields >> type >> source >> options;
        all.push_back({device, type, unescaped(root), option_number(options, "user_id"),
                       option_number(options, "group_id"), unescaped(where)});
    }
    return all;
}

}  // namespace

std::optional<KernelMount> find_mount(const fs::path& mountpoint) {
    const std::string wanted = absolute_mountpoint(mountpoint.string());
    std::optional<KernelMount> found;
    // A later mount covers an earlier one.
    for (KernelMount& mount : all_mounts())
        if (mount.mountpoint == wanted) found = std::move(mount);
    return found;
}

std::optional<KernelMount> mount_of_descriptor(int descriptor) {
    std::ifstream lines("/proc/self/fdinfo/" + std::to_string(descriptor));
    std::string device;
    for (std::string key, value; lines >> key >> value;)
        if (key == "fuse_connection:") device = "0:" + value;
    std::vector<KernelMount> mounts = mounts_of_btfs(std::nullopt);
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount)
        if (device.empty() ? MountRecord::find(*mount).empty() : mount->device == device)
            return std::move(*mount);
    return std::nullopt;
}

std::vector<KernelMount> mounts_of_btfs(std::optional<uid_t> owner) {
    std::vector<KernelMount> mounts = all_mounts();
    std::set<std::string> devices;
    std::erase_if(mounts, [&](const KernelMount& mount) {
        return mount.type != kMountType || (owner && mount.owner != *owner) ||
               !devices.insert(mount.device).second;
    });
    return mounts;
}

std::string socket_name(const KernelMount& mount) {
    return mount.device + ".sock";
}

MountRecord::MountRecord(const KernelMount& mount) {
    const std::string name = record_name(mount);
    fd_ = memfd_create(name.c_str(), MFD_CLOEXEC | kNeverExecutable);
    if (fd_ < 0) fd_ = memfd_create(name.c_str(), MFD_CLOEXEC);
}

void MountRecord::set_control_socket(const fs::path& path) {
    const std::string text = path.string();
    // If it is not written the process cannot be asked; a short path is written whole or not at all.
    if (fd_ >= 0) [[maybe_unused]]
        const ssize_t written = write(fd_, text.data(), text.size());
}

MountRecord::~MountRecord() {
    if (fd_ >= 0) close(fd_);
}

bool MountRecord::is_held_by(pid_t process, const KernelMount& mount) {
    return record_of(process, mount).has_value();
}

std::optional<fs::path> MountRecord::control_socket(const KernelMount& mount) {
    for (const pid_t process : find(mount)) {
        const auto record = record_of(process, mount);
        std::ifstream file(record.value_or(fs::path()));
        std::string path;
        if (std::getline(file, path) && path.starts_with('/')) return path;
    }
    return std::nullopt;
}

std::vector<pid_t> MountRecord::find(const KernelMount& mount) {
    std::vector<pid_t> found;
    if (!proc_has_our_numbers()) return found;
    std::error_code error;
    fs::directory_iterator at("/proc", error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
        const auto process = process_number(at->path());
        if (process && is_held_by(*process, mount)) found.push_back(*process);
    }
    return found;
}

}  // namespace btfs::cli
