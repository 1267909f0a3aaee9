#include "cli/process/detach.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cli/process/exit_codes.hpp"
#include "cli/process/failure.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {

Readiness::~Readiness() {
    if (fd_ >= 0) close(fd_);
}

void Readiness::ready(int exit_code) {
    if (fd_ < 0) return;
    log::wait_until_written();  // stderr ends below
    const char word = static_cast<char>(exit_code);
    (void)!write(fd_, &word, 1);
    close(fd_);
    fd_ = -1;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, standard);
    close(null);
}

int fork_and_wait(int& exit_code) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw Failure(std::string("cannot make a pipe: ") + std::strerror(errno));
    const pid_t child = fork();
    if (child < 0) throw Failure(std::string("cannot fork: ") + std::strerror(errno));
    if (child == 0) {
        close(ends[0]);
        setsid();
        (void)!chdir("/");
        return ends[1];
    }
    close(ends[1]);
    char word = 0;
    ssize_t n;
    while ((n = read(ends[0], &word, 1)) < 0 && errno == EINTR) {
    }
    close(ends[0]);
    exit_code = word;
    if (n == 1) return -1;
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    exit_code = WIFEXITED(status) && WEXITSTATUS(status) != kSuccess ? WEXITSTATUS(status) : kFailure;
    return -1;
}

}  // namespace btfs::cli
