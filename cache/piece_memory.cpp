#include "cache/piece_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <list>
#include <mutex>
#include <new>
#include <numeric>
#include <vector>

namespace btfs {
namespace {

/// Freed memory that is kept, for each byte that is held.
constexpr std::size_t kIdleFactor = 4;

/// Whole pages from the kernel.
struct Pages {
    std::byte* begin = nullptr;
    std::size_t capacity = 0;
};

std::size_t whole_pages(std::size_t size) {
    static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return std::max<std::size_t>(units_for(size, page), 1) * page;
}

Pages map_pages(std::size_t capacity) {
    void* begin = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) throw std::bad_alloc();
    return {static_cast<std::byte*>(begin), capacity};
}

void unmap(Pages pages) {
    munmap(pages.begin, pages.capacity);
}

}  // namespace

class PieceMemory::Budget {
  public:
    explicit Budget(std::size_t budget_bytes) : budget_(budget_bytes) {}
    ~Budget() {
        for (Pages pages : idle_) unmap(pages);
    }

    Pages acquire(std::size_t capacity, MemoryUse use) {
        std::vector<Pages> surplus;
        Pages found;
        {
            std::unique_lock lock(mutex_);
            if (!admits(capacity, use)) {
                std::list<Waiting> asked;
                if (use == MemoryUse::blocked) asked.swap(spare_);
                lock.unlock();
                for (Waiting& spare : asked) spare.task();
                return {};
            }
            held(use) += capacity;
            auto fit = std::ranges::find(idle_, capacity, &Pages::capacity);
            if (fit != idle_.end()) {
                found = *fit;
                idle_bytes_ -= found.capacity;
                idle_.erase(fit);
            } else {
                // Pieces of another size are wanted now: what is kept must not come on top of the budget.
                trim(budget_ > total_held() ? budget_ - total_held() : 0, surplus);
            }
        }
        for (Pages pages : surplus) unmap(pages);
        return found.begin ? found : map_pages(capacity);
    }

    void release(Pages pages, MemoryUse use) {
        std::vector<Pages> surplus;
        std::vector<Task> ready;
        {
            std::lock_guard lock(mutex_);
            held(use) -= pages.capacity;
            idle_.push_back(pages);
            idle_bytes_ += pages.capacity;
            trim(idle_limit(), surplus);
            take_ready(ready);
        }
        for (Pages old : surplus) unmap(old);
        for (Task& task : ready) task();
    }

    void when_free(std::size_t capacity, MemoryUse use, const void* owner, Task task) {
        {
            std::lock_guard lock(mutex_);
            if (!admits(capacity, use)) {
                waiting_.push_back({capacity, use, owner, std::move(task)});
                return;
            }
        }
        task();
    }

    void when_short(const void* owner, Task task) {
        std::lock_guard lock(mutex_);
        spare_.push_back({0, MemoryUse::blocked, owner, std::move(task)});
    }

    void forget(const void* owner) {
        std::list<Waiting> dropped;  // destroyed after the lock is let go
        std::lock_guard lock(mutex_);
        for (std::list<Waiting>* list : {&waiting_, &spare_}) {
            for (auto next = list->begin(); next != list->end();) {
                auto it = next++;
                if (!owner || it->owner == owner) dropped.splice(dropped.end(), *list, it);
            }
        }
    }

    std::size_t held_bytes() {
        std::lock_guard lock(mutex_);
        return total_held();
    }
    std::size_t idle_bytes() {
        std::lock_guard lock(mutex_);
        return idle_bytes_;
    }

  private:
    struct Waiting {
        std::size_t capacity;
        MemoryUse use;
        const void* owner;
        Task task;
    };

    std::size_t& held(MemoryUse use) { return held_[static_cast<std::size_t>(use)]; }
    std::size_t total_held() const { return std::accumulate(held_.begin(), held_.end(), std::size_t{0}); }

    bool admits(std::size_t capacity, MemoryUse use) {
        if (use == MemoryUse::proof) return held(use) == 0 || held(use) + capacity <= kProofBudget;
        const std::size_t now = held(MemoryUse::ahead) + held(MemoryUse::blocked);
        if (use == MemoryUse::blocked) return held(use) == 0 || now + capacity <= budget_;
        const std::size_t open = budget_ > kBlockedReserve ? budget_ - kBlockedReserve : 0;
        return now == 0 || now + capacity <= open;
    }

    /// What is held comes and goes by as much within moments.
    std::size_t idle_limit() const {
        const std::size_t held = total_held();
        return std::min(std::max(kIdleFactor * held, kIdleBytes), budget_ > held ? budget_ - held : 0);
    }

    /// Oldest first: the newest are warm in the CPU's caches.
    void trim(std::size_t limit, std::vector<Pages>& surplus) {
        while (idle_bytes_ > limit) {
            idle_bytes_ -= idle_.front().capacity;
            surplus.push_back(idle_.front());
            idle_.pop_front();
        }
    }

    /// Everyone who would be admitted is told and asks again; nothing is set aside, as who was told may
    /// have lost interest, and nobody else must wait for that.
    void take_ready(std::vector<Task>& ready) {
        for (auto it = waiting_.begin(); it != waiting_.end();) {
            if (!admits(it->capacity, it->use)) {
                ++it;
                continue;
            }
            ready.push_back(std::move(it->task));
            it = waiting_.erase(it);
        }
    }

    const std::size_t budget_;
    std::mutex mutex_;
    // Guarded by mutex_:
    std::array<std::size_t, 3> held_{};
    std::deque<Pages> idle_;
    std::size_t idle_bytes_ = 0;
    std::list<Waiting> waiting_;
    std::list<Waiting> spare_;  ///< who can do without some
};

class PieceMemory::Buffer final : public PieceBuffer {
  public:
    Buffer(std::shared_ptr<Budget> budget, Pages pages, std::size_t size, MemoryUse use)
        : budget_(std::move(budget)), pages_(pages), size_(size), use_(use) {}
    ~Buffer() override { budget_->release(pages_, use_); }

    std::span<std::byte> bytes() override { return {pages_.begin, size_}; }

  private:
    std::shared_ptr<Budget> budget_;
    Pages pages_;
    std::size_t size_;
    MemoryUse use_;
};

PieceMemory::PieceMemory(std::size_t budget_bytes) : budget_(std::make_shared<Budget>(budget_bytes)) {}
PieceMemory::~PieceMemory() {
    budget_->forget(nullptr);
}

PieceBufferPtr PieceMemory::acquire(std::size_t size, MemoryUse use) {
    const Pages pages = budget_->acquire(whole_pages(size), use);
    if (!pages.begin) return nullptr;
    return std::make_shared<Buffer>(budget_, pages, size, use);
}

void PieceMemory::when_free(std::size_t size, MemoryUse use, const void* owner, Task task) {
    budget_->when_free(whole_pages(size), use, owner, std::move(task));
}

void PieceMemory::when_short(const void* owner, Task task) {
    budget_->when_short(owner, std::move(task));
}
void PieceMemory::forget(const void* owner) {
    budget_->forget(owner);
}
std::size_t PieceMemory::held_bytes() const {
    return budget_->held_bytes();
}
std::size_t PieceMemory::idle_bytes() const {
    return budget_->idle_bytes();
}

}  // namespace btfs
