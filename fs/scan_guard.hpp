// Rate limit for what is fetched when a file is opened: tells a viewer from a program that scans all files.
#pragma once

#include <algorithm>

#include "engine/core/time.hpp"

namespace btfs {

/// A few openings in a row may start something ahead; of more, one in kRefill. Not thread-safe.
class ScanGuard {
  public:
    static constexpr double kBurst = 4;
    static constexpr Duration kRefill = std::chrono::seconds(2);

    bool admits(TimePoint now) {
        left_ = std::min(kBurst, left_ + seconds(now - last_) / seconds(kRefill));
        last_ = now;
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

  private:
    double left_ = kBurst;
    TimePoint last_{};
};

}  // namespace btfs
