// Threads that wait for disks and hash pieces, so that no other thread has to.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "cache/disk/task.hpp"
#include "engine/core/time.hpp"

namespace btfs {

/// `background`: nobody waits for it.
enum class DiskWork : std::uint8_t { read, verify, write, background };

/// A few threads and a queue for each kind of work. Reads go first; verifying and writing take turns, so
/// that a piece somebody waits for stands behind one write at most, and one thread is always left over for
/// reads. Work in the background is done one job at a time, while there is none to verify or write that may
/// begin. One pool serves all torrents. All functions may be called from any thread, and wait for nothing.
class DiskPool {
  public:
    /// Reads that may wait in the queue.
    static constexpr std::size_t kMaxQueuedReads = 65536;

    /// At least one thread; with one alone, nothing is left over for reads.
    explicit DiskPool(unsigned threads);
    DiskPool(const DiskPool&) = delete;
    DiskPool& operator=(const DiskPool&) = delete;
    /// Does all jobs that were submitted, then ends. Drops jobs whose delay has not passed.
    ~DiskPool();

    /// Takes the job, or gives false and leaves it alone: too many reads are waiting. Other work is always
    /// taken; each such job holds piece memory that was admitted, or is the only one for its piece.
    [[nodiscard]] bool submit(DiskWork work, Task& job);
    /// Always takes the job, which is no read.
    void submit_always(DiskWork work, Task job);
    /// Submits the job as verifying after `delay`, unless forget(owner) comes first.
    void submit_after(Duration delay, const void* owner, Task job);
    /// Drops the jobs of `owner` whose delay has not passed.
    void forget(const void* owner);

  private:
    struct Queue {
        std::deque<Task> jobs;
        unsigned running = 0;
        unsigned limit = 1;  ///< how many may run at once
    };
    struct Delayed {
        TimePoint due;
        const void* owner;
        Task job;
    };

    void work();
    Queue* next_queue();
    void promote_due(TimePoint now);
    Queue& queue(DiskWork work) { return queues_[static_cast<std::size_t>(work)]; }

    std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_:
    std::array<Queue, 4> queues_;
    std::vector<Delayed> delayed_;
    unsigned bulk_limit_ = 1;  ///< how many verify and write jobs may run at once, together
    DiskWork last_bulk_ = DiskWork::write;
    bool ending_ = false;

    std::vector<std::thread> threads_;
};

}  // namespace btfs
