// How much a TCP sender may have in flight: cubic, as Linux does it.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs::sim {

/// Ten segments at first; doubles each round trip until a loss or a growing delay (HyStart) ends slow start;
/// then a cubic function of the time since the last loss. Halved for each retransmission time-out of idling.
class TcpWindow {
  public:
    static constexpr double kSegment = 1448;
    static constexpr double kInitial = 10 * kSegment;

    double bytes() const { return window_; }

    void on_send(std::uint64_t in_flight, TimePoint now);
    /// `in_flight` as it was before the acknowledgement: a window that is not used does not grow.
    void on_acked(std::uint64_t bytes, std::uint64_t in_flight, Duration round_trip, TimePoint now);
    /// A segment was lost, and others that followed it said so.
    void on_loss(TimePoint now);
    /// The retransmission timer has run out.
    void on_timeout(TimePoint now);
    /// How long the sender waits for an acknowledgement before it sends again.
    Duration timeout() const;

  private:
    void leave_slow_start() { threshold_ = window_; }
    double cubic(double seconds_since_loss) const;

    double window_ = kInitial;
    double threshold_ = 1e12;
    double window_at_loss_ = 0;
    std::optional<TimePoint> growing_since_;  // since the first acknowledgement after a loss
    TimePoint recovering_until_{};
    TimePoint last_sent_{};
    Duration least_round_trip_ = std::chrono::hours(1);
    Duration round_trip_{};
};

}  // namespace btfs::sim
