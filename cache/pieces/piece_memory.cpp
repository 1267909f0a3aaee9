#include "cache/pieces/piece_memory.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <list>
#include <mutex>
#include <numeric>
#include <vector>

#include "cache/pieces/anonymous_pages.hpp"

namespace btfs {
namespace {

/// Freed bytes that are kept for each byte that is held.
constexpr std::size_t kIdleFactor = 4;

static_assert(LargePieceSizes{}.streamed_proof <= PieceMemory::kProofBudget);

}  // namespace

class PieceMemory::Budget {
  public:
    explicit Budget(std::size_t budget_bytes) : budget_(budget_bytes) {}

    bool reserve(std::size_t capacity, MemoryUse use) {
        std::list<Waiting> asked;
        {
            std::lock_guard lock(mutex_);
            if (admits(capacity, use)) {
                held(use) += capacity;
                return true;
            }
            if (use == MemoryUse::blocked) asked.swap(spare_);
        }
        for (Waiting& spare : asked) spare.task();
        return false;
    }

    /// Returns pages for a reservation, reused ones if some fit.
    AnonymousPages pages(std::size_t capacity) {
        std::vector<AnonymousPages> surplus;  // unmapped after the unlock
        {
            std::lock_guard lock(mutex_);
            auto fit = std::ranges::find(idle_, capacity, &AnonymousPages::capacity);
            if (fit != idle_.end()) {
                AnonymousPages found = std::move(*fit);
                idle_bytes_ -= capacity;
                idle_.erase(fit);
                return found;
            }
            // No kept pages have this size. Frees some, so that kept and held pages together stay within the
            // budget.
            trim(budget_ > total_held() ? budget_ - total_held() : 0, surplus);
        }
        return AnonymousPages(capacity);
    }

    /// Ends a reservation and keeps its pages, if there are any, for reuse.
    void release(std::size_t capacity, MemoryUse use, AnonymousPages pages) {
        std::vector<AnonymousPages> surplus;
        std::vector<Task> ready;
        {
            std::lock_guard lock(mutex_);
            held(use) -= capacity;
            idle_bytes_ += pages.capacity();
            if (pages) idle_.push_back(std::move(pages));
            trim(idle_limit(), surplus);
            take_ready(ready);
        }
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
        std::list<Waiting> dropped;  // destroyed after the unlock
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

    /// Returns how many freed bytes to keep: held memory varies by about as much within moments.
    std::size_t idle_limit() const {
        const std::size_t held = total_held();
        return std::min(std::max(kIdleFactor * held, kIdleBytes), budget_ > held ? budget_ - held : 0);
    }

    /// Frees kept pages down to the limit, the oldest first: the newest are warm in the CPU's caches.
    void trim(std::size_t limit, std::vector<AnonymousPages>& surplus) {
        while (idle_bytes_ > limit) {
            idle_bytes_ -= idle_.front().capacity();
            surplus.push_back(std::move(idle_.front()));
            idle_.pop_front();
        }
    }

    /// Takes the tasks of all waiters that would be admitted now; each asks again. No memory is set aside for
    /// them: a waiter may need it no longer, and the others must not wait for that.
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
    std::deque<AnonymousPages> idle_;
    std::size_t idle_bytes_ = 0;
    std::list<Waiting> waiting_;
    std::list<Waiting> spare_;  ///< owners that can give memory up
};

PieceMemory::Share::~Share() {
    if (budget_) budget_->release(bytes_, use_, {});
}

class PieceMemory::Buffer final : public PieceBuffer {
  public:
    Buffer(std::shared_ptr<Budget> budget, AnonymousPages pages, std::size_t size, MemoryUse use)
        : budget_(std::move(budget)), pages_(std::move(pages)), size_(size), use_(use) {}
    ~Buffer() override {
        const std::size_t capacity = pages_.capacity();
        budget_->release(capacity, use_, std::move(pages_));
    }

    std::span<std::byte> bytes() override { return pages_.first(size_); }

  private:
    std::shared_ptr<Budget> budget_;
    AnonymousPages pages_;
    std::size_t size_;
    MemoryUse use_;
};

PieceMemory::PieceMemory(std::size_t budget_bytes, const LargePieceSizes& large_pieces)
    : budget_(std::make_shared<Budget>(budget_bytes)), large_pieces_(large_pieces) {}
PieceMemory::~PieceMemory() {
    budget_->forget(nullptr);
}

PieceBufferPtr PieceMemory::acquire(std::size_t size, MemoryUse use) {
    const std::size_t capacity = AnonymousPages::whole_pages(size);
    if (!budget_->reserve(capacity, use)) return nullptr;
    return std::make_shared<Buffer>(budget_, budget_->pages(capacity), size, use);
}

std::optional<PieceMemory::Share> PieceMemory::reserve(std::size_t size, MemoryUse use) {
    const std::size_t capacity = AnonymousPages::whole_pages(size);
    if (!budget_->reserve(capacity, use)) return std::nullopt;
    return Share(budget_, capacity, use);
}

void PieceMemory::when_free(std::size_t size, MemoryUse use, const void* owner, Task task) {
    budget_->when_free(AnonymousPages::whole_pages(size), use, owner, std::move(task));
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
