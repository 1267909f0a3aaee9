// Finds the mount that a command is about, and where its process can be asked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "cli/control/mount_record.hpp"

namespace btfs::cli {

/// A path in a mount of ours.
struct InMount {
    std::filesystem::path socket;  ///< at which its process can be asked
    std::string path;              ///< below the mountpoint
};

/// Returns true for a word with a slash, unless it is a URL; other words name torrents.
bool is_path(const std::string& word);

/// Throws Failure if the path leads into no mount that can be asked.
InMount locate(const std::filesystem::path& given);

/// Returns the torrent that a word of the command line names, and its mount: a path to the torrent, or a name
/// or info-hash in the mount at `mountpoint`, see socket_of(). Throws Failure: there is no such mount, or the
/// path leads to a mountpoint or into a torrent.
InMount torrent_named(const std::string& word, const std::filesystem::path& mountpoint);

/// Returns where the process of the mount can be asked; nothing if it cannot be, or is not found.
std::optional<std::filesystem::path> find_socket(const KernelMount& mount);

/// Returns the control socket of the mount at that mountpoint or, if it is empty, of this user's only mount;
/// root without a mount of its own may ask the only one that there is. Throws Failure: there is none, it
/// cannot be asked, or there are several.
std::filesystem::path socket_of(const std::filesystem::path& mountpoint);

}  // namespace btfs::cli
