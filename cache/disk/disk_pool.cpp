#include "cache/disk/disk_pool.hpp"

#include <algorithm>
#include <cassert>

#include "engine/core/signals_blocked.hpp"

namespace btfs {

DiskPool::DiskPool(unsigned threads) {
    threads = std::max(threads, 1u);
    bulk_limit_ = std::max(threads, 2u) - 1;
    queue(DiskWork::read).limit = threads;
    queue(DiskWork::verify).limit = bulk_limit_;
    queue(DiskWork::write).limit = std::max(bulk_limit_, 2u) - 1;
    threads_.reserve(threads);
    const SignalsBlocked no_signals;
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

DiskPool::~DiskPool() {
    std::vector<Delayed> dropped;
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
        dropped.swap(delayed_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

bool DiskPool::submit(DiskWork work, Task& job) {
    {
        std::lock_guard lock(mutex_);
        Queue& target = queue(work);
        if (work == DiskWork::read && target.jobs.size() >= kMaxQueuedReads) return false;
        target.jobs.push_back(std::move(job));
    }
    changed_.notify_one();
    return true;
}

void DiskPool::submit_always(DiskWork work, Task job) {
    assert(work != DiskWork::read);
    [[maybe_unused]] const bool taken = submit(work, job);
    assert(taken);
}

void DiskPool::submit_after(Duration delay, const void* owner, Task job) {
    {
        std::lock_guard lock(mutex_);
        delayed_.push_back({Clock::now() + delay, owner, std::move(job)});
    }
    changed_.notify_one();
}

void DiskPool::forget(const void* owner) {
    std::vector<Delayed> dropped;  // destroyed after the unlock
    std::lock_guard lock(mutex_);
    auto mine =
        std::partition(delayed_.begin(), delayed_.end(), [&](const Delayed& d) { return d.owner != owner; });
    std::move(mine, delayed_.end(), std::back_inserter(dropped));
    delayed_.erase(mine, delayed_.end());
}

void DiskPool::promote_due(TimePoint now) {
    for (std::size_t i = 0; i < delayed_.size();) {
        if (delayed_[i].due > now) {
            ++i;
            continue;
        }
        queue(DiskWork::verify).jobs.push_back(std::move(delayed_[i].job));
        delayed_.erase(delayed_.begin() + static_cast<std::ptrdiff_t>(i));
        changed_.notify_one();  // wakes one thread for each job that became due
    }
}

DiskPool::Queue* DiskPool::next_queue() {
    Queue& reads = queue(DiskWork::read);
    if (!reads.jobs.empty()) return &reads;

    Queue &verify = queue(DiskWork::verify), &write = queue(DiskWork::write);
    Queue& background = queue(DiskWork::background);
    if (verify.running + write.running + background.running >= bulk_limit_) return nullptr;
    const DiskWork turn = last_bulk_ == DiskWork::verify ? DiskWork::write : DiskWork::verify;
    const DiskWork other = last_bulk_;
    for (const DiskWork kind : {turn, other}) {
        Queue& candidate = queue(kind);
        if (candidate.jobs.empty() || candidate.running >= candidate.limit) continue;
        last_bulk_ = kind;
        return &candidate;
    }
    const bool may_run = !background.jobs.empty() && background.running < background.limit;
    return may_run ? &background : nullptr;
}

void DiskPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (!delayed_.empty()) promote_due(Clock::now());
        if (Queue* found = next_queue()) {
            // This thread may be the one that waits for delayed jobs: wakes another one to wait for them.
            if (!delayed_.empty()) changed_.notify_one();
            Task job = std::move(found->jobs.front());
            found->jobs.pop_front();
            ++found->running;
            lock.unlock();
            job();
            job = {};  // destroyed before the thread counts as free
            lock.lock();
            --found->running;
            if (ending_) changed_.notify_all();
            continue;
        }
        const bool empty = std::ranges::all_of(queues_, [](const Queue& q) { return q.jobs.empty(); });
        if (ending_ && empty) return;
        if (delayed_.empty()) {
            changed_.wait(lock);
        } else {
            const TimePoint due = std::ranges::min_element(delayed_, {}, &Delayed::due)->due;
            changed_.wait_until(lock, due);
        }
    }
}

}  // namespace btfs
