#include "cli/process/end_guard.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "cli/process/exit_codes.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

// Runs `work` in a child process, which an EndGuard may end, and returns its exit code.
int exit_code_of(void (*work)()) {
    const pid_t child = fork();
    if (child == 0) {
        work();
        _exit(kSuccess);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(EndGuard, EndsAProcessThatHangsAtItsEnd) {
    EXPECT_EQ(exit_code_of([] {
                  EndGuard guard;
                  guard.begin(Clock::now() + 10ms, "the disk does not answer");
                  pause();
              }),
              kFailure);
}

TEST(EndGuard, EndsAProcessWhoseLogIsNotTaken) {
    EXPECT_EQ(exit_code_of([] {
                  int ends[2];
                  if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(kUsage);
                  log::open({.file = {}, .queued = true});
                  for (int i = 0; i < 100; ++i) log::info("{}", std::string(10000, 'x'));
                  EndGuard guard;
                  guard.begin(Clock::now() + 10ms, "the disk does not answer");
                  pause();
              }),
              kFailure);
}

TEST(EndGuard, LeavesAloneAProcessThatIsInTime) {
    EXPECT_EQ(exit_code_of([] {
                  EndGuard guard;
                  guard.begin(Clock::now() + 1h, "the disk does not answer");
              }),
              kSuccess);
    EXPECT_EQ(exit_code_of([] { EndGuard guard; }), kSuccess);
}

}  // namespace
}  // namespace btfs::cli
