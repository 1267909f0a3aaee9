#include "engine/utp/congestion_window.hpp"

#include <algorithm>

namespace btfs::utp {
namespace {

/// With so little queueing a loss is hardly congestion, and growth disturbs nobody.
constexpr Duration kLittleQueueing = CongestionWindow::kTarget / 4;
/// Part of the window that is left after a loss with little and with much queueing.
constexpr double kAfterLightLoss = 0.7, kAfterLoss = 0.5;
/// Parts of the window: growth in a round trip with little queueing, and the most it shrinks by.
constexpr double kLightGain = 1.0 / 16, kMostShrinking = 0.5;
/// Part of the way back to the window before the loss, in a round trip.
constexpr double kReturn = 0.25;

}  // namespace

CongestionWindow::CongestionWindow(std::size_t packet_size)
    : packet_size_(packet_size), window_(static_cast<double>(kInitialPackets * packet_size)) {}

void CongestionWindow::acknowledged(std::size_t bytes, Duration queueing, bool limited) {
    queueing_ = queueing;
    const double acked = static_cast<double>(bytes);
    const double off = seconds(kTarget - queueing) / seconds(kTarget);  // 1: empty queue, below 0: too long
    if (in_slow_start()) {
        if (queueing <= kSlowStartTarget) {
            if (limited) window_ += acked;
            return clamp();
        }
        slow_start_until_ = 0;
        before_loss_ = 0;
    }
    const double part = std::min(acked / window_, 1.0);  // of a round trip
    if (off < 0) {
        window_ -= window_ * std::min(-off, 1.0) * kMostShrinking * part;
    } else if (limited) {
        double gain = kGain;
        if (window_ < before_loss_) gain = std::max(gain, (before_loss_ - window_) * kReturn);
        if (queueing < kLittleQueueing) gain = std::max(gain, window_ * kLightGain);
        window_ += gain * off * part;
    }
    clamp();
}

void CongestionWindow::lost(TimePoint sent_at, TimePoint now) {
    if (sent_at <= reduced_at_) return;
    reduced_at_ = now;
    forgiven_ = window_;
    const double part = queueing_ < kLittleQueueing ? kAfterLightLoss : kAfterLoss;
    // A second loss before the window had returned: others want their part of the line.
    before_loss_ = window_ < before_loss_ ? window_ * (1 + part) / 2 : window_;
    window_ *= part;
    slow_start_until_ = 0;
    clamp();
}

void CongestionWindow::forgive_loss() {
    window_ = std::max(window_, forgiven_);
    forgiven_ = 0;
    clamp();
}

void CongestionWindow::timed_out(bool again) {
    if (!again) {
        slow_start_until_ = std::max(window_ / 2, least());
        before_loss_ = window_;
    }
    forgiven_ = 0;
    window_ = static_cast<double>(packet_size_);
}

void CongestionWindow::idled(Duration idle, Duration timeout) {
    const double initial = static_cast<double>(kInitialPackets * packet_size_);
    if (window_ <= initial) return;
    slow_start_until_ = std::max(slow_start_until_, window_ * 3 / 4);
    for (; idle >= timeout && window_ > initial; idle -= timeout) window_ *= 2.0 / 3;
    window_ = std::max(window_, initial);
}

void CongestionWindow::clamp() {
    window_ = std::clamp(window_, least(), static_cast<double>(kMost));
}

}  // namespace btfs::utp
