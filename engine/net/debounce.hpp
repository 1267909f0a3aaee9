// Debounce: many events that come together count as one.
#pragma once

#include <algorithm>

#include "engine/core/time.hpp"

namespace btfs::net {

/// Due once no event has come for `quiet`, or the first of them is `longest` ago. A machine.
class Debounce {
  public:
    Debounce(Duration quiet, Duration longest) : quiet_(quiet), longest_(longest) {}

    void handle_event(TimePoint now) {
        if (first_ == kNever) first_ = now;
        last_ = now;
    }
    /// kNever without an event.
    TimePoint due() const { return first_ == kNever ? kNever : std::min(last_ + quiet_, first_ + longest_); }
    /// True if it is due, once.
    bool take(TimePoint now) {
        if (now < due()) return false;
        first_ = kNever;
        return true;
    }

  private:
    const Duration quiet_, longest_;
    TimePoint first_ = kNever;  ///< since it was last taken
    TimePoint last_{};
};

}  // namespace btfs::net
