#include "fs/kernel_dropper.hpp"

#include <unistd.h>

#include <utility>

namespace btfs {

void KernelDropper::drop(NodeId node, ByteRange range_in_file) {
    static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    // The kernel would round outwards, to bytes that may not be there.
    range_in_file = {units_for(range_in_file.begin, page) * page, range_in_file.end / page * page};
    if (range_in_file.empty()) return;
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() >= kMaxWaiting) return;
        waiting_.push_back({node, range_in_file});
    }
    changed_.notify_one();
}

void KernelDropper::drop(std::string name) {
    {
        std::lock_guard lock(mutex_);
        names_.push_back(std::move(name));
    }
    changed_.notify_one();
}

void KernelDropper::run(const Kernel& kernel) {
    std::unique_lock lock(mutex_);
    running_ = true;
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty() || !names_.empty(); });
        if (ending_) break;
        if (!names_.empty()) {
            const std::string name = std::move(names_.front());
            names_.pop_front();
            lock.unlock();
            kernel.drop_name(name);
        } else {
            const Pages pages = waiting_.front();
            waiting_.pop_front();
            lock.unlock();
            kernel.drop_pages(pages.node, pages.range_in_file);
        }
        lock.lock();
    }
    running_ = false;
    changed_.notify_all();
}

void KernelDropper::end() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
}

bool KernelDropper::wait_ended(std::optional<Duration> at_most) {
    std::unique_lock lock(mutex_);
    const auto ended = [this] { return !running_; };
    if (at_most) return changed_.wait_for(lock, *at_most, ended);
    changed_.wait(lock, ended);
    return true;
}

}  // namespace btfs
