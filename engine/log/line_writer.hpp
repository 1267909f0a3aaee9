// Thread that writes the log's lines, so that no other thread waits for a terminal or a disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

namespace btfs::log {

/// A queue of jobs, each of which writes a line, and the thread that runs them in their order. While the
/// queue is full, new lines are dropped. Never destroyed, since its thread may hang in a write for as long as
/// the process lives.
class LineWriter {
  public:
    using Job = std::function<void()>;
    /// Of the lines that wait.
    static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

    /// Starts the thread. `tell_dropped` is called on it once there is room again, with how many lines were
    /// dropped.
    explicit LineWriter(std::function<void(std::uint64_t dropped)> tell_dropped);
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;

    /// Queues a job that writes `bytes`. Never waits.
    void push(Job job, std::size_t bytes);
    /// Waits until all that was pushed before has been written, for so long at most. Returns true if it has.
    bool wait_until_written(std::chrono::milliseconds at_most);

  private:
    struct Line {
        Job job;
        std::size_t bytes;
    };

    [[noreturn]] void run();

    const std::function<void(std::uint64_t)> tell_dropped_;
    std::mutex mutex_;
    std::condition_variable pushed_, written_;
    // Guarded by mutex_.
    std::deque<Line> lines_;
    std::size_t bytes_ = 0;  ///< of lines_
    std::uint64_t dropped_ = 0;
    std::uint64_t pushed_count_ = 0, written_count_ = 0;
};

}  // namespace btfs::log
