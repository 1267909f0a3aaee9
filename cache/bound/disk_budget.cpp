#include "cache/bound/disk_budget.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace btfs {

std::uint64_t DiskBudget::limit() const {
    std::lock_guard lock(mutex_);
    return limit_;
}

std::uint64_t DiskBudget::used() const {
    std::lock_guard lock(mutex_);
    return used_now();
}

std::uint64_t DiskBudget::free() const {
    std::lock_guard lock(mutex_);
    return free_now();
}

void DiskBudget::set_limit(std::uint64_t limit) {
    Waiters ready;
    std::uint64_t free;
    {
        std::lock_guard lock(mutex_);
        limit_ = limit;
        free = free_now();
        ready = take_ready();
    }
    for (Waiting& waiting : ready) waiting.task();
    tell_if_short(free);
}

bool DiskBudget::take(std::uint64_t bytes) {
    std::uint64_t free;
    {
        std::lock_guard lock(mutex_);
        if (bytes > free_now()) return false;
        used_ += bytes;
        if (shared_) shared_->add(bytes);
        // Another process may have taken the same space. Then both see that here, and neither gets it.
        const bool fits = used_now() <= limit_;
        if (!fits) {
            used_ -= bytes;
            shared_->add(-bytes);
            return false;
        }
        free = free_now();
    }
    tell_if_short(free);
    return true;
}

void DiskBudget::recount(std::uint64_t before, std::uint64_t after, std::uint64_t taken) {
    Waiters ready;
    std::uint64_t free;
    {
        std::lock_guard lock(mutex_);
        assert(before <= used_);
        used_ += after + taken - before;
        if (shared_) shared_->add(taken);
        free = free_now();
        ready = take_ready();
    }
    for (Waiting& waiting : ready) waiting.task();
    tell_if_short(free);
}

void DiskBudget::give_back(std::uint64_t bytes) {
    Waiters ready;
    {
        std::lock_guard lock(mutex_);
        assert(bytes <= used_);
        used_ -= bytes;
        if (shared_) shared_->add(-bytes);
        ready = take_ready();
    }
    for (Waiting& waiting : ready) waiting.task();
}

/// Takes out all that might succeed. Each tries again, and may find that another one was quicker: then it
/// waits again.
DiskBudget::Waiters DiskBudget::take_ready() {
    Waiters ready;
    for (auto next = waiting_.begin(); next != waiting_.end();) {
        const auto it = next++;
        if (it->bytes <= free_now()) ready.splice(ready.end(), waiting_, it);
    }
    return ready;
}

void DiskBudget::tell_if_short(std::uint64_t free) const {
    if (listener_ && free < reserve_()) listener_();
}

void DiskBudget::when_free(std::uint64_t bytes, Waits waits, const void* owner, Task task) {
    {
        std::lock_guard lock(mutex_);
        if (bytes > free_now()) waiting_.push_back({bytes, waits, owner, std::exchange(task, {})});
    }
    if (task) return task();
    if (listener_ && waits != Waits::for_room) listener_();
}

void DiskBudget::forget(const void* owner) {
    Waiters dropped;  // destroyed after the unlock
    std::lock_guard lock(mutex_);
    for (auto next = waiting_.begin(); next != waiting_.end();) {
        const auto it = next++;
        if (it->owner == owner) dropped.splice(dropped.end(), waiting_, it);
    }
}

std::uint64_t DiskBudget::most_waited_for(Waits least) const {
    std::lock_guard lock(mutex_);
    std::uint64_t most = 0;
    for (const Waiting& waiting : waiting_)
        if (waiting.waits >= least) most = std::max(most, waiting.bytes);
    return most;
}

void DiskBudget::on_shortage(std::function<std::uint64_t()> reserve, std::function<void()> listener) {
    reserve_ = std::move(reserve);
    listener_ = std::move(listener);
}

}  // namespace btfs
