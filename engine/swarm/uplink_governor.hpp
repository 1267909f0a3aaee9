// Keeps the queue in front of our uplink short, so that uploads leave the line usable.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs {

/// Bytes per second that uploads may take together so that packets wait no longer than kTarget at our end of
/// the line: LEDBAT's idea (RFC 6817), on the round trips that the kernel measures of the connections that we
/// upload on. What waits at our own line is what all of them have in common: the least that a round trip of
/// any is above the shortest that the same connection ever had. A machine; on the engine thread.
class UplinkGovernor {
  public:
    static constexpr Duration kTarget = std::chrono::milliseconds(50);
    static constexpr Duration kPeriod = std::chrono::milliseconds(200);
    /// Never less than that, in bytes per second: a line on which that is too much is not saved by us.
    static constexpr double kLeast = 16e3;
    static constexpr double kUnlimited = std::numeric_limits<double>::infinity();

    /// A connection that we upload on: its round trip now, and the shortest it has had.
    void on_round_trip(Duration now, Duration shortest) {
        const Duration waits = std::max(Duration{}, now - shortest);
        queue_ = queue_ ? std::min(*queue_, waits) : waits;
    }
    /// Ends a period in which so many bytes per second were sent.
    void end_period(double rate);

    double limit() const { return limit_; }

  private:
    std::optional<Duration> queue_;  // the least of this period
    double limit_ = kUnlimited;
};

}  // namespace btfs
