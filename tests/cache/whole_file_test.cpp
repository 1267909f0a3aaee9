#include "cache/whole_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace btfs {
namespace {

class WholeFileTest : public testing::Test {
  protected:
    WholeFileTest() {
        char name[] = "/tmp/btfs-whole-file-XXXXXX";
        folder = mkdtemp(name);
        path = folder / "f";
    }
    ~WholeFileTest() override { std::filesystem::remove_all(folder); }

    static Bytes all(std::size_t size, int value) { return Bytes(size, std::byte(value)); }

    std::filesystem::path folder;
    std::filesystem::path path;
};

TEST_F(WholeFileTest, ReadsWhatWasWritten) {
    ASSERT_FALSE(write_whole(path, all(100'000, 1), 0600));
    EXPECT_EQ(read_whole(path, 100'000).value(), all(100'000, 1));
    ASSERT_FALSE(write_whole(path, all(10, 2), 0600)) << "in place of what was there";
    EXPECT_EQ(read_whole(path, 100'000).value(), all(10, 2));
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "nothing else is left";
}

TEST_F(WholeFileTest, WhatCannotBeReadSaysWhy) {
    EXPECT_EQ(read_whole(path, 10).error().value(), ENOENT);
    EXPECT_EQ(read_whole(folder, 10).error().value(), EISDIR);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    EXPECT_EQ(read_whole(path, 10).error().value(), EINVAL);
    ASSERT_FALSE(write_whole(folder / "g", all(11, 1), 0600));
    EXPECT_EQ(read_whole(folder / "g", 10).error().value(), EFBIG);
}

TEST_F(WholeFileTest, WhatAKillLeftIsTakenOver) {
    ASSERT_FALSE(write_whole(folder / "f.part", all(50, 9), 0600));
    ASSERT_FALSE(write_whole(path, all(10, 1), 0600));
    EXPECT_EQ(read_whole(path, 100).value(), all(10, 1));
    EXPECT_FALSE(std::filesystem::exists(folder / "f.part"));
}

TEST_F(WholeFileTest, OfSeveralThatWriteOneIsReadWhole) {
    std::vector<pid_t> writers;
    for (int value : {1, 2, 3}) {
        const pid_t writer = fork();
        if (writer == 0) {
            for (int i = 0; i < 200; ++i)
                if (write_whole(path, all(static_cast<std::size_t>(value) * 10'000, value), 0600)) _exit(1);
            _exit(0);
        }
        writers.push_back(writer);
    }
    for (int i = 0; i < 200; ++i) {
        const auto content = read_whole(path, 100'000);
        if (!content) continue;  // not written yet
        ASSERT_FALSE(content->empty());
        const int value = std::to_integer<int>(content->front());
        EXPECT_EQ(*content, all(static_cast<std::size_t>(value) * 10'000, value));
    }
    for (pid_t writer : writers) {
        int status = 0;
        ASSERT_EQ(waitpid(writer, &status, 0), writer);
        EXPECT_EQ(status, 0);
    }
}

}  // namespace
}  // namespace btfs
