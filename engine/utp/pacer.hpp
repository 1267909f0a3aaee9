// Pacer: spreads the packets of a window over the round trip, so that they do not overflow a short queue.
#pragma once

#include <algorithm>
#include <cstddef>

#include "engine/core/time.hpp"

namespace btfs::utp {

class Pacer {
  public:
    /// Bytes that may leave at once.
    static constexpr std::size_t kBurst = 10 * 1500;
    /// A packet that would leave within this time may leave at once: timers are not finer.
    static constexpr Duration kTick = std::chrono::milliseconds(1);
    /// Round trips shorter than this are not paced.
    static constexpr Duration kShortRoundTrip = std::chrono::milliseconds(2);

    /// Sends `window` bytes in a round trip, `factor` times as fast. 0 as round trip: no pacing.
    void set_rate(std::size_t window, Duration round_trip, double factor) {
        if (round_trip < kShortRoundTrip) {
            per_byte_ = 0;
            return;
        }
        per_byte_ = static_cast<double>(round_trip.count()) / (static_cast<double>(window) * factor);
    }
    /// The earliest time at which the next packet may leave.
    TimePoint next() const { return per_byte_ == 0 ? TimePoint{} : full_at_ - burst(); }
    void sent(std::size_t bytes, TimePoint now) {
        full_at_ = std::max(full_at_, now) +
                   Duration(static_cast<Duration::rep>(per_byte_ * static_cast<double>(bytes)));
    }

  private:
    Duration burst() const {
        return std::max(kTick, Duration(static_cast<Duration::rep>(per_byte_ * static_cast<double>(kBurst))));
    }

    double per_byte_ = 0;  ///< nanoseconds
    TimePoint full_at_{};  ///< all that was sent would have left by then at the rate
};

}  // namespace btfs::utp
