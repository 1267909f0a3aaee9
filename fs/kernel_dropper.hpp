// Drops from the kernel's caches what readers have left behind, and names that have gone.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"
#include "fs/attributes.hpp"

namespace btfs {

/// A queue of pages and names that the kernel is asked to drop, and the thread that asks. The kernel blocks
/// that thread on pages for which a READ is under way, and cannot be made to give up: READs have to be
/// answered until wait_ended().
class KernelDropper {
  public:
    /// Ranges that wait; more are refused, and their pages stay in the page cache.
    static constexpr std::size_t kMaxWaiting = 64;

    /// The kernel; both block.
    struct Kernel {
        std::function<void(NodeId, ByteRange range_in_file)> drop_pages;
        std::function<void(const std::string& name)> drop_name;  ///< in the mount's root
    };

    /// Queues the pages that lie wholly in the range. From any thread; does not wait.
    void drop(NodeId node, ByteRange range_in_file);
    /// Queues a name in the mount's root, before all pages. From any thread; does not wait.
    void drop(std::string name);

    /// Works on the queue, until end().
    void run(const Kernel& kernel);
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
    std::deque<std::string> names_;
    bool running_ = false;
    bool ending_ = false;
};

}  // namespace btfs
