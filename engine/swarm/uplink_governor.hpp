// Keeps the queue in front of our uplink short, so that uploads leave the line usable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs {

/// Bytes per second that uploads may take together so that packets wait no longer than kTarget at our end of
/// the line: LEDBAT's idea (RFC 6817), on the round trips that the kernel measures of the connections that we
/// upload on. What waits at our own line is what all of them have in common: the least that a round trip of
/// any is above the shortest that the same connection had. A machine; on the engine thread.
///
/// A round trip cannot tell the uplink's queue from the downlink's, which our own downloads fill. So, while
/// we download about as fast as we ever did, uploads keep kShare of what the uplink is known to carry.
class UplinkGovernor {
  public:
    static constexpr Duration kTarget = std::chrono::milliseconds(50);
    static constexpr Duration kPeriod = std::chrono::milliseconds(200);
    /// Rates are of the last periods, so many.
    static constexpr std::size_t kPeriods = 5;
    /// Never less than that, in bytes per second: a line on which that is too much is not saved by us.
    static constexpr double kLeast = 16e3;
    static constexpr double kShare = 0.8;
    static constexpr double kUnlimited = std::numeric_limits<double>::infinity();

    void on_sent(std::uint64_t bytes) { sent_ += bytes; }
    void on_received(std::uint64_t bytes) { received_ += bytes; }
    /// A connection that we upload on: its round trip now, and the shortest it has had.
    void on_round_trip(Duration now, Duration shortest) {
        const Duration waits = std::max(Duration{}, now - shortest);
        queue_ = queue_ ? std::min(*queue_, waits) : waits;
    }
    /// Ends the period if it is over. Returns true if the limit is another one now. Called while something is
    /// sent.
    bool look(TimePoint now);

    /// Bytes per second.
    double limit() const { return limit_; }

  private:
    struct Period {
        TimePoint begin;
        std::uint64_t sent, received;
    };

    bool begin_anew(TimePoint now);
    void measure(TimePoint now);
    bool downlink_is_busy() const;
    double next_limit(Duration queue) const;

    // Of this period.
    TimePoint begin_{};
    std::uint64_t sent_ = 0, received_ = 0;
    std::optional<Duration> queue_;  // the least
    std::deque<Period> last_;        // oldest first
    // Bytes per second: of the last periods, and the most there was, which fades.
    double up_ = 0, down_ = 0;
    double most_up_ = 0, most_down_ = 0;
    double limit_ = kUnlimited;
};

}  // namespace btfs
