#include "cli/process/child_program.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <ctime>

#include "cli/process/failure.hpp"

namespace btfs::cli {

SignalsTaken::SignalsTaken() {
    sigemptyset(&taken_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&taken_, signal);
    pthread_sigmask(SIG_BLOCK, &taken_, &before_);
}

SignalsTaken::~SignalsTaken() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int SignalsTaken::next(std::optional<Duration> at_most) const {
    if (!at_most) {
        int signal = 0;
        sigwait(&taken_, &signal);
        return signal;
    }
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*at_most);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(*at_most - whole);
    const timespec patience{whole.count(), rest.count()};
    const int signal = sigtimedwait(&taken_, nullptr, &patience);
    return signal > 0 ? signal : 0;
}

pid_t start_program(const std::string& program, const std::vector<std::string>& words,
                    const SignalsTaken& signals) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &signals.before());
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t child = 0;
    const int error = posix_spawnp(&child, program.c_str(), nullptr, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) throw Failure(words.front() + ": cannot be started: " + std::strerror(error));
    return child;
}

int wait_for_program(pid_t child, const SignalsTaken& signals, bool& interrupted, const Tick& tick) {
    int status = 0;
    bool ticks = tick != nullptr;
    while (waitpid(child, &status, WNOHANG) == 0) {
        std::optional<Duration> pause;
        if (ticks) pause = tick();
        ticks = pause.has_value();
        const int signal = signals.next(pause);
        if (signal == 0 || signal == SIGCHLD) continue;
        interrupted = true;
        if (signal != SIGINT || isatty(STDIN_FILENO) == 0) kill(child, signal);
    }
    return status;
}

}  // namespace btfs::cli
