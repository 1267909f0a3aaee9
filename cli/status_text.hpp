// How a mount fares, as text: `.btfs/status`, and the line that --wait shows.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/roster.hpp"
#include "engine/session/torrent_status.hpp"

namespace btfs::cli {

/// One torrent of the mount.
struct TorrentReport {
    RosterEntry entry;                    ///< its name is the one in the mount, if it is there
    std::optional<TorrentStatus> status;  ///< nothing while the engine has not got it
};

/// A line of totals, then a section for each torrent: an empty line, and lines of "key: value". README.md
/// describes them. Whatever others send of text is made one line without control characters.
std::string status_text(std::span<const TorrentReport> reports);

/// "waiting for metadata: 12 peers, 3 of 7 pieces", over all that is not visible yet and may still be.
std::string waiting_text(std::span<const TorrentReport> reports);

}  // namespace btfs::cli
