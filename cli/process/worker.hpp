// Worker: a thread that runs jobs one after the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// Runs jobs that wait for the disk, as the engine thread must not. post() is called on any thread, also
/// before start(). Logs what a job throws.
class Worker {
  public:
    using Job = std::function<void()>;

    Worker() = default;
    ~Worker() { end(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Queues a job, to be run at `when` or later. Jobs run in the order of their times.
    void post(Job job, TimePoint when = Clock::now());
    void start();
    /// Waits for the job under way and drops the others.
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
