#include "engine/swarm/uplink_governor.hpp"

#include <utility>

namespace btfs {
namespace {

/// The most by which the limit changes in one period.
constexpr double kFall = 0.2;
constexpr double kRise = 0.05;
/// A trial takes this part of the uploads away.
constexpr double kTrialFall = 0.8;
/// A queue that is ours falls to this part of what it was in a trial, or less.
constexpr double kFallsTo = 0.7;
/// A limit that is that many times what is sent limits nothing.
constexpr double kFarAbove = 4;
/// Of the most that the uplink carried, which fades by half in a minute.
constexpr double kKeeps = 0.5, kFades = 0.998;
/// How much of a wait elsewhere that has ended is forgotten in a period.
constexpr double kForgets = 0.05;
/// The part of their rate that uploads keep, once a trial has shown that packets wait because of them.
constexpr double kKept = 0.7;

}  // namespace

bool UplinkGovernor::look(TimePoint now) {
    if (now < begin_ + kPeriod) return false;
    if (now > begin_ + kPeriods * kPeriod) return begin_anew(now);
    measure(now);
    const std::optional<Duration> queue = std::exchange(queue_, std::nullopt);
    const double before = limit_;
    if (queue) end_period(*queue, now);
    return limit_ != before;
}

/// Nothing was sent for a while.
bool UplinkGovernor::begin_anew(TimePoint now) {
    last_.clear();
    begin_ = now;
    sent_ = 0;
    queue_.reset();
    over_ = 0;
    if (std::exchange(trial_left_, 0) == 0) return false;
    limit_ = limit_before_;
    return true;
}

/// Ends the period, and reckons the rate.
void UplinkGovernor::measure(TimePoint now) {
    last_.push_back({begin_, sent_});
    if (last_.size() > kPeriods) last_.pop_front();
    begin_ = now;
    sent_ = 0;
    std::uint64_t sent = 0;
    for (const Period& period : last_) sent += period.sent;
    rate_ = static_cast<double>(sent) / seconds(now - last_.front().begin);
    most_ = std::max(rate_, most_ * kFades);
}

void UplinkGovernor::end_period(Duration queue, TimePoint now) {
    if (trial_left_ > 0) {
        if (--trial_left_ == 0) end_trial(queue);
        return;
    }
    if (queue < elsewhere_) elsewhere_ -= from_seconds(kForgets * seconds(elsewhere_ - queue));
    const double off = 1 - seconds(queue - elsewhere_) / seconds(kTarget);  // > 0: there is room
    over_ = off < 0 ? over_ + 1 : 0;
    if (over_ <= 1) limit_before_ = limit_;
    const bool doubtful = over_ >= kOverFor || elsewhere_ > kTarget;
    if (doubtful && now >= next_trial_) return begin_trial(queue, now);
    off < 0 ? fall(kFall * std::min(1.0, -off)) : rise(off);
}

void UplinkGovernor::begin_trial(Duration queue, TimePoint now) {
    next_trial_ = now + (over_ > 0 && !was_ours_ ? kTrialAgain : kTrialEvery);
    trial_left_ = kTrial;
    queue_before_ = queue;
    rate_before_ = rate_;
    limit_ = std::max(kLeast, std::min(limit_, rate_) * (1 - kTrialFall));
}

void UplinkGovernor::end_trial(Duration queue) {
    was_ours_ = seconds(queue) <= kFallsTo * seconds(queue_before_);
    elsewhere_ = queue;
    const bool too_long = std::exchange(over_, 0) > 0;
    limit_ = was_ours_ && too_long ? std::max(limit_, kKept * std::min(limit_before_, rate_before_))
                                   : limit_before_;
}

void UplinkGovernor::fall(double part) {
    limit_ = std::max({kLeast, kKeeps * most_, std::min(limit_, rate_) * (1 - part)});
}

void UplinkGovernor::rise(double part) {
    limit_ = limit_ > kFarAbove * rate_ ? kUnlimited : limit_ * (1 + kRise * part);
}

}  // namespace btfs
