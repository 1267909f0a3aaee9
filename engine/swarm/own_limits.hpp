// Limits of one torrent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace btfs {

/// Tells what part of the process's limits a torrent gets while others wait for them, too.
enum class TransferPriority : std::int8_t { low = -1, normal = 0, high = 1 };

/// Limits that the user gives to one torrent, beside those of the process.
struct OwnLimits {
    /// Bytes of content per second; nothing: no limit. They hold for the peers that the process's limits hold
    /// for.
    std::optional<std::uint64_t> upload = {};
    std::optional<std::uint64_t> download = {};
    /// The process's limits of rates hold, too.
    bool heeds_process = true;
    TransferPriority priority = TransferPriority::normal;
    /// Connections; nothing: TorrentOptions::max_peers.
    std::optional<std::size_t> max_peers = {};

    bool operator==(const OwnLimits&) const = default;
};

}  // namespace btfs
