// TorrentChange: what a user changes of one torrent at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/service/torrent_limits.hpp"

namespace btfs::cli {

/// Changes to what the user wants of a torrent. What is empty stays as it is.
struct TorrentChange {
    /// Files by their places among those that ContentReport lists.
    struct Files {
        bool all = false;
        std::vector<std::uint32_t> some = {};
        bool empty() const { return !all && some.empty(); }
    };

    std::optional<std::string> label = {};
    std::optional<TorrentLimits> limits = {};
    std::optional<bool> paused = {};
    std::optional<std::vector<std::vector<std::string>>> trackers = {};  ///< in tiers
    Files pin = {};
    Files unpin = {};  ///< before any is pinned
};

}  // namespace btfs::cli
