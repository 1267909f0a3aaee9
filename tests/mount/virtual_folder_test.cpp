// The folder .btfs as programs see it. Needs root and /dev/fuse; unmounts its mounts.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "tests/mount/support/live_mount.hpp"

namespace btfs {
namespace {

using namespace test;
namespace files = std::filesystem;

/// Returns a text that is longer than one READ.
std::string long_text(int number) {
    std::string text;
    while (text.size() < 3'000'000) text += "line of opening " + std::to_string(number) + "\n";
    return text;
}

class VirtualFolderMount : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = mounting_is_impossible()) GTEST_SKIP() << *why;
        mount.emplace(LiveMount::Files{{"set/a", 5000}}, MountOptions{}, std::string(),
                      std::vector<VirtualFile>{{"status", [this] { return long_text(++opened); }}});
        mount->cache().bring_all();
        status = mount->path(".btfs/status");
    }
    static std::size_t size_of(int fd) {
        struct stat found {};
        EXPECT_EQ(fstat(fd, &found), 0);
        return static_cast<std::size_t>(found.st_size);
    }
    /// Runs a shell command, in which $1 is the mount, $2 the status and $3 a new folder. Returns its exit
    /// code.
    std::optional<int> shell(const std::string& command) {
        return Process(std::vector<std::string>{"sh", "-ec", command, "sh", mount->path(), status,
                                                scratch.path()})
            .wait();
    }

    std::atomic<int> opened = 0;
    std::optional<LiveMount> mount;
    std::string status;
    MountFolder scratch;
};

TEST_F(VirtualFolderMount, EachHandleReadsItsSnapshotFromAnywhere) {
    const int first = open(status.c_str(), O_RDONLY), second = open(status.c_str(), O_RDONLY);
    ASSERT_GE(first, 0);
    ASSERT_GE(second, 0);
    std::string piece(100, ' ');
    const std::string text = long_text(1);
    EXPECT_EQ(size_of(first), text.size());
    EXPECT_EQ(size_of(second), long_text(opened).size());
    EXPECT_EQ(size_of(first), text.size()) << "though it was opened anew";
    for (std::size_t at : {std::size_t{0}, text.size() - 100, std::size_t{1'500'001}, std::size_t{7}}) {
        ASSERT_EQ(pread(first, piece.data(), 100, static_cast<off_t>(at)), 100);
        EXPECT_EQ(piece, text.substr(at, 100));
    }
    EXPECT_EQ(pread(first, piece.data(), 100, static_cast<off_t>(text.size())), 0);
    std::vector<std::byte> third;
    EXPECT_FALSE(read_file(status, third));
    EXPECT_EQ(as_text(third), long_text(opened));
    close(first);
    close(second);
}

TEST_F(VirtualFolderMount, OrdinaryProgramsReadIt) {
    EXPECT_EQ(shell("cat $2 > $3/out; test $(wc -l < $3/out) -gt 1000; rm $3/out"), 0);
    EXPECT_EQ(shell("test \"$(tail -n 1 $2 | cut -d' ' -f1-3)\" = 'line of opening'"), 0);
    EXPECT_EQ(shell("test \"$(head -n 1 $2 | cut -d' ' -f1-3)\" = 'line of opening'"), 0);
    EXPECT_EQ(shell("grep -q 'line of' $2"), 0);
    EXPECT_EQ(shell("dd if=$2 of=$3/out bs=1000 2>/dev/null; test -s $3/out; rm $3/out"), 0);
    EXPECT_EQ(shell("python3 -c 'import sys; assert len(open(sys.argv[1]).read()) >= 3000000' $2"), 0);
}

// Samba, rsync and tar read exactly as many bytes as stat says.
TEST_F(VirtualFolderMount, ProgramsThatTrustTheSizeGetAllOfIt) {
    const std::string whole =
        "test $(wc -l < $3/status) -gt 90000; tail -c 10 $3/status | grep -q '[0-9]$'; rm $3/status";
    EXPECT_EQ(shell("tar -cf - -C $1/.btfs status | tar -xf - -C $3; " + whole), 0);
    EXPECT_EQ(shell("cp --sparse=always $2 $3/status; " + whole), 0);
    EXPECT_EQ(
        shell("python3 -c 'import os, sys; f = os.open(sys.argv[1], 0); n = os.fstat(f).st_size; "
              "o = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY)\nwhile n: n -= os.sendfile(o, f, None, n)' "
              "$2 $3/status; " +
              whole),
        0);
    EXPECT_EQ(
        shell(
            "tail -f $2 > $3/status & sleep 0; while ! [ $(wc -l < $3/status) -ge 10 ]; do :; done; kill $!; "
            "grep -q 'line of' $3/status; rm $3/status"),
        0);
}

TEST_F(VirtualFolderMount, WalksOverTheMountDoNotSeeIt) {
    EXPECT_EQ(shell("test \"$(cd $1; find . | sort | tr '\\n' ' ')\" = '. ./set ./set/a '"), 0);
    EXPECT_EQ(shell("du -s $1"), 0);
    EXPECT_EQ(shell("cp -r $1/. $3; test ! -e $3/.btfs; cmp $1/set/a $3/set/a; rm -r $3/set"), 0);
    EXPECT_EQ(shell("tar -cf $3/out.tar -C $1 .; tar -tf $3/out.tar; rm $3/out.tar"), 0);
    EXPECT_EQ(shell("test \"$(ls -A $1)\" = set"), 0);
    EXPECT_EQ(shell("test \"$(ls -A $1/.btfs)\" = status; cp -r $1/.btfs $3; test -s $3/.btfs/status; rm -r "
                    "$3/.btfs"),
              0);
}

TEST_F(VirtualFolderMount, IsReadOnlyAndCountsForNothing) {
    for (const char* name : {"status", "new"}) {
        EXPECT_LT(open(mount->path(std::string(".btfs/") + name).c_str(), O_WRONLY | O_CREAT, 0600), 0);
        EXPECT_EQ(errno, EROFS);
    }
    EXPECT_NE(access(mount->path(".btfs/new").c_str(), F_OK), 0);
    EXPECT_EQ(errno, ENOENT);
    struct stat found {};
    ASSERT_EQ(stat(status.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode, S_IFREG | 0444U);
    EXPECT_GE(found.st_size, 3'000'000);
    EXPECT_GT(found.st_blocks, 0);
    EXPECT_GT(found.st_mtime, 1'700'000'000);
    struct statvfs usage {};
    ASSERT_EQ(statvfs(mount->path().c_str(), &usage), 0);
    EXPECT_EQ(usage.f_blocks * usage.f_frsize, 8192u);
}

TEST_F(VirtualFolderMount, ATorrentThatWasMissedIsFoundAsSoonAsItIsThere) {
    // The kernel looks the name up, and must not cache that it does not exist.
    for (int i = 0; i < 20; ++i) {
        const std::string name = "late" + std::to_string(i);
        EXPECT_NE(access(mount->path(name).c_str(), F_OK), 0);
        EXPECT_EQ(errno, ENOENT);
        mount->add({{name + "/f", 5}});
        EXPECT_EQ(access(mount->path(name + "/f").c_str(), F_OK), 0) << name;
    }
}

}  // namespace
}  // namespace btfs
