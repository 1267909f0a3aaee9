// Fork of a mount that detaches: the command returns once its child has mounted.
#pragma once

#include <string>

namespace btfs::cli {

/// The child's end of the pipe to the command that waits for it. In the foreground there is no fork, and
/// ready() does nothing.
class Readiness {
  public:
    explicit Readiness(int fd = -1) : fd_(fd) {}
    ~Readiness();
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    /// Tells that the mount stands: the waiting command ends with this exit code. Replaces stdin, stdout and
    /// stderr of this process by /dev/null.
    void ready(int exit_code);
    /// The pipe, on which poll() reports an error as soon as the command has ended; -1 if there is none.
    int fd() const { return fd_; }

  private:
    int fd_;
};

/// Forks; called before any thread is started. Returns the pipe's descriptor in the child. The parent waits
/// for the child's Readiness, sets `exit_code`, and returns -1. A child that ends before ready() has failed,
/// and has printed why.
int fork_and_wait(int& exit_code);

}  // namespace btfs::cli
