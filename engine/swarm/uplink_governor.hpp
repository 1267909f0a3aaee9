// Keeps the queue in front of our uplink short, so that uploads leave the line usable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs {

/// Bytes per second that uploads may take together so that packets wait no longer than kTarget because of
/// them: LEDBAT's idea (RFC 6817), on the round trips that the kernel measures of the connections that we
/// upload on. What waits at our own line is what all of them have in common: the least that a round trip of
/// any is above the shortest that the same connection had. A machine; on the engine thread.
///
/// A round trip cannot tell our uplink's queue from others: in front of our downlink, which our downloads
/// fill, or of the peers' uplinks. So it is tried: uploads make a pause, nearly. What packets wait then they
/// wait elsewhere, and that wait is left out from then on. And but for such a pause, uploads keep half of the
/// most that the uplink carried in the last minute.
class UplinkGovernor {
  public:
    static constexpr Duration kTarget = std::chrono::milliseconds(50);
    static constexpr Duration kPeriod = std::chrono::milliseconds(200);
    /// Rates are of the last periods, so many.
    static constexpr std::size_t kPeriods = 5;
    /// Packets have to wait for so many periods before it is tried whether uploads are why. A trial lasts
    /// kTrial periods, and there is one in kTrialEvery at most; in kTrialAgain if they waited elsewhere the
    /// last time.
    static constexpr int kOverFor = 3, kTrial = 4;
    static constexpr Duration kTrialEvery = std::chrono::seconds(15), kTrialAgain = std::chrono::seconds(4);
    /// Never less than that, in bytes per second: a line on which that is too much is not saved by us.
    static constexpr double kLeast = 16e3;
    static constexpr double kUnlimited = std::numeric_limits<double>::infinity();

    void on_sent(std::uint64_t bytes) { sent_ += bytes; }
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
        std::uint64_t sent;
    };

    bool begin_anew(TimePoint now);
    void measure(TimePoint now);
    void end_period(Duration queue, TimePoint now);
    void begin_trial(Duration queue, TimePoint now);
    void end_trial(Duration queue);
    void fall(double part);
    void rise(double part);

    // Of this period.
    TimePoint begin_{};
    std::uint64_t sent_ = 0;
    std::optional<Duration> queue_;  // the least
    std::deque<Period> last_;        // oldest first
    double rate_ = 0;                // of the last periods, bytes per second
    double most_ = 0;                // that there was lately
    double limit_ = kUnlimited;

    Duration elsewhere_{};  // what packets wait in other queues
    bool was_ours_ = true;  // the last trial has shown that they wait because of uploads
    int over_ = 0;          // periods in a row in which they waited too long
    int trial_left_ = 0;
    TimePoint next_trial_{};
    double limit_before_ = kUnlimited;  // when they began to wait
    Duration queue_before_{};           // at the begin of the trial, as the next
    double rate_before_ = 0;
};

}  // namespace btfs
