// Estimates when one peer delivers: its rate, its round trip, and the window that its TCP sends with.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs {

/// Learns from what a peer sends, and predicts when it will have sent more.
///
/// The sender's window is modelled because it decides what a cold peer can do: about 14.5 KB when new,
/// doubling in each round trip that uses all of it, halving for each retransmission time-out of idling (RFC
/// 2861, as cubic does). A piece is therefore fetched fastest from all peers at once when they are cold.
class PeerEstimate {
  public:
    explicit PeerEstimate(TimePoint now) : interval_begin_(now), last_received_(now) {}
    /// Keeps so many bytes in flight at least until the peer's rate grows no more: it sends over several
    /// connections at a time, and asking it costs nothing.
    void set_first_target(std::uint64_t bytes) { first_target_ = bytes; }

    /// A sample of the path's round trip: connecting took so long, or the kernel says so.
    void on_round_trip(Duration sample, TimePoint now);
    /// Bytes have arrived; `in_flight` is what is still expected, in bytes.
    void on_received(std::uint64_t bytes, std::uint64_t in_flight, TimePoint now);
    /// A request went out; `in_flight` is what was expected before it.
    void on_asked(std::uint64_t in_flight, TimePoint now);

    /// Prediction from one moment on: a value that answers many questions cheaply. Out of date once
    /// something was asked of the peer when its queue was empty, or something has come.
    class Forecast {
      public:
        /// How long until the last of `bytes` that are asked for now, and in flight, has come.
        Duration delivery_time(std::uint64_t bytes) const;
        /// How many bytes to keep in flight of what somebody waits for: enough that a window can double, too.
        /// More than that would wait where somebody else may send it sooner.
        std::uint64_t burst_in_flight() const { return burst_in_flight_; }

      private:
        friend class PeerEstimate;
        double window_ = 0;
        double round_trip_ = 0;  // seconds
        double rate_ = 0;        // 0: unknown
        std::uint64_t burst_in_flight_ = 0;
    };
    Forecast forecast(TimePoint now) const;

    Duration round_trip() const { return round_trip_; }
    /// Bytes per second at its best in the last second of work; nothing before a first measurement. Rest does
    /// not count: after a pause a peer is as fast as it was before.
    std::optional<double> rate() const;
    Duration delivery_time(std::uint64_t bytes, TimePoint now) const {
        return forecast(now).delivery_time(bytes);
    }
    /// How long until so many bytes that were asked for earlier will have come, if it goes on as lately; it
    /// has sent nothing since `silent_since`, though it could have.
    Duration remaining_time(std::uint64_t bytes, TimePoint silent_since, TimePoint now) const;
    /// How many bytes to keep in flight: enough to never run dry, and not much more.
    std::uint64_t target_in_flight() const;
    std::uint64_t burst_in_flight(TimePoint now) const { return forecast(now).burst_in_flight(); }

  private:
    struct Sample {
        Duration at;  ///< by worked_
        double bytes_per_second;
    };
    struct RoundTrip {
        TimePoint at;
        Duration value;
    };
    /// Bytes that came after a pause, and the queue at its end.
    struct Pulse {
        Duration pause;
        TimePoint begin;
        std::uint64_t queue;
        std::uint64_t received;
    };
    void watch_pulses(std::uint64_t bytes, std::uint64_t in_flight, TimePoint now);
    void end_interval(std::uint64_t in_flight, TimePoint now);
    Duration idle_halving() const;
    double window(TimePoint now) const;

    Duration round_trip_ = std::chrono::milliseconds(100);  // a guess until measured
    Duration jitter_{};
    std::deque<RoundTrip> round_trips_;
    std::optional<TimePoint> probe_sent_;

    std::deque<Sample> samples_;  // rates fall from front to back
    Duration worked_{};           // time that it was measured for
    double last_rate_ = 0;        // of the last interval
    double typical_rate_ = 0;     // of the last few
    /// From one arrival to another, without the bytes of the first.
    TimePoint interval_begin_;
    std::uint64_t interval_bytes_ = 0;
    bool interval_open_ = false;
    bool interval_busy_ = false;  // there was something in flight all the time
    bool starting_ = true;        // the rate still grows from interval to interval
    double boost_ = 1;
    std::optional<Pulse> pulse_;
    TimePoint asked_when_empty_{};

    std::uint64_t first_target_ = 0;
    double window_ = 14'500;
    double most_in_flight_ = 0;  // since it last had nothing to send
    TimePoint last_received_;
};

}  // namespace btfs
