#include "cli/stop_signal.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "cli/failure.hpp"

namespace btfs::cli {
namespace {

bool is_ignored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Returns the signals to handle, without those that are ignored: a signalfd would receive even an ignored
/// signal once it is blocked.
sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);  // sent by `btfs umount`
    for (int signal : {SIGINT, SIGHUP})
        if (!is_ignored(signal)) sigaddset(&set, signal);
    return set;
}

}  // namespace

StopSignal::StopSignal() {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    event_fd_ = eventfd(0, EFD_CLOEXEC);
    if (signal_fd_ < 0 || event_fd_ < 0)
        throw Failure(std::string("cannot wait for signals: ") + std::strerror(errno));
}

StopSignal::~StopSignal() {
    close(signal_fd_);
    close(event_fd_);
}

void StopSignal::wait() {
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
}

StopSignal::Waited StopSignal::wait_for(Duration at_most, int pipe_fd) {
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(at_most).count();
    pollfd fds[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}, {pipe_fd, 0, 0}};
    if (poll(fds, 3, static_cast<int>(milliseconds)) <= 0) return Waited::timed_out;
    return fds[0].revents != 0 || fds[1].revents != 0 ? Waited::stopped : Waited::hung_up;
}

void StopSignal::raise() {
    const std::uint64_t one = 1;
    (void)!write(event_fd_, &one, sizeof one);
}

}  // namespace btfs::cli
