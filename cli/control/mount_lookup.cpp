#include "cli/control/mount_lookup.hpp"

#include <unistd.h>

#include <optional>
#include <vector>

#include "cli/control/control_socket.hpp"
#include "cli/control/mount_record.hpp"
#include "cli/process/failure.hpp"
#include "cli/text/one_line.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

fs::path socket_of(const KernelMount& mount, const fs::path& mountpoint) {
    if (auto socket = find_socket(mount)) return *socket;
    throw Failure(mountpoint.string() + ": its process cannot be asked; it may be another user's");
}

/// Returns the mounts among which a command without a mountpoint chooses.
std::vector<KernelMount> mounts_to_ask() {
    std::vector<KernelMount> mounts = mounts_of_btfs(geteuid());
    if (mounts.empty() && geteuid() == 0) mounts = mounts_of_btfs(std::nullopt);
    return mounts;
}

}  // namespace

bool is_path(const std::string& word) {
    return word.find('/') != std::string::npos && word.find("://") == std::string::npos;
}

std::optional<fs::path> find_socket(const KernelMount& mount) {
    // Where it is if both processes have the same environment: looking through all of /proc takes longer.
    fs::path usual = control_folder() / socket_name(mount);
    if (is_listening(usual)) return usual;
    return MountRecord::control_socket(mount);
}

InMount locate(const fs::path& given) {
    std::error_code error;
    const fs::path path = fs::canonical(given, error);
    if (error) throw Failure(given.string() + ": " + error.message());
    for (fs::path at = path;; at = at.parent_path()) {
        if (const auto mount = find_mount(at); mount && mount->type == kMountType) {
            const fs::path below = path.lexically_relative(at);
            const fs::path in_mount = below == "." ? fs::path(mount->root) : fs::path(mount->root) / below;
            return {socket_of(*mount, at), in_mount.string()};
        }
        if (at == at.parent_path()) throw Failure(given.string() + ": is in no mount of btfs");
    }
}

InMount torrent_named(const std::string& word, const fs::path& mountpoint) {
    if (!is_path(word)) return {socket_of(mountpoint), word};
    InMount place = locate(word);
    std::string& name = place.path;
    name.erase(0, name.find_first_not_of('/'));
    while (name.ends_with('/')) name.pop_back();
    if (name.empty()) throw Failure(one_line(word) + ": is a mount, no torrent; btfs umount ends a mount");
    if (name.find('/') != std::string::npos)
        throw Failure(one_line(word) + ": is a part of a torrent; give the path of the whole torrent");
    return place;
}

fs::path socket_of(const fs::path& mountpoint) {
    if (!mountpoint.empty()) {
        const auto mount = find_mount(mountpoint);
        if (!mount || mount->type != kMountType)
            throw Failure(mountpoint.string() + ": no mount of btfs is there");
        return socket_of(*mount, mountpoint);
    }
    const std::vector<KernelMount> mounts = mounts_to_ask();
    if (mounts.empty()) throw Failure("nothing is mounted; begin with: btfs mount MOUNTPOINT");
    if (mounts.size() == 1) return socket_of(mounts.front(), mounts.front().mountpoint);
    std::string places;
    for (const KernelMount& mount : mounts) places += ' ' + mount.mountpoint.string();
    throw Failure("there are several mounts; name one of them:" + places);
}

}  // namespace btfs::cli
