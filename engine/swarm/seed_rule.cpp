#include "engine/swarm/seed_rule.hpp"

namespace btfs {

void SeedRule::set_goals(const SeedGoals& goals) {
    goals_ = goals;
    ratio_is_reached_ = false;
    time_is_over_ = false;
}

std::optional<SeedGoal> SeedRule::judge(const Totals& totals, TimePoint now) {
    if (!totals.complete) {
        complete_since_.reset();
        time_is_over_ = false;
    } else if (!complete_since_) {
        complete_since_ = now;
    }
    if (now >= next_timeout()) time_is_over_ = true;
    if (goals_.ratio) {
        const double owed = *goals_.ratio * static_cast<double>(had_at_start_ + totals.downloaded);
        const double least = ratio_is_reached_ ? kAgain * owed : owed;
        ratio_is_reached_ = owed > 0 && static_cast<double>(totals.uploaded) >= least;
    }
    if (ratio_is_reached_) return SeedGoal::ratio;
    return time_is_over_ ? std::optional(SeedGoal::time) : std::nullopt;
}

TimePoint SeedRule::next_timeout() const {
    if (!goals_.time || !complete_since_ || time_is_over_) return kNever;
    return *complete_since_ + *goals_.time;
}

}  // namespace btfs
