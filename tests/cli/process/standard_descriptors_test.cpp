#include "cli/process/standard_descriptors.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace btfs::cli {
namespace {

/// Closes the descriptors of the mask and opens them again. Returns the number of the check that failed, or
/// 0.
int problem_after_closing(int mask) {
    for (int descriptor = 0; descriptor < 3; ++descriptor)
        if (mask & 1 << descriptor) close(descriptor);
    if (!open_standard_descriptors()) return 1;
    for (int descriptor = 0; descriptor < 3; ++descriptor)
        if (fcntl(descriptor, F_GETFD) < 0) return 2;
    const int next = open("/dev/null", O_RDONLY);
    if (next < 3) return 3;
    char byte = 0;
    if (mask & 1 && (read(0, &byte, 1) != -1 || errno != EBADF)) return 4;
    if (mask & 2 && (write(1, &byte, 1) != -1 || errno != EBADF)) return 5;
    if (mask & 4 && (write(2, &byte, 1) != -1 || errno != EBADF)) return 6;
    return 0;
}

TEST(StandardDescriptorsDeathTest, AreOpenWhicheverWereClosed) {
    for (int mask = 0; mask < 8; ++mask)
        EXPECT_EXIT(std::_Exit(problem_after_closing(mask)), testing::ExitedWithCode(0), "") << mask;
}

}  // namespace
}  // namespace btfs::cli
