// Worker: a thread that runs jobs one after the other.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

#include "cli/process/failure.hpp"
#include "engine/core/time.hpp"

namespace btfs::cli {

/// A worker has ended, and does not do what it was asked.
class WorkerEnded : public Failure {
  public:
    using Failure::Failure;
};

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
    /// Runs f() as a job, waits for it, and returns what it returns. Throws a Failure with the message and
    /// the error of what it throws, since an exception stays on its thread; WorkerEnded if the job was
    /// dropped. Not on the worker's own thread.
    template <class F>
    std::invoke_result_t<F> call(F f) {
        using Outcome = std::variant<std::monostate, std::invoke_result_t<F>, Problem>;
        std::promise<Outcome> promise;
        std::future<Outcome> future = promise.get_future();
        post([answer = std::make_shared<Answer<Outcome>>(std::move(promise)), f = std::move(f)]() mutable {
            try {
                answer->outcome.template emplace<1>(f());
            } catch (const Failure& failure) {
                answer->outcome.template emplace<2>(Problem{failure.what(), failure.error()});
            } catch (const std::exception& failure) {
                answer->outcome.template emplace<2>(Problem{failure.what(), {}});
            }
        });
        Outcome outcome = future.get();
        if (outcome.index() == 0) throw WorkerEnded("the mount is ending");
        if (const auto* const problem = std::get_if<2>(&outcome))
            throw Failure::with_message(problem->message, problem->error);
        return std::get<1>(std::move(outcome));
    }
    void start();
    /// Waits for the job under way and drops the others.
    void end();

  private:
    /// An exception of a job.
    struct Problem {
        std::string message;
        Error error;
    };
    /// Answers with what has come of a job when that is destroyed, whether it was run or dropped.
    template <class Outcome>
    struct Answer {
        explicit Answer(std::promise<Outcome> to) : promise(std::move(to)) {}
        ~Answer() { promise.set_value(std::move(outcome)); }
        Answer(const Answer&) = delete;
        Answer& operator=(const Answer&) = delete;

        std::promise<Outcome> promise;
        Outcome outcome;
    };

    void work();

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::multimap<TimePoint, Job> jobs_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace btfs::cli
