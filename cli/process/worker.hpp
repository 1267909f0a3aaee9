// Worker: a thread that runs jobs one after the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

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

    /// Queues a job, to be run at `when` or later. Jobs run in the order of their times. After end() it is
    /// dropped.
    void post(Job job, TimePoint when = Clock::now());
    /// Runs f() as a job and waits for it. Returns what it returns, throws what it throws; std::future_error
    /// if it was dropped. Not on the worker's own thread.
    template <class F>
    std::invoke_result_t<F> call(F f) {
        auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(f));
        auto result = task->get_future();
        post([task = std::move(task)] { (*task)(); });
        return result.get();
    }
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
