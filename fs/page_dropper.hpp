// What readers have left behind goes out of the kernel's page cache.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "engine/core/types.hpp"
#include "fs/libfuse.hpp"

namespace btfs {

/// Asks the kernel to drop pages of files, on a thread of its own: the kernel waits for pages for which a
/// READ is under way, and can not be made to give up. So somebody has to answer READs until wait_ended().
class PageDropper {
  public:
    /// Drops the pages that lie wholly in the range. From any thread; waits for nothing. What comes while too
    /// much is waiting stays in the page cache.
    void drop(fuse_ino_t node, ByteRange range_in_file);

    /// Does the work, until end(). `session` is mounted meanwhile, or was.
    void run(fuse_session& session);
    void end();
    /// After end(): until run() has returned, if it was called.
    void wait_ended();

  private:
    static constexpr std::size_t kMaxWaiting = 64;
    struct Pages {
        fuse_ino_t node;
        ByteRange range_in_file;
    };

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<Pages> waiting_;
    bool running_ = false;
    bool ending_ = false;
};

}  // namespace btfs
