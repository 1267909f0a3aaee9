// Whether the cache's disk takes what is written, and what may be tried while it does not.
#pragma once

#include <mutex>

#include "engine/core/time.hpp"

namespace btfs {

/// Failing begins with a failed write and ends with one that works. Meanwhile nothing is fetched ahead but
/// one piece per kRetryAfter, to find out. Called from any thread.
class DiskHealth {
  public:
    static constexpr Duration kRetryAfter = 3s;

    /// True if that is news.
    bool on_write_failed() { return change(true); }
    bool on_write_worked() { return change(false); }

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
    bool change(bool failing) {
        std::lock_guard lock(mutex_);
        if (!failing) probe_ = false;
        return std::exchange(failing_, failing) != failing;
    }

    std::mutex mutex_;
    // Guarded by mutex_:
    bool failing_ = false;
    bool probe_ = false;
};

}  // namespace btfs
