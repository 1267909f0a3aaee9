#include "cache/disk/whole_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/fault_files.hpp"

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

TEST_F(WholeFileTest, AFileOfTheUserThatEndsInPartIsLeftAlone) {
    ASSERT_FALSE(write_whole(folder / "f.part", all(50, 9), 0600));
    ASSERT_FALSE(write_whole(path, all(10, 1), 0600));
    EXPECT_EQ(read_whole(path, 100).value(), all(10, 1));
    EXPECT_EQ(read_whole(folder / "f.part", 100).value(), all(50, 9));
}

TEST_F(WholeFileTest, SyncsTheFileBeforeItHasItsNameAndThenTheFolder) {
    test::FaultFiles files(LinuxFiles::open_folder(folder).value());
    std::vector<test::DiskCall> calls;
    files.set_before([&](test::DiskCall call, const std::string&) { calls.push_back(call); });
    ASSERT_FALSE(write_whole(files, "f", all(10, 1), 0600));
    using enum test::DiskCall;
    EXPECT_EQ(calls, (std::vector{open, write, sync, rename, sync_folder}));
}

TEST_F(WholeFileTest, AnErrorLeavesWhatWasThereAndNothingElse) {
    test::FaultFiles files(LinuxFiles::open_folder(folder).value());
    ASSERT_FALSE(write_whole(files, "f", all(10, 1), 0600));
    for (const test::DiskCall call :
         {test::DiskCall::open, test::DiskCall::write, test::DiskCall::sync, test::DiskCall::rename}) {
        files.fail(call, ENOSPC);
        EXPECT_EQ(write_whole(files, "f", all(20, 2), 0600).value(), ENOSPC);
        files.work();
        EXPECT_EQ(read_whole(files, "f", 100).value(), all(10, 1));
        EXPECT_EQ(files.list().value(), std::vector<std::string>{"f"});
    }
}

TEST_F(WholeFileTest, KnowsItsUnfinishedFilesByTheirNames) {
    EXPECT_TRUE(is_part(".btfs-0123456789abcdef.part"));
    for (const char* other : {"f.part", ".btfs-.part", ".btfs-0123456789abcdeg.part",
                              "btfs-0123456789abcdef.part", ".btfs-0123456789abcdef.part2"})
        EXPECT_FALSE(is_part(other)) << other;
}

TEST_F(WholeFileTest, ASymbolicLinkIsFollowedInAPathAndNotInAFolderOfOurOwn) {
    ASSERT_FALSE(write_whole(path, all(10, 1), 0600));
    std::filesystem::create_symlink("f", folder / "link");
    EXPECT_EQ(read_whole(folder / "link", 100).value(), all(10, 1));
    const auto files = LinuxFiles::open_folder(folder).value();
    EXPECT_EQ(read_whole(*files, "link", 100).error().value(), ELOOP);
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
        if (!content) continue;  // the file is not written yet
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
