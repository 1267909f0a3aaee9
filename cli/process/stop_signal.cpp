#include "cli/process/stop_signal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "cli/process/failure.hpp"

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

/// Returns true if the process has a terminal that may be closed under it.
bool has_terminal() {
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal >= 0) close(terminal);
    return terminal >= 0;
}

}  // namespace

StopSignal::StopSignal(std::function<void()> on_hangup)
    : on_hangup_(std::move(on_hangup)), has_terminal_(has_terminal()) {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    event_fd_ = eventfd(0, EFD_CLOEXEC);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd_ < 0 || event_fd_ < 0 || wake_fd_ < 0)
        throw Failure(std::string("cannot wait for signals: ") + std::strerror(errno));
}

StopSignal::~StopSignal() {
    close(signal_fd_);
    close(event_fd_);
    close(wake_fd_);
}

/// Takes a signal that has come. Returns true if it ends the process.
bool StopSignal::take_signal() {
    signalfd_siginfo signal{};
    if (read(signal_fd_, &signal, sizeof signal) != sizeof signal) return false;
    if (signal.ssi_signo == SIGHUP && !has_terminal_) {
        on_hangup_();
        return false;
    }
    raise();  // later waits return at once, too
    return true;
}

void StopSignal::wait() {
    for (;;) {
        pollfd fds[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents != 0 || take_signal()) return;
    }
}

StopSignal::Waited StopSignal::wait_for(Duration at_most, int pipe_fd) {
    const TimePoint end = Clock::now() + at_most;
    for (;;) {
        const Duration left = std::max(end - Clock::now(), Duration::zero());
        const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
        pollfd fds[] = {
            {signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}, {pipe_fd, 0, 0}, {wake_fd_, POLLIN, 0}};
        if (poll(fds, 4, static_cast<int>(milliseconds)) <= 0) return Waited::timed_out;
        if (fds[1].revents != 0 || (fds[0].revents != 0 && take_signal())) return Waited::stopped;
        if (fds[2].revents != 0) return Waited::hung_up;
        std::uint64_t count = 0;
        if (fds[3].revents != 0 && read(wake_fd_, &count, sizeof count) > 0) return Waited::woken;
    }
}

void StopSignal::wake() {
    const std::uint64_t one = 1;
    (void)!write(wake_fd_, &one, sizeof one);
}

void StopSignal::raise() {
    const std::uint64_t one = 1;
    (void)!write(event_fd_, &one, sizeof one);
}

}  // namespace btfs::cli
