// Waits for SIGTERM, SIGINT, SIGHUP, or a call of raise().
#pragma once

#include <functional>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// Takes the signals that end the process: blocks them in this thread, and so in the threads that it starts
/// later. Constructed before any thread. SIGINT and SIGHUP do not end a process that was started with them
/// ignored, as nohup and shells do; nor does SIGHUP end one without a terminal, as a service. Ignores
/// SIGPIPE, and SIGXFSZ, which a full disk quota sends.
class StopSignal {
  public:
    /// `on_hangup`: called in wait() and wait_for() for each SIGHUP of a process without a terminal.
    explicit StopSignal(std::function<void()> on_hangup = [] {});
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    /// Returns when a signal has come or raise() was called.
    void wait();

    enum class Waited {
        stopped,  ///< as wait(), which will return at once too
        hung_up,  ///< the pipe has lost its reader
        woken,    ///< wake() was called since the last wait_for()
        timed_out
    };
    /// As wait(), but returns also after `at_most`, after wake(), and when the pipe loses its reader; -1: no
    /// pipe.
    Waited wait_for(Duration at_most, int pipe_fd);
    /// From any thread.
    void raise();
    /// Ends the wait_for() that is under way, or the next one. From any thread.
    void wake();

  private:
    bool take_signal();

    const std::function<void()> on_hangup_;
    const bool has_terminal_;
    int signal_fd_;
    int event_fd_;
    int wake_fd_;
};

}  // namespace btfs::cli
