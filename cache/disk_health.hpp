// Whether the cache's disk takes what is written, and what may be tried while it does not.
#pragma once

#include <mutex>
#include <utility>

#include "engine/core/time.hpp"

namespace btfs {

/// Failing begins with a failed write and ends with one that works when none has failed for kRetryAfter: a
/// short last piece fits onto a full disk, and means nothing. Meanwhile nothing is fetched ahead but one
/// piece per kRetryAfter, to find out. Called from any thread.
class DiskHealth {
  public:
    static constexpr Duration kRetryAfter = 3s;

    /// True if that is news.
    bool on_write_failed(TimePoint now) {
        std::lock_guard lock(mutex_);
        last_failure_ = now;
        return !std::exchange(failing_, true);
    }
    bool on_write_worked(TimePoint now) {
        std::lock_guard lock(mutex_);
        if (!failing_ || now < last_failure_ + kRetryAfter) return false;
        probe_ = false;
        failing_ = false;
        return true;
    }

    bool failing() {
        std::lock_guard lock(mutex_);
        return failing_;
    }
    /// May a piece be fetched that nobody waits for? Takes the probe, if there is one.
    bool admits_ahead() {
        std::lock_guard lock(mutex_);
        if (!failing_) return true;
        return std::exchange(probe_, false);
    }
    /// kRetryAfter has passed.
    void allow_probe() {
        std::lock_guard lock(mutex_);
        probe_ = true;
    }

  private:
    std::mutex mutex_;
    // Guarded by mutex_:
    bool failing_ = false;
    TimePoint last_failure_{};
    bool probe_ = false;
};

}  // namespace btfs
