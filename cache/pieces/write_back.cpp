#include "cache/pieces/write_back.hpp"

#include <utility>

namespace btfs {

WriteBack::Actions WriteBack::on_failed(Piece piece, TimePoint now) {
    Actions actions;
    std::lock_guard lock(mutex_);
    last_failure_ = now;
    actions.began_to_fail = !std::exchange(failing_, true);
    if (closed_) {
        actions.lost.push_back(std::move(piece));
        return actions;
    }
    kept_bytes_ += piece.buffer->bytes().size();
    kept_.push_back(std::move(piece));
    drop_beyond(kKeptBytes, 1, actions);
    arm(now + kRetryAfter, actions);
    return actions;
}

WriteBack::Actions WriteBack::on_written(TimePoint now) {
    Actions actions;
    std::lock_guard lock(mutex_);
    if (!failing_ || now < last_failure_ + kRetryAfter) return actions;
    failing_ = false;
    probe_ = false;
    credit_wanted_ = false;
    actions.recovered = actions.credit = true;
    write_all(actions);
    return actions;
}

WriteBack::Actions WriteBack::handle_timeout(TimePoint now) {
    Actions actions;
    std::lock_guard lock(mutex_);
    armed_ = false;
    if (!failing_ || closed_) return actions;
    const TimePoint due = last_failure_ + kRetryAfter;
    if (now < due) {  // too early for a test write
        arm(due, actions);
        return actions;
    }
    if (!kept_.empty()) {
        actions.write.push_back(take_oldest());
    } else {
        probe_ = true;
        actions.credit = std::exchange(credit_wanted_, false);
    }
    arm(now + kRetryAfter, actions);
    return actions;
}

WriteBack::Actions WriteBack::drop_oldest() {
    Actions actions;
    std::lock_guard lock(mutex_);
    if (!kept_.empty()) actions.lost.push_back(take_oldest());
    return actions;
}

WriteBack::Actions WriteBack::close() {
    Actions actions;
    std::lock_guard lock(mutex_);
    closed_ = true;
    write_all(actions);
    return actions;
}

bool WriteBack::failing() const {
    std::lock_guard lock(mutex_);
    return failing_;
}

bool WriteBack::keeps_some() const {
    std::lock_guard lock(mutex_);
    return !kept_.empty();
}

bool WriteBack::admits_ahead() {
    std::lock_guard lock(mutex_);
    if (!failing_ || std::exchange(probe_, false)) return true;
    credit_wanted_ = true;
    return false;
}

// ---- called with mutex_ held ----

WriteBack::Piece WriteBack::take_oldest() {
    Piece oldest = std::move(kept_.front());
    kept_.pop_front();
    kept_bytes_ -= oldest.buffer->bytes().size();
    return oldest;
}

void WriteBack::drop_beyond(std::size_t bytes, std::size_t count, Actions& actions) {
    while (kept_bytes_ > bytes && kept_.size() > count) actions.lost.push_back(take_oldest());
}

void WriteBack::write_all(Actions& actions) {
    while (!kept_.empty()) actions.write.push_back(take_oldest());
}

void WriteBack::arm(TimePoint at, Actions& actions) {
    if (!std::exchange(armed_, true)) actions.wake = at;
}

}  // namespace btfs
