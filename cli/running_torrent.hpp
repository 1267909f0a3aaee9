// RunningTorrent: a torrent in a mount of this user that runs already.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/control/mount_record.hpp"

namespace btfs::cli {

struct RunningTorrent {
    KernelMount mount;
    std::filesystem::path socket;  ///< at which the mount can be asked
    std::string key;               ///< info-hash or URL, by which the mount knows it
    std::string name;              ///< in the mount; as its source calls it until it is there
    std::string state;             ///< as the status has it
    bool is_shown = false;         ///< its files are in the mount

    std::filesystem::path path() const { return mount.mountpoint / name; }
};

/// Returns the torrent of this info-hash, in hex, or URL, if a mount of this user has it, and has not failed
/// to serve it. Asks each mount that can be asked, but the one at `but_not`; one that does not answer soon
/// counts as having nothing.
std::optional<RunningTorrent> find_running(const std::string& key, const std::filesystem::path& but_not = {});

/// Returns the torrent as it is now. Nothing: the mount, or the torrent in it, has gone or failed.
std::optional<RunningTorrent> look_again(const RunningTorrent& torrent);

/// Returns the info-hash of the only torrent that the mount at that place knows; nothing if the mount cannot
/// be asked, or does not know it.
std::optional<std::string> only_info_hash(const std::filesystem::path& mountpoint);

}  // namespace btfs::cli
