// The loop that reads the kernel's requests and hands them to libfuse.
#pragma once

#include <atomic>

#include "cache/disk/file_descriptor.hpp"
#include "fs/libfuse.hpp"

namespace btfs {

/// Reads requests on as many threads as call serve(). A thread reads the device without blocking and sleeps
/// in an epoll of its own, of which the kernel wakes one for each request; an eventfd wakes all at the end.
///
/// Stands in for fuse_session_loop_mt(), which ends only with the next request or a signal, cancels its
/// threads wherever they are, and adds threads for load although no thread waits here.
class RequestLoop {
  public:
    RequestLoop();

    /// False if the eventfd could not be made; errno says why.
    bool is_ready() const { return static_cast<bool>(wake_); }

    /// Answers requests until end(), until the mount is gone or dead, or until the device fails. The first
    /// thread to return ends the others. `session` is mounted, its device non-blocking.
    void serve(fuse_session& session);
    /// Makes serve() return on all threads. From any thread, also before serve().
    void end();

    /// The mount was taken away from outside, or its connection was cut.
    bool is_unmounted() const { return unmounted_; }
    /// The device or the loop failed.
    bool has_failed() const { return failed_; }

  private:
    void serve_requests(fuse_session& session, fuse_buf& buffer, int epoll);

    const FileDescriptor wake_;  ///< readable once the threads have to end
    std::atomic<bool> ending_{false};
    std::atomic<bool> unmounted_{false};
    std::atomic<bool> failed_{false};
};

}  // namespace btfs
