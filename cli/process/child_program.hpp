// Programs that a command starts and waits for.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// Signals that end a program, and SIGCHLD. They are blocked while this lives, and wait until next() takes
/// them.
class SignalsTaken {
  public:
    SignalsTaken();
    ~SignalsTaken();
    SignalsTaken(const SignalsTaken&) = delete;
    SignalsTaken& operator=(const SignalsTaken&) = delete;

    /// Returns the signals that were blocked before.
    const sigset_t& before() const { return before_; }
    /// Waits for a signal, for so long at most, and returns it; 0 if there was none.
    int next(std::optional<Duration> at_most = std::nullopt) const;

  private:
    sigset_t taken_{}, before_{};
};

/// Starts a program, which is looked for in $PATH, with these words, its own name first. Throws Failure if
/// it cannot be started.
pid_t start_program(const std::string& program, const std::vector<std::string>& words,
                    const SignalsTaken& signals);

/// Called again and again while a program runs. Returns the time after which to call it again; nothing:
/// never.
using Tick = std::function<std::optional<Duration>()>;

/// Waits for the program, to which signals are passed on, and returns its status as waitpid() has it. Sets
/// `interrupted` if a signal came. SIGINT of a terminal has reached the program already.
int wait_for_program(pid_t child, const SignalsTaken& signals, bool& interrupted, const Tick& tick = {});

}  // namespace btfs::cli
