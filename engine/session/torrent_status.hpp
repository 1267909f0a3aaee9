// Snapshot of a torrent's state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "engine/tracker/announcer.hpp"

namespace btfs {

struct TorrentStatus {
    std::size_t peers = 0;        ///< connected
    std::size_t peers_known = 0;  ///< by their address, connected ones included
    std::size_t seeds = 0;        ///< among the connected
    TransferRates rates;
    /// Nothing while only the torrent's name is known.
    struct Content {
        std::uint64_t size = 0;
        std::uint64_t left = 0;
    };
    std::optional<Content> content;
    MetadataProgress metadata;  ///< until then
    /// Nobody is unchoked any more, since this goal is reached.
    std::optional<SeedGoal> seeding_ended = {};
    /// The one that answers; else the first with a message. Nothing without usable trackers.
    std::optional<tracker::TrackerStatus> tracker;
    /// Trackers whose URLs cannot be used, the first kMaxUnusableShown.
    std::vector<tracker::TrackerStatus> unusable_trackers = {};
    static constexpr std::size_t kMaxUnusableShown = 5;
};

}  // namespace btfs
