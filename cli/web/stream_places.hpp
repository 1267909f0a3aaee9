// Paths of /stream and /playlist, and the nodes of the mount that they lead to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/stream_head.hpp"
#include "fs/filesystem.hpp"

namespace btfs::cli {

/// A node of the mount that a path leads to.
struct StreamPlace {
    Attributes attributes;
    std::string name;      ///< the last name of the path; empty for the mount's root
    std::string redirect;  ///< of a symlink: where it leads to, relative to it, percent-encoded

    Validators validators() const;
};

/// Finds the node of a percent-encoded path below the mount's root; nothing if there is none. Nothing of
/// `.btfs` is found. Waits for neither network nor disk.
std::optional<StreamPlace> find_place(const Filesystem& files, std::string_view path);

/// Returns an M3U playlist of what players play below a folder, or of one file. `base` is the URL of the
/// place, "http://nas:9091/stream/TOKEN/A%20Series", without a slash at its end. At most kMaxPlaylist
/// entries.
std::string playlist(const Filesystem& files, const StreamPlace& place, const std::string& base);

inline constexpr std::size_t kMaxPlaylist = 10'000;

}  // namespace btfs::cli
