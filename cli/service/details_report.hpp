// All there is to tell of one torrent of a mount.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/service/status_text.hpp"
#include "engine/session/torrent_status.hpp"

namespace btfs::cli {

struct FileReport {
    std::string path;        ///< below the mountpoint
    std::uint64_t size = 0;  ///< in bytes
    std::uint64_t offset_in_torrent = 0;
    /// Bytes of it in pieces that are had; nothing while that is not known.
    std::optional<std::uint64_t> had = {};
    bool pinned = false;
};

struct DetailsReport {
    TorrentReport torrent;
    std::vector<tracker::TrackerStatus> trackers = {};
    std::vector<FileReport> files =
        {};  ///< in the order of their places in the torrent; none until it is shown
    std::optional<PieceMap> pieces = {};
};

}  // namespace btfs::cli
