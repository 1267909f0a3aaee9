#include "cli/process/worker.hpp"

#include <exception>
#include <utility>

#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

void carry_out(const Worker::Job job) {
    try {
        job();
    } catch (const std::exception& failure) {
        log::error("{}", failure.what());
    }
}

}  // namespace

void Worker::post(Job job, TimePoint when) {
    {
        std::lock_guard lock(mutex_);
        if (ending_) return;
        jobs_.emplace(when, std::move(job));
    }
    changed_.notify_one();
}

void Worker::start() {
    thread_ = std::thread([this] { work(); });
}

void Worker::end() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    std::multimap<TimePoint, Job> dropped;  // destroyed without the lock
    std::lock_guard lock(mutex_);
    dropped.swap(jobs_);
}

void Worker::work() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
        if (jobs_.empty()) {
            changed_.wait(lock);
            continue;
        }
        if (const TimePoint due = jobs_.begin()->first; Clock::now() < due) {
            changed_.wait_until(lock, due);
            continue;
        }
        Job job = std::move(jobs_.extract(jobs_.begin()).mapped());
        lock.unlock();
        carry_out(std::move(job));
        lock.lock();
    }
}

}  // namespace btfs::cli
