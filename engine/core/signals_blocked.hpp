// SignalsBlocked: threads that are started in its scope take no signals.
#pragma once

#include <csignal>

namespace btfs {

/// Blocks all signals in this thread until the end of the scope. Threads inherit that for good, so signals
/// are left to the main thread.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

  private:
    sigset_t before_{};
};

}  // namespace btfs
