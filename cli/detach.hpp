// Leaving the terminal: the command returns once the mount is visible.
#pragma once

#include <string>

namespace btfs::cli {

/// The child's end of a fork: says how the start went, to the command that waits for it. In the foreground
/// there is no fork, and it says nothing.
class Readiness {
  public:
    explicit Readiness(int fd = -1) : fd_(fd) {}
    ~Readiness();
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;

    /// The mount stands: the waiting command ends with this exit code, and this process leaves its terminal.
    void ready(int exit_code);
    /// In poll() it reports an error as soon as the command does not wait any more. -1 if there is none.
    int fd() const { return fd_; }

  private:
    int fd_;
};

/// Forks, before any thread was started. In the parent it waits for the child's Readiness and gives the exit
/// code in `exit_code`; a child that dies without a word has failed, and has printed why. Gives the pipe's
/// descriptor in the child, -1 in the parent.
int fork_and_wait(int& exit_code);

}  // namespace btfs::cli
