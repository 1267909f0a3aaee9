// A thread that does one thing after the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// For what waits for the disk and so cannot be done on the engine thread. Jobs may be given from any thread,
/// and before start(). What they throw is logged.
class Worker {
  public:
    using Job = std::function<void()>;

    Worker() = default;
    ~Worker() { end(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Done at `when` or later, in the order of time.
    void post(Job job, TimePoint when = Clock::now());
    void start();
    /// Waits for the job under way; the others are dropped.
    void end();

  private:
    void work();

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::multimap<TimePoint, Job> jobs_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace btfs::cli
