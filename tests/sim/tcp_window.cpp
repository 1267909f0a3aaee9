#include "tests/sim/tcp_window.hpp"

#include <algorithm>
#include <cmath>

namespace btfs::sim {
namespace {

constexpr double kDecrease = 0.7;
constexpr double kCubic = 0.4;      // segments per second^3
constexpr double kFriendly = 0.53;  // segments a round trip, as Reno would grow at this decrease
constexpr Duration kLeastTimeout = 200ms;
constexpr double kHystartFrom = 16 * TcpWindow::kSegment;

}  // namespace

Duration TcpWindow::timeout() const {
    return round_trip_ + kLeastTimeout;
}

void TcpWindow::on_send(std::uint64_t in_flight, TimePoint now) {
    if (in_flight == 0 && last_sent_ != TimePoint{}) {
        const Duration idle = now - last_sent_;
        if (idle > timeout()) threshold_ = std::max(threshold_, 0.75 * window_);
        for (Duration left = idle - timeout(); left > Duration{} && window_ > kInitial; left -= timeout())
            window_ = std::max(kInitial, window_ / 2);
        if (growing_since_) *growing_since_ += idle;  // idle time does not count as time to grow
    }
    last_sent_ = now;
}

void TcpWindow::on_acked(std::uint64_t bytes, std::uint64_t in_flight, Duration round_trip, TimePoint now) {
    least_round_trip_ = std::min(least_round_trip_, round_trip);
    round_trip_ = round_trip_ == Duration{} ? round_trip : (7 * round_trip_ + round_trip) / 8;
    const auto acked = static_cast<double>(bytes);
    if (window_ < threshold_) {
        const Duration delayed = std::clamp<Duration>(least_round_trip_ / 8, 4ms, 16ms);
        if (window_ >= kHystartFrom && round_trip > least_round_trip_ + delayed) return leave_slow_start();
        if (window_ < 2.0 * static_cast<double>(in_flight)) window_ += acked;
        return;
    }
    if (static_cast<double>(in_flight) < window_ - 4 * kSegment) return;
    if (!growing_since_) growing_since_ = now;
    const double aim = cubic(seconds(now - *growing_since_ + round_trip_));
    const double growth = std::max(std::clamp(aim - window_, 0.0, window_ / 2), kFriendly * kSegment);
    window_ += growth * acked / window_;
}

double TcpWindow::cubic(double seconds_since_loss) const {
    const double before = std::max(window_at_loss_, window_) / kSegment;
    const double back_after = std::cbrt(before * (1 - kDecrease) / kCubic);
    return (kCubic * std::pow(seconds_since_loss - back_after, 3) + before) * kSegment;
}

void TcpWindow::on_loss(TimePoint now) {
    if (now < recovering_until_) return;  // one loss event for each round trip
    recovering_until_ = now + round_trip_;
    window_at_loss_ = window_;
    window_ = threshold_ = std::max(2 * kSegment, window_ * kDecrease);
    growing_since_.reset();
}

void TcpWindow::on_timeout(TimePoint now) {
    on_loss(now);
    window_ = kSegment;
}

}  // namespace btfs::sim
