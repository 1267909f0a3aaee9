#include "engine/log/line_writer.hpp"

#include <signal.h>

#include <thread>
#include <utility>

namespace btfs::log {

LineWriter::LineWriter(std::function<void(std::uint64_t)> tell_dropped)
    : tell_dropped_(std::move(tell_dropped)) {
    // Signals are for the threads that wait for them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread([this] { run(); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LineWriter::push(Job job, std::size_t bytes) {
    {
        std::lock_guard lock(mutex_);
        if (bytes_ + bytes > kMaxBytes) {
            ++dropped_;
            return;
        }
        bytes_ += bytes;
        ++pushed_count_;
        lines_.push_back({std::move(job), bytes});
    }
    pushed_.notify_one();
}

bool LineWriter::wait_until_written(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return written_.wait_for(lock, at_most, [this, goal = pushed_count_] { return written_count_ >= goal; });
}

void LineWriter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        pushed_.wait(lock, [this] { return !lines_.empty(); });
        Line line = std::move(lines_.front());
        lines_.pop_front();
        const std::uint64_t dropped = std::exchange(dropped_, 0);
        lock.unlock();
        line.job();
        if (dropped > 0) tell_dropped_(dropped);
        lock.lock();
        bytes_ -= line.bytes;
        ++written_count_;
        written_.notify_all();
    }
}

}  // namespace btfs::log
