// Limits of one torrent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace btfs {

/// Limits that the user gives to one torrent, beside those of the process.
struct OwnLimits {
    /// Bytes of content per second; nothing: no limit. They hold for the peers that the process's limits hold
    /// for.
    std::optional<std::uint64_t> upload = {};
    std::optional<std::uint64_t> download = {};
    /// The process's limits of rates hold, too.
    bool heeds_process = true;
    /// Connections; nothing: TorrentOptions::max_peers.
    std::optional<std::size_t> max_peers = {};

    bool operator==(const OwnLimits&) const = default;
};

}  // namespace btfs
