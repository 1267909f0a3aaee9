#include "engine/swarm/rate_limit.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {
namespace {

/// Rounding errors of credit, in bytes.
constexpr double kTolerance = 1e-3;

}  // namespace

double RateLimit::bytes_in(Duration time) const {
    return std::max(static_cast<double>(kBlockSize), rate_ * seconds(time));
}

double RateLimit::bytes_of_turn(const Share& share) const {
    return bytes_of_turn() * (share.priority_ == TransferPriority::high ? kPriorityStep : 1);
}

Duration RateLimit::time_for(double bytes) const {
    return bytes <= 0 ? Duration{} : from_seconds(bytes / rate_) + Duration(1);
}

void RateLimit::set_rate(double bytes_per_second, TimePoint now) {
    advance(now);
    rate_ = bytes_per_second;
    if (is_unlimited()) {
        credit_ = returned_ = 0;
    } else {
        credit_ = std::min(credit_, most_kept());
        returned_ = std::min(returned_, rate_ * seconds(kLongestDebt));
    }
}

void RateLimit::advance(TimePoint now) {
    if (now <= at_) return;
    if (is_unlimited()) return void(at_ = now);
    const double earned = rate_ * seconds(now - at_);
    const double returned = std::min(returned_, kReturnedShare * earned);
    at_ = now;
    returned_ -= returned;
    credit_ = std::min(credit_ + earned + returned,
                       queue_.empty() && !keeps_credit_ ? bytes_in(kBurst) : most_kept());
}

void RateLimit::give_back(double bytes) {
    if (is_unlimited()) return;
    const double at_once = std::clamp(bytes_in(kBurst) - credit_, 0.0, bytes);
    credit_ += at_once;
    returned_ = std::min(returned_ + bytes - at_once, rate_ * seconds(kLongestDebt));
}

void RateLimit::charge(double bytes) {
    if (is_unlimited()) return;
    const double waiting = std::min(returned_, bytes);
    returned_ -= waiting;
    credit_ = std::max(credit_ - (bytes - waiting), -rate_ * seconds(kLongestDebt));
}

bool RateLimit::take(Share& share, std::size_t bytes, Urgency urgency, TimePoint now) {
    assert(bytes <= kBlockSize);
    advance(now);
    if (share.queued_ && share.urgency_ != urgency) {
        leave(share);
        enqueue(share, urgency);
    }
    const bool first = queue_.empty() || queue_.begin()->share == &share ||
                       (!share.queued_ && static_cast<std::uint8_t>(urgency) < queue_.begin()->rank);
    if (!first || credit_ + kTolerance < static_cast<double>(bytes)) {
        if (!share.queued_) enqueue(share, urgency);
        return false;
    }
    credit_ -= static_cast<double>(bytes);
    share.taken_ += static_cast<double>(bytes);
    if (share.queued_ && share.taken_ >= bytes_of_turn(share)) leave(share);
    unused_since_ = kNever;
    return true;
}

void RateLimit::enqueue(Share& share, Urgency urgency, bool absent) {
    share.queued_ = true;
    share.urgency_ = urgency;
    share.rank_ = absent ? kAbsent : static_cast<std::uint8_t>(urgency);
    share.ticket_ = next_ticket_++;
    // Lets each share that waits have some turns more before this one.
    if (share.priority_ == TransferPriority::low) share.ticket_ += (kPriorityStep - 1) * queue_.size();
    share.taken_ = 0;
    queue_.insert({share.rank_, share.ticket_, &share});
}

void RateLimit::leave(Share& share) {
    queue_.erase({share.rank_, share.ticket_, &share});
    share.queued_ = false;
    share.taken_ = 0;
    unused_since_ = kNever;
}

bool RateLimit::is_turn(Share& share, TimePoint now) {
    advance(now);
    if (is_unlimited()) return true;
    if (share.rank_ == kAbsent) {
        leave(share);
        enqueue(share, share.urgency_);
    }
    if (credit_ + kTolerance < bytes_of_turn()) return false;
    Share& first = *queue_.begin()->share;
    if (&first == &share) return true;
    if (unused_since_ == kNever) unused_since_ = now;
    if (now < unused_since_ + kPatience) return false;
    leave(first);
    enqueue(first, first.urgency_, true);
    return queue_.begin()->share == &share;
}

TimePoint RateLimit::ready_at(const Share& share) const {
    if (rate_ == 0) return kNever;
    if (is_unlimited()) return at_;
    const Place& first = *queue_.begin();
    if (first.share == &share) return at_ + time_for(bytes_of_turn() - credit_);
    // Each turn before ours takes about as long. They may end sooner, so we look again after kPatience.
    const double turns = first.rank == share.rank_ ? static_cast<double>(share.ticket_ - first.ticket) : 1;
    const double before = std::min(turns * bytes_of_turn() - credit_, bytes_in(kPatience));
    return at_ + time_for(std::max(before, bytes_of_turn()));
}

// ---- shares ----

bool RateLimit::Share::try_take(std::size_t bytes, Urgency urgency, TimePoint now) {
    if (is_held(urgency)) return false;
    held_ = !limit_->take(*this, bytes, urgency, now);
    return !held_;
}

void RateLimit::Share::give_back(std::uint64_t bytes) {
    if (limit_) limit_->give_back(static_cast<double>(bytes));
}

void RateLimit::Share::undo(std::size_t bytes) {
    if (!is_limited()) return;
    limit_->credit_ += static_cast<double>(bytes);
    taken_ = std::max(taken_ - static_cast<double>(bytes), 0.0);
}

void RateLimit::Share::withdraw() {
    if (queued_) limit_->leave(*this);
    held_ = in_turn_ = false;
}

void RateLimit::Share::charge(std::uint64_t bytes) {
    if (limit_) limit_->charge(static_cast<double>(bytes));
}

bool RateLimit::Share::begin_turn(TimePoint now) {
    in_turn_ = queued_ && limit_->is_turn(*this, now);
    if (in_turn_) held_ = false;
    return in_turn_;
}

void RateLimit::Share::end_turn() {
    if (std::exchange(in_turn_, false) && !held_ && queued_) limit_->leave(*this);
}

}  // namespace btfs
