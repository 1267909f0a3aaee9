// EndGuard: ends the process if its orderly end takes too long.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// A disk that hangs holds up whatever waits for it, destructors too. Once begin() was called, this has to be
/// destroyed before the deadline; else it logs an error and ends the process with kFailure, without
/// destructors. It is declared before all that may hang, so that it is destroyed last.
class EndGuard {
  public:
    EndGuard() = default;
    ~EndGuard();
    EndGuard(const EndGuard&) = delete;
    EndGuard& operator=(const EndGuard&) = delete;

    /// Called once. `message` is what is logged.
    void begin(TimePoint deadline, std::string message);

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace btfs::cli
