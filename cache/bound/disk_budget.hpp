// Disk space that a cache directory may take: one bound for all of its torrents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

#include "cache/bound/shared_use.hpp"
#include "cache/disk/files.hpp"
#include "cache/disk/task.hpp"

namespace btfs {

/// Counts the bytes on disk, in whole blocks as `du` counts them, of all that lies in a cache directory, and
/// of what is promised to pieces that are under way. Space is taken before a piece is asked for, so what is
/// written never exceeds the bound. Called from any thread; waits for nothing.
class DiskBudget {
  public:
    static constexpr std::uint64_t kUnlimited = UINT64_MAX;

    /// Bytes on disk of `size` bytes that begin at a block's boundary.
    static constexpr std::uint64_t on_disk(std::uint64_t size) {
        return units_for(size, kDiskBlock) * kDiskBlock;
    }

    explicit DiskBudget(std::uint64_t limit = kUnlimited) : limit_(limit) {}
    DiskBudget(const DiskBudget&) = delete;
    DiskBudget& operator=(const DiskBudget&) = delete;

    std::uint64_t limit() const;
    /// By all processes that share it.
    std::uint64_t used() const;
    /// 0 if more is used than the limit allows, as when it was lowered.
    std::uint64_t free() const;
    /// A lower limit takes nothing away; who listens to shortage is told.
    void set_limit(std::uint64_t limit);

    /// Takes the space, or gives false: it is not there now. Tells of shortage, if little is left.
    bool take(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);
    /// Counts `after` instead of `before` bytes that lie on the disk beside what was taken, and `taken` more
    /// as taken: in one step, and whether or not they fit.
    void recount(std::uint64_t before, std::uint64_t after, std::uint64_t taken = 0);

    /// Called once, before any other function: what this and other processes take is told to each other. It
    /// outlives this.
    void share(SharedUse& shared) { shared_ = &shared; }
    bool is_shared() const { return shared_ != nullptr; }

    /// Says what may be evicted for a task that waits. for_room: nothing. for_eviction: what no reader is
    /// coming to, and no pin. urgently: anything.
    enum class Waits : std::uint8_t { for_room, for_eviction, urgently };
    /// Calls `task` once, as soon as such a take() may succeed: here and now, or on the thread that gives
    /// space back. The task has to be quick. It is dropped by forget(owner).
    void when_free(std::uint64_t bytes, Waits waits, const void* owner, Task task);
    void forget(const void* owner);
    /// The most that any task waits for that waits for_eviction or urgently; 0 if none does.
    std::uint64_t waited_for() const { return most_waited_for(Waits::for_eviction); }
    std::uint64_t urgently_waited_for() const { return most_waited_for(Waits::urgently); }
    /// Calls `listener` whenever space was taken and less than reserve() is left, and whenever somebody
    /// begins to wait for_eviction or urgently, on that thread. Called once, before any other function. Both
    /// have to be quick, and may ask for the limit.
    void on_shortage(std::function<std::uint64_t()> reserve, std::function<void()> listener);

  private:
    struct Waiting {
        std::uint64_t bytes;
        Waits waits;
        const void* owner;
        Task task;
    };
    using Waiters = std::list<Waiting>;

    std::uint64_t used_now() const { return used_ + (shared_ ? shared_->of_others() : 0); }
    std::uint64_t free_now() const {
        const std::uint64_t used = used_now();
        return used < limit_ ? limit_ - used : 0;
    }
    /// mutex_ is held.
    Waiters take_ready();
    void tell_if_short(std::uint64_t free) const;
    std::uint64_t most_waited_for(Waits least) const;

    SharedUse* shared_ = nullptr;
    std::function<std::uint64_t()> reserve_;
    std::function<void()> listener_;

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    std::uint64_t limit_;
    std::uint64_t used_ = 0;  ///< by this process, and by what nobody has open
    Waiters waiting_;
};

}  // namespace btfs
