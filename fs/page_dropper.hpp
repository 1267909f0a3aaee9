// Drops from the kernel's page cache what readers have left behind.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"
#include "fs/attributes.hpp"

namespace btfs {

/// A queue of pages that the kernel is asked to drop, and the thread that asks. The kernel blocks that thread
/// on pages for which a READ is under way, and cannot be made to give up: READs have to be answered until
/// wait_ended().
class PageDropper {
  public:
    /// Ranges that wait; more are refused, and their pages stay in the page cache.
    static constexpr std::size_t kMaxWaiting = 64;

    /// Has pages of a file dropped; blocks.
    using Drop = std::function<void(NodeId, ByteRange range_in_file)>;

    /// Queues the pages that lie wholly in the range. From any thread; does not wait.
    void drop(NodeId node, ByteRange range_in_file);

    /// Works on the queue, until end().
    void run(const Drop& drop);
    void end();
    /// After end(): waits until run() has returned, if it was called; true if it has. With nothing, without
    /// limit.
    bool wait_ended(std::optional<Duration> at_most);

  private:
    struct Pages {
        NodeId node;
        ByteRange range_in_file;
    };

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<Pages> waiting_;
    bool running_ = false;
    bool ending_ = false;
};

}  // namespace btfs
