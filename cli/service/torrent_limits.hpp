// Limits of one torrent, as the user sets them with a Transmission remote.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "engine/core/time.hpp"
#include "engine/swarm/own_limits.hpp"
#include "engine/swarm/seed_rule.hpp"

namespace btfs::cli {

/// Source of a limit that a torrent may have of its own.
enum class LimitMode : std::uint8_t {
    of_session = 0,  ///< the limit that the mount's options give
    own = 1,
    none = 2,
};

/// Kept with the source of the torrent, or among its settings. The engine heeds all of it.
struct TorrentLimits {
    LimitMode seed_ratio_mode = LimitMode::of_session;
    double seed_ratio = 0;
    LimitMode seed_idle_mode = LimitMode::of_session;
    std::uint32_t seed_idle_minutes = 0;
    bool download_limited = false;
    std::uint32_t download_kB = 0;  ///< thousands of bytes per second
    bool upload_limited = false;
    std::uint32_t upload_kB = 0;  ///< thousands of bytes per second
    bool honors_session_limits = true;
    int bandwidth_priority = 0;                    ///< -1 (low) to 1 (high)
    std::optional<std::uint32_t> peer_limit = {};  ///< nothing: that of the mount

    bool operator==(const TorrentLimits&) const = default;

    /// Goals for the engine; nothing: those of the mount.
    std::optional<SeedGoals> seed_goals() const {
        switch (seed_ratio_mode) {
            case LimitMode::of_session:
                return std::nullopt;
            case LimitMode::own:
                return SeedGoals{.ratio = seed_ratio};
            case LimitMode::none:
                return SeedGoals{};
        }
        return std::nullopt;
    }

    /// Idle time after which uploading ends; nothing: it does not end for that.
    std::optional<Duration> seed_idle() const {
        if (seed_idle_mode != LimitMode::own) return std::nullopt;
        constexpr std::chrono::minutes kMost = std::chrono::hours(24 * 365 * 10);  // a Duration has 292 years
        return std::min(std::chrono::minutes(seed_idle_minutes), kMost);
    }

    /// Limits for the engine.
    OwnLimits for_engine() const {
        constexpr std::uint64_t kBytes = 1000;
        OwnLimits limits{.heeds_process = honors_session_limits,
                         .priority = static_cast<TransferPriority>(bandwidth_priority)};
        if (upload_limited) limits.upload = kBytes * upload_kB;
        if (download_limited) limits.download = kBytes * download_kB;
        if (peer_limit) limits.max_peers = *peer_limit;
        return limits;
    }
};

}  // namespace btfs::cli
