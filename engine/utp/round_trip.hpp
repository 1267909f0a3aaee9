// Estimate of the round trip of a connection, and the time after which silence means loss.
#pragma once

#include <algorithm>

#include "engine/core/time.hpp"

namespace btfs::utp {

/// As BEP 29 says, with a cap. Samples are of packets that were sent once.
class RoundTrip {
  public:
    static constexpr Duration kFirstTimeout = std::chrono::seconds(1);
    static constexpr Duration kShortestTimeout = std::chrono::milliseconds(500);
    static constexpr Duration kLongestTimeout = std::chrono::seconds(15);

    void add(Duration sample) {
        latest_ = sample;
        if (!known_) {
            known_ = true;
            smoothed_ = shortest_ = sample;
            variance_ = sample / 2;
            return;
        }
        shortest_ = std::min(shortest_, sample);
        const Duration off = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
        variance_ += (off - variance_) / 4;
        smoothed_ += (sample - smoothed_) / 8;
    }

    bool known() const { return known_; }
    Duration latest() const { return latest_; }
    Duration smoothed() const { return smoothed_; }
    Duration shortest() const { return shortest_; }

    /// Before a packet counts as lost, after so many time-outs in a row without progress.
    Duration timeout(int in_a_row) const {
        const Duration once = known_ ? std::max(smoothed_ + 4 * variance_, kShortestTimeout) : kFirstTimeout;
        return std::min(once * (1 << std::clamp(in_a_row, 0, 5)), kLongestTimeout);
    }

  private:
    bool known_ = false;
    Duration latest_{}, smoothed_{}, shortest_{}, variance_{};
};

}  // namespace btfs::utp
