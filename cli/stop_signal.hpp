// Waiting for the end: SIGTERM, SIGINT, SIGHUP, or our own word.
#pragma once

#include "engine/core/time.hpp"

namespace btfs::cli {

/// Blocks the signals that end the process in this thread, and so in those it starts, until the destructor.
/// Made before any thread. Ignores SIGPIPE, and SIGXFSZ, which a full disk quota sends.
class StopSignal {
  public:
    StopSignal();
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    /// Returns when a signal has come or raise() was called.
    void wait();

    enum class Waited {
        stopped,  ///< as wait(), which will return at once too
        hung_up,  ///< nobody reads from the pipe any more
        timed_out
    };
    /// The same for a limited time, and with an eye on a pipe that may be -1: none.
    Waited wait_for(Duration at_most, int pipe_fd);
    /// From any thread.
    void raise();

  private:
    int signal_fd_;
    int event_fd_;
};

}  // namespace btfs::cli
