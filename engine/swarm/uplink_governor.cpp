#include "engine/swarm/uplink_governor.hpp"

#include <utility>

namespace btfs {
namespace {

/// The most by which the limit changes in one period.
constexpr double kFall = 0.3;
constexpr double kRise = 0.05;
/// A limit that is that many times what is sent limits nothing.
constexpr double kFarAbove = 4;
/// What is left of the highest rate after a period in which less passed: half of it after a minute.
constexpr double kFades = 0.998;
/// A rate that is this part of another is about the same.
constexpr double kAbout = 0.8;

}  // namespace

bool UplinkGovernor::look(TimePoint now) {
    if (now < begin_ + kPeriod) return false;
    if (now > begin_ + kPeriods * kPeriod) return begin_anew(now);
    measure(now);
    const std::optional<Duration> queue = std::exchange(queue_, std::nullopt);
    const double before = limit_;
    if (queue) limit_ = next_limit(*queue);
    return limit_ != before;
}

/// Nothing was sent for a while.
bool UplinkGovernor::begin_anew(TimePoint now) {
    last_.clear();
    begin_ = now;
    sent_ = received_ = 0;
    queue_.reset();
    return false;
}

/// Ends the period, and reckons the rates.
void UplinkGovernor::measure(TimePoint now) {
    last_.push_back({begin_, sent_, received_});
    if (last_.size() > kPeriods) last_.pop_front();
    begin_ = now;
    sent_ = received_ = 0;
    std::uint64_t sent = 0, received = 0;
    for (const Period& period : last_) {
        sent += period.sent;
        received += period.received;
    }
    const double time = seconds(now - last_.front().begin);
    up_ = static_cast<double>(sent) / time;
    down_ = static_cast<double>(received) / time;
    most_down_ = std::max(down_, most_down_ * kFades);
    // What we hold back ourselves says nothing about the line.
    const bool held_back = limit_ < kUnlimited && up_ > kAbout * limit_;
    most_up_ = std::max(up_, held_back ? most_up_ : most_up_ * kFades);
}

/// Returns true if we download about as fast as we ever did, and much.
bool UplinkGovernor::downlink_is_busy() const {
    return down_ > kAbout * most_down_ && down_ > up_;
}

double UplinkGovernor::next_limit(Duration queue) const {
    const double least = std::max(kLeast, downlink_is_busy() ? kShare * most_up_ : 0);
    const double off = 1 - seconds(queue) / seconds(kTarget);  // > 0: there is room
    if (off < 0) return std::max(least, std::min(limit_, up_) * (1 + kFall * std::max(-1.0, off)));
    if (limit_ > kFarAbove * up_) return kUnlimited;
    return std::max(least, limit_ * (1 + kRise * off));
}

}  // namespace btfs
