// The limits of the whole process for content, in both directions.
#pragma once

#include <algorithm>
#include <optional>

#include "engine/swarm/rate_limit.hpp"
#include "engine/swarm/uplink_governor.hpp"

namespace btfs {

/// Limits of the process for content. Messages without content always pass. Uploads are limited by what the
/// user says and by what leaves the line usable (UplinkGovernor); downloads by the user alone.
struct TransferLimits {
    /// Bytes per second; nothing: no limit of the user's.
    TransferLimits(std::optional<std::uint64_t> up_rate, std::optional<std::uint64_t> down_rate,
                   bool local_peers_count)
        : local_counts(local_peers_count), most_up(rate_of(up_rate)), up(most_up), down(rate_of(down_rate)) {}

    /// Other limits of the user's from now on; those who wait have to be looked at again.
    void set_rates(std::optional<std::uint64_t> up_rate, std::optional<std::uint64_t> down_rate,
                   TimePoint now) {
        most_up = rate_of(up_rate);
        up.set_rate(std::min(most_up, uplink.limit()), now);
        down.set_rate(rate_of(down_rate), now);
    }

    /// Content has gone over the line.
    void on_sent(std::uint64_t bytes, TimePoint now) {
        uplink.on_sent(bytes);
        if (uplink.look(now)) up.set_rate(std::min(most_up, uplink.limit()), now);
    }

    /// The limits hold for peers in the local network, too.
    const bool local_counts;
    /// The user's limit, in bytes per second.
    double most_up;
    RateLimit up;
    RateLimit down;
    UplinkGovernor uplink;

  private:
    static double rate_of(std::optional<std::uint64_t> rate) {
        return rate ? static_cast<double>(*rate) : RateLimit::kUnlimited;
    }
};

}  // namespace btfs
