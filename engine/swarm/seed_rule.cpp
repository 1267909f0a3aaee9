#include "engine/swarm/seed_rule.hpp"

#include <algorithm>
#include <utility>

namespace btfs {

void SeedRule::set_goals(const SeedGoals& goals) {
    goals_ = goals;
    ratio_is_reached_ = false;
    time_is_over_ = false;
    idle_is_over_ = false;
    idle_since_.reset();
}

void SeedRule::pause(TimePoint now) {
    paused_since_ = now;
}

void SeedRule::resume(TimePoint now) {
    if (paused_since_ && complete_since_) *complete_since_ += now - *paused_since_;
    paused_since_.reset();
    idle_is_over_ = false;
    if (idle_since_) idle_since_ = now;
}

std::optional<SeedGoal> SeedRule::judge(const Totals& totals, TimePoint now) {
    const bool has_uploaded = std::exchange(uploaded_, totals.uploaded) != totals.uploaded;
    if (!totals.complete) {
        complete_since_.reset();
        idle_since_.reset();
        time_is_over_ = false;
        idle_is_over_ = false;
    } else {
        if (!complete_since_) complete_since_ = now;
        if (!idle_since_ || has_uploaded) idle_since_ = now;
    }
    if (now >= time_due()) time_is_over_ = true;
    if (now >= idle_due()) idle_is_over_ = true;
    if (goals_.ratio) {
        const double owed = *goals_.ratio * static_cast<double>(had_at_start_ + totals.downloaded);
        const double least = ratio_is_reached_ ? kAgain * owed : owed;
        ratio_is_reached_ = owed > 0 && static_cast<double>(totals.uploaded) >= least;
    }
    if (ratio_is_reached_) return SeedGoal::ratio;
    if (time_is_over_) return SeedGoal::time;
    return idle_is_over_ ? std::optional(SeedGoal::idle) : std::nullopt;
}

TimePoint SeedRule::time_due() const {
    if (!goals_.time || !complete_since_ || time_is_over_) return kNever;
    return *complete_since_ + *goals_.time;
}

TimePoint SeedRule::idle_due() const {
    if (!goals_.idle || !idle_since_ || idle_is_over_) return kNever;
    return *idle_since_ + *goals_.idle;
}

TimePoint SeedRule::next_timeout() const {
    if (paused_since_) return kNever;
    return std::min(time_due(), idle_due());
}

}  // namespace btfs
