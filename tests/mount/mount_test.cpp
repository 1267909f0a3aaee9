// Mounts as programs see them. Needs root and /dev/fuse; unmounts its mounts.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "fs/fuse_request.hpp"
#include "fs/mountpoint.hpp"
#include "tests/mount/support/live_mount.hpp"
#include "tests/support/sanitized.hpp"

namespace btfs {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
namespace files = std::filesystem;

constexpr std::uint64_t MiB = 1 << 20;

class Mount : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = mounting_is_impossible()) GTEST_SKIP() << *why;
    }
};

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : files::directory_iterator(folder))
        names.push_back(entry.path().filename().string());
    return names;
}

struct stat stat_of(const std::string& path) {
    struct stat out {};
    EXPECT_EQ(lstat(path.c_str(), &out), 0) << path;
    return out;
}

TEST_F(Mount, FilesHaveTheirBytesToTheLastOne) {
    LiveMount mount(
        {{"t/odd", 3 * MiB + 4097}, {"t/empty", 0}, {"t/one", 1}, {"t/page", 4096}, {"t/last", 777}});
    mount.cache().bring_all();
    std::uint64_t offset_in_torrent = 0;
    for (auto [name, size] :
         {std::pair{"odd", 3 * MiB + 4097}, {"empty", 0}, {"one", 1}, {"page", 4096}, {"last", 777}}) {
        std::vector<std::byte> bytes;
        EXPECT_FALSE(read_file(mount.path("t/") + name, bytes)) << name;
        EXPECT_EQ(bytes.size(), size) << name;
        EXPECT_TRUE(is_content(bytes, offset_in_torrent)) << name;
        offset_in_torrent += size;
    }
}

TEST_F(Mount, ReadsAnywhereAreRight) {
    LiveMount mount({{"before", 12345}});
    FakeReadSide& cache = mount.add({{"t/before", 12345}, {"t/f", 8 * MiB + 5}});
    cache.bring_all();
    const int fd = open(mount.path("t/f").c_str(), O_RDONLY);
    ASSERT_GE(fd, 0);
    for (std::uint64_t at : {8 * MiB, 5 * MiB + 1, MiB - 1, 8 * MiB + 4, 8 * MiB + 5, std::uint64_t{0}}) {
        std::vector<std::byte> bytes(300'000);
        const ssize_t got = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        ASSERT_EQ(got, static_cast<ssize_t>(std::min<std::uint64_t>(bytes.size(), 8 * MiB + 5 - at)));
        EXPECT_TRUE(is_content(std::span(bytes).first(static_cast<std::size_t>(got)), 12345 + at));
    }
    close(fd);
}

TEST_F(Mount, AReadOfMorePartsThanAnAnswerMayHaveIsAnswered) {
    LiveMount mount({{"f", 2 * MiB}});
    mount.cache().bring_all();
    const int fd = open(mount.path("f").c_str(), O_RDONLY | O_DIRECT);
    ASSERT_GE(fd, 0);
    std::vector<std::byte> bytes(MiB);
    for (std::size_t parts :
         {std::size_t{1000}, FuseRequest::kMaxParts, FuseRequest::kMaxParts + 1, MiB / 4}) {
        mount.cache().set_parts(parts);
        ASSERT_EQ(pread(fd, bytes.data(), bytes.size(), MiB), static_cast<ssize_t>(MiB)) << parts;
        EXPECT_TRUE(is_content(bytes, MiB));
    }
    close(fd);
}

TEST_F(Mount, AttributesAreThoseOfAReadOnlyArchive) {
    LiveMount mount;
    FileList list = file_list({{"t/script", 100'000}, {"t/d/file", 10}, {"t/link", 0}, {"t/.pad/9", 9}});
    list[0].executable = true;
    list[2].symlink_target = "d/file";
    list[3].pad = true;
    mount.add(list).bring_all();
    EXPECT_THAT(names_in(mount.path("t")), UnorderedElementsAre("script", "d", "link"));
    const struct stat script = stat_of(mount.path("t/script")), folder = stat_of(mount.path("t"));
    EXPECT_EQ(script.st_mode, S_IFREG | 0555U);
    EXPECT_EQ(stat_of(mount.path("t/d/file")).st_mode, S_IFREG | 0444U);
    EXPECT_EQ(folder.st_mode, S_IFDIR | 0555U);
    EXPECT_EQ(folder.st_nlink, 3u);
    EXPECT_EQ(script.st_size, 100'000);
    EXPECT_EQ(script.st_blocks, 196);
    EXPECT_EQ(script.st_uid, getuid());
    EXPECT_EQ(script.st_mtime, 1'700'000'000);
    EXPECT_EQ(files::read_symlink(mount.path("t/link")), "d/file");
    EXPECT_EQ(stat_of(mount.path("t/link")).st_size, 6);
    std::vector<std::byte> bytes;
    EXPECT_FALSE(read_file(mount.path("t/link"), bytes));
    EXPECT_TRUE(is_content(bytes, 100'000));

    struct statvfs usage {};
    ASSERT_EQ(statvfs(mount.path().c_str(), &usage), 0);
    EXPECT_EQ(usage.f_blocks * usage.f_frsize, units_for(100'010, 4096) * 4096);
    EXPECT_EQ(usage.f_bavail, 0u);
    EXPECT_NE(usage.f_flag & ST_RDONLY, 0u);
}

TEST_F(Mount, InodeNumbersAreTheSameInEveryMount) {
    std::set<ino_t> inodes;
    for (int i = 0; i < 2; ++i) {
        LiveMount mount;
        if (i == 1) mount.add(file_list({{"other", 5}}), "another torrent");
        mount.add(file_list({{"t/f", 5}}), "the torrent");
        inodes.insert(stat_of(mount.path("t/f")).st_ino);
        DIR* listing = opendir(mount.path("t").c_str());
        while (const dirent* entry = readdir(listing)) {
            if (entry->d_name[0] == 'f') inodes.insert(entry->d_ino);
        }
        closedir(listing);
    }
    EXPECT_EQ(inodes.size(), 1u);
}

TEST_F(Mount, NothingCanBeWritten) {
    LiveMount mount({{"t/f", 5}});
    for (int flags : {O_RDWR, O_WRONLY, O_RDWR | O_CREAT, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND}) {
        EXPECT_LT(open(mount.path("t/f").c_str(), flags, 0600), 0);
        EXPECT_EQ(errno, EROFS) << flags;
    }
    EXPECT_LT(open(mount.path("new").c_str(), O_RDWR | O_CREAT, 0600), 0);
    EXPECT_LT(mkdir(mount.path("t/d").c_str(), 0700), 0);
    EXPECT_LT(unlink(mount.path("t/f").c_str()), 0);
}

TEST_F(Mount, IsReadOnlyThoughReadWriteIsAskedForAndShowsTheOwnerThatIsAskedFor) {
    const auto options = parse_mount_options({"rw,defaults,_netdev,uid=1234,gid=5678,inode32"});
    LiveMount mount({{"t/f", 5}}, {.options = *options});
    struct statvfs usage {};
    ASSERT_EQ(statvfs(mount.path().c_str(), &usage), 0);
    EXPECT_NE(usage.f_flag & ST_RDONLY, 0u);
    EXPECT_LT(open(mount.path("t/f").c_str(), O_RDWR), 0);
    EXPECT_EQ(errno, EROFS);
    const struct stat file = stat_of(mount.path("t/f"));
    EXPECT_EQ(file.st_uid, 1234u);
    EXPECT_EQ(file.st_gid, 5678u);
    EXPECT_LT(file.st_ino, std::uint64_t{1} << 32);
}

TEST_F(Mount, ATorrentAddedLaterIsThereAtOnce) {
    LiveMount mount({{"first", 5}});
    EXPECT_THAT(names_in(mount.path()), UnorderedElementsAre("first"));
    EXPECT_NE(access(mount.path("late").c_str(), F_OK), 0);
    mount.add({{"late/f", 5}});
    EXPECT_EQ(access(mount.path("late/f").c_str(), F_OK), 0);
    EXPECT_THAT(names_in(mount.path()), UnorderedElementsAre("first", "late"));
}

TEST_F(Mount, StaysQuickWhileManyReadsWait) {
    constexpr int kReaders = 40;
    LiveMount::Files list;
    for (int i = 0; i < kReaders; ++i) list.emplace_back("t/slow" + std::to_string(i), MiB);
    LiveMount mount(list);
    mount.add({{"ready", 20 * MiB}}).bring_all();
    std::vector<Process> readers;
    for (int i = 0; i < kReaders; ++i)
        readers.emplace_back(std::vector<std::string>{"cat", mount.path("t/slow" + std::to_string(i))});
    ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() >= kReaders; }));

    const double took = seconds_of([&] {
        EXPECT_EQ(names_in(mount.path("t")).size(), std::size_t{kReaders});
        EXPECT_EQ(stat_of(mount.path("t/slow0")).st_size, static_cast<off_t>(MiB));
        EXPECT_EQ(Process(std::vector<std::string>{"df", mount.path()}).wait(), 0);
        EXPECT_EQ(Process(std::vector<std::string>{"ls", "-lR", mount.path()}).wait(), 0);
        std::vector<std::byte> bytes;
        EXPECT_FALSE(read_file(mount.path("ready"), bytes));
        EXPECT_EQ(bytes.size(), 20 * MiB);
    });
    EXPECT_LT(took, 2 * kSlowdown);
    mount.cache().bring_all();
    for (Process& reader : readers) EXPECT_EQ(reader.wait(), 0);
}

TEST_F(Mount, AKilledReaderEndsAtOnceAndWantsNothing) {
    for (int number : {SIGINT, SIGKILL}) {
        LiveMount mount({{"f", 100 * MiB}});
        Process reader(std::vector<std::string>{"cat", mount.path("f")});
        ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
        const double took = seconds_of([&] {
            reader.signal(number);
            EXPECT_EQ(reader.wait(), 128 + number);
        });
        EXPECT_LT(took, 1);
        EXPECT_TRUE(eventually([&] { return mount.cache().parked_count() == 0; }));
        EXPECT_TRUE(eventually([&] { return mount.sink().drops() == 1; }));
        EXPECT_TRUE(mount.sink().posts().back().idle());
    }
}

TEST_F(Mount, AnInterruptedDirectReadEndsAtOnce) {
    LiveMount mount({{"f", 10 * MiB}});
    Process reader(
        std::vector<std::string>{"dd", "if=" + mount.path("f"), "of=/dev/null", "iflag=direct", "bs=64k"});
    ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
    reader.signal(SIGTERM);
    EXPECT_EQ(reader.wait(std::chrono::seconds(2)), 128 + SIGTERM);
}

TEST_F(Mount, AReaderOfTheSamePageSurvivesAnothersDeath) {
    LiveMount mount({{"f", MiB}});
    Process dying(std::vector<std::string>{"cat", mount.path("f")});
    ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
    Process living(std::vector<std::string>{"head", "-c", "100", mount.path("f")});
    // Both processes have opened the file; the second one waits for the page of the first one, or soon will.
    ASSERT_TRUE(eventually([&] { return mount.filesystem().read_path().open_count() == 2; }));
    dying.signal(SIGKILL);
    EXPECT_EQ(dying.wait(), 128 + SIGKILL);
    ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
    mount.cache().bring_all();
    EXPECT_EQ(living.wait(), 0);
}

TEST_F(Mount, PagesOfAMappedFileComeThoughItIsClosed) {
    LiveMount mount({{"f", MiB}});
    const int fd = open(mount.path("f").c_str(), O_RDONLY);
    void* const memory = mmap(nullptr, MiB, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_NE(memory, MAP_FAILED);
    close(fd);
    std::thread bringer([&] {
        EXPECT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
        mount.cache().bring_all();
    });
    EXPECT_TRUE(is_content({static_cast<const std::byte*>(memory), MiB}, 0));
    bringer.join();
    munmap(memory, MiB);
}

// Returns how many bytes of a mapped file are in the page cache.
std::size_t resident_bytes(void* memory, std::size_t size) {
    std::vector<unsigned char> pages(units_for(size, 4096));
    EXPECT_EQ(mincore(memory, size, pages.data()), 0);
    return 4096 * static_cast<std::size_t>(std::ranges::count_if(pages, [](auto p) { return (p & 1) != 0; }));
}

TEST_F(Mount, WhatTheFirstReaderLeavesBehindIsDroppedFromThePageCache) {
    LiveMount mount({{"f", 64 * MiB}});
    mount.cache().bring_all();
    const int fd = open(mount.path("f").c_str(), O_RDONLY);
    void* const memory = mmap(nullptr, 64 * MiB, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_NE(memory, MAP_FAILED);
    std::vector<std::byte> bytes;
    ASSERT_FALSE(read_file(mount.path("f"), bytes));
    EXPECT_TRUE(eventually([&] { return resident_bytes(memory, 64 * MiB) <= 10 * MiB; }))
        << "all drops are done";
    bytes.clear();
    ASSERT_FALSE(read_file(mount.path("f"), bytes));
    EXPECT_TRUE(is_content(bytes, 0));
    EXPECT_GE(resident_bytes(memory, 64 * MiB), 60 * MiB) << "who comes back is worth the pages";
    munmap(memory, 64 * MiB);
    close(fd);
}

TEST_F(Mount, AReadThatWaitsInWhatAnotherReaderLeavesBehindHoldsNobodyUp) {
    LiveMount mount({{"f", 64 * MiB}});
    mount.cache().bring({0, 6 * MiB});
    mount.cache().bring({6 * MiB + MiB / 4, 64 * MiB});
    Process waiting(std::vector<std::string>{"dd", "if=" + mount.path("f"), "bs=4096", "skip=1536", "count=1",
                                             "status=none"});
    ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
    const int fd = open(mount.path("f").c_str(), O_RDONLY | O_DIRECT);
    std::vector<std::byte> bytes(MiB / 4);
    for (std::uint64_t at = 0; at < 64 * MiB; at += bytes.size()) {
        if (at == 6 * MiB) continue;
        ASSERT_EQ(pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)),
                  static_cast<ssize_t>(bytes.size()));
    }
    EXPECT_EQ(stat_of(mount.path("f")).st_size, static_cast<off_t>(64 * MiB));
    const double took = seconds_of([&] {
        mount.session().stop();
        ASSERT_TRUE(eventually([&] { return mount.ended(); }));
    });
    EXPECT_LT(took, 1);
    EXPECT_TRUE(waiting.wait());
    close(fd);
}

// `grep -r`, `file`, nginx and players open files with O_NONBLOCK, which a regular file ignores.
TEST_F(Mount, ANonblockingOpenWaitsForItsBytesAsOnAnyDisk) {
    LiveMount mount({{"f", 8 * MiB}});
    const int fd = open(mount.path("f").c_str(), O_RDONLY | O_NONBLOCK);
    ASSERT_GE(fd, 0);
    std::thread bringer([&] {
        EXPECT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
        mount.cache().bring_all();
    });
    std::vector<std::byte> bytes(4096);
    EXPECT_EQ(read(fd, bytes.data(), bytes.size()), 4096);
    EXPECT_TRUE(is_content(bytes, 0));
    bringer.join();
    close(fd);
}

TEST_F(Mount, ANonblockingOpenUsesThePageCacheAndCanBeMapped) {
    LiveMount mount({{"f", 8 * MiB}});
    mount.cache().bring_all();
    const int fd = open(mount.path("f").c_str(), O_RDONLY | O_NONBLOCK);
    void* const memory = mmap(nullptr, 8 * MiB, PROT_READ, MAP_SHARED, fd, 0);
    ASSERT_NE(memory, MAP_FAILED) << std::strerror(errno);
    std::vector<std::byte> bytes(64 * 1024);
    ASSERT_EQ(pread(fd, bytes.data(), bytes.size(), MiB), 64 * 1024);
    std::vector<unsigned char> pages(8 * MiB / 4096);
    ASSERT_EQ(mincore(memory, 8 * MiB, pages.data()), 0);
    EXPECT_NE(pages[MiB / 4096] & 1, 0) << "the page that was read is cached";
    EXPECT_TRUE(is_content({static_cast<const std::byte*>(memory), 8 * MiB}, 0));
    munmap(memory, 8 * MiB);
    close(fd);
}

TEST_F(Mount, GrepFindsInWhatHasYetToBeFetched) {
    LiveMount mount({{"t/f", MiB}, {"t/g", MiB}});
    Process grep(std::vector<std::string>{"grep", "-r", "-c", "-a", "-e", "", mount.path("t")});
    std::thread bringer([&] {
        EXPECT_TRUE(eventually([&] { return mount.cache().parked_count() > 0; }));
        mount.cache().bring_all();
    });
    EXPECT_EQ(grep.wait(), 0) << "2 is an error, as EAGAIN";
    bringer.join();
}

TEST_F(Mount, AReadTimeoutIsAnErrorOnceAndForAll) {
    LiveMount mount({{"f", MiB}}, {.read_timeout = std::chrono::milliseconds(200)});
    std::vector<std::byte> bytes;
    const double took = seconds_of([&] { EXPECT_EQ(read_file(mount.path("f"), bytes), EIO); });
    EXPECT_GE(took, 0.2);
    for (const auto& [id, range] : mount.cache().reads())
        EXPECT_GT(range.size(), 4096u) << "the kernel's retry of a page waits again";
    mount.cache().bring_all();
    EXPECT_FALSE(read_file(mount.path("f"), bytes));
    EXPECT_EQ(bytes.size(), MiB);
}

TEST_F(Mount, StopEndsEverythingThoughReadsWaitAndFilesAreOpen) {
    MountFolder folder;
    std::vector<Process> readers;
    double took = 0;
    int fd = -1;
    {
        LiveMount mount({{"t/f", 100 * MiB}, {"t/g", MiB}}, {}, folder.path());
        fd = open(mount.path("t/f").c_str(), O_RDONLY);
        for (int i = 0; i < 20; ++i) readers.emplace_back(std::vector<std::string>{"cat", mount.path("t/f")});
        readers.emplace_back(
            std::vector<std::string>{"dd", "if=" + mount.path("t/g"), "iflag=direct", "bs=1M"});
        ASSERT_TRUE(eventually([&] { return mount.cache().parked_count() >= 2; }));
        took = seconds_of([&] {
            mount.session().stop();
            ASSERT_TRUE(eventually([&] { return mount.ended(); }));
        });
        for (Process& reader : readers) EXPECT_TRUE(reader.wait());
    }
    EXPECT_LT(took, 1);
    EXPECT_TRUE(files::is_empty(folder.path()));
    close(fd);
}

TEST_F(Mount, EndsThoughTheDiskNeverAnswers) {
    MountFolder folder;
    std::optional<LiveMount> mount(std::in_place, LiveMount::Files{{"f", 64 * MiB}}, MountOptions{},
                                   folder.path());
    FakeReadSide* const disk = &mount->cache();
    disk->bring_all();
    disk->hang();
    Process reader(std::vector<std::string>{"cat", mount->path("f")});
    ASSERT_TRUE(eventually([&] { return disk->held_count() > 0; }));
    const double took = seconds_of([&] { mount->end(); });
    EXPECT_LT(took, 3);
    EXPECT_TRUE(reader.wait());
    EXPECT_TRUE(files::is_empty(folder.path()));
    disk->resume();  // its late answers have no effect
}

TEST_F(Mount, StopWhileNothingHappensIsQuickToo) {
    std::optional<LiveMount> mount(std::in_place, LiveMount::Files{{"f", 5}});
    EXPECT_LT(seconds_of([&] { mount.reset(); }), 0.5);
}

TEST_F(Mount, AnUnmountFromOutsideEndsTheSession) {
    LiveMount mount({{"f", MiB}});
    EXPECT_EQ(names_in(mount.path()).size(), 1u);
    EXPECT_EQ(Process(std::vector<std::string>{"fusermount3", "-u", mount.path()}).wait(), 0);
    EXPECT_TRUE(eventually([&] { return mount.ended(); }));
}

TEST_F(Mount, AMountWhoseConnectionWasCutFromOutsideIsGoneAtTheEnd) {
    const MountFolder folder;
    int fd = -1;
    {
        LiveMount mount({{"f", MiB}}, {}, folder.path());
        fd = open(mount.path("f").c_str(), O_RDONLY);
        ASSERT_GE(fd, 0);
        EXPECT_LT(umount2(folder.path().c_str(), MNT_FORCE), 0);
        EXPECT_EQ(errno, EBUSY) << "a file is open: the mount stays, without its connection";
        ASSERT_TRUE(eventually([&] { return mount.ended(); }));
        struct statvfs out {};
        EXPECT_NE(statvfs(folder.path().c_str(), &out), 0);
        EXPECT_EQ(errno, ENOTCONN);
    }
    EXPECT_TRUE(files::is_empty(folder.path()));
    close(fd);
}

TEST_F(Mount, TheEndOfAMountThatWasDetachedLeavesWhatLaysBelowIt) {
    const MountFolder folder;
    ASSERT_EQ(::mount("below", folder.path().c_str(), "tmpfs", 0, nullptr), 0);
    std::ofstream(folder.path() + "/below") << "x";
    int fd = -1;
    {
        LiveMount mount({{"above", MiB}}, {}, folder.path());
        fd = open(mount.path("above").c_str(), O_RDONLY);
        ASSERT_GE(fd, 0);
        ASSERT_EQ(umount2(folder.path().c_str(), MNT_DETACH), 0);
        EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("below"));
    }
    EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("below"));
    char byte;
    EXPECT_LT(read(fd, &byte, 1), 0) << "its connection is closed";
    close(fd);
    EXPECT_EQ(umount2(folder.path().c_str(), 0), 0);
}

TEST_F(Mount, AMountpointIsNamedThoughItsDaemonDoesNotAnswer) {
    const MountFolder folder;
    Filesystem filesystem;
    auto session = FuseSession::mount(filesystem, {.mountpoint = folder.path()});  // no thread runs
    ASSERT_TRUE(session);
    Process names([&] {
        return absolute_mountpoint(folder.path()) == folder.path() && device_at(folder.path()) ? 0 : 1;
    });
    EXPECT_EQ(names.wait(), 0);
}

TEST_F(Mount, AMountpointMayBeASymlink) {
    const MountFolder folder, elsewhere;
    const std::string link = elsewhere.path() + "/link", chain = elsewhere.path() + "/chain";
    files::create_directory_symlink(folder.path(), link);
    files::create_directory_symlink("link", chain);
    for (const std::string& name : {link, chain, link + "/", chain + "/."}) {
        LiveMount mount({{"f", 5}}, {}, name);
        EXPECT_EQ(mount.session().mountpoint(), folder.path()) << name;
        EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("f"));
        EXPECT_EQ(absolute_mountpoint(name), folder.path()) << "also while it is mounted";
    }
    EXPECT_TRUE(files::is_empty(folder.path()));
    unlink(link.c_str());
    unlink(chain.c_str());
}

TEST_F(Mount, AMountWhoseDaemonWasKilledIsReplaced) {
    const MountFolder folder;
    for (int i = 0; i < 2; ++i) {  // one over the other
        Process daemon([&] {
            LiveMount mount({{"old", 5}}, {}, folder.path());
            pause();
            return 0;
        });
        ASSERT_TRUE(eventually([&] { return access((folder.path() + "/old").c_str(), F_OK) == 0; }));
        daemon.signal(SIGKILL);
        EXPECT_TRUE(daemon.wait());
        struct statvfs out {};
        EXPECT_NE(statvfs(folder.path().c_str(), &out), 0);
        EXPECT_EQ(errno, ENOTCONN);
    }
    LiveMount mount({{"new", 5}}, {}, folder.path());
    EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("new"));
}

TEST_F(Mount, OfDeadMountsOneOverTheOtherALimitedNumberIsDetached) {
    constexpr int kMaxStaleMounts = 16;
    const MountFolder folder;
    for (int i = 0; i <= kMaxStaleMounts; ++i) {
        const int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
        ASSERT_GE(device, 0);
        const std::string data = "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0";
        ASSERT_EQ(::mount("dead", folder.path().c_str(), "fuse", MS_NOSUID | MS_NODEV, data.c_str()), 0)
            << std::strerror(errno);
        close(device);  // the daemon's end
    }
    const auto problem = prepare_mountpoint(folder.path());
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem, HasSubstr("fusermount3 -uz " + folder.path()));
    EXPECT_EQ(prepare_mountpoint(folder.path()), std::nullopt) << "the last one was left";
}

TEST_F(Mount, AnUnusableMountpointSaysWhatToDo) {
    const MountFolder folder;
    const std::string file = folder.path() + "/file";
    std::ofstream(file) << "x";
    Filesystem filesystem;
    const auto message = [&](MountOptions options) {
        auto session = FuseSession::mount(filesystem, options);
        return session ? "no failure" : session.error().message;
    };
    EXPECT_THAT(message({.mountpoint = folder.path() + "/none"}),
                HasSubstr("mkdir -p " + folder.path() + "/none"));
    EXPECT_THAT(message({.mountpoint = file}), HasSubstr("is not a directory"));
    EXPECT_THAT(message({.mountpoint = folder.path(), .options = {.for_libfuse = {"no_such_option"}}}),
                HasSubstr("no_such_option"));
    unlink(file.c_str());
}

TEST_F(Mount, AFolderThatIsNotEmptyCanBeMountedOn) {
    const MountFolder folder;
    std::ofstream(folder.path() + "/below") << "x";
    {
        LiveMount mount({{"above", 5}}, {}, folder.path() + "/");
        EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("above"));
    }
    EXPECT_THAT(names_in(folder.path()), UnorderedElementsAre("below"));
    unlink((folder.path() + "/below").c_str());
}

// The limits leave room for a busy machine; the times are printed.
TEST_F(Mount, ALargeCollectionIsListedFast) {
    LiveMount::Files list;
    for (int i = 0; i < 61189; ++i)
        list.emplace_back("t/dir" + std::to_string(i / 100) + "/file" + std::to_string(i) + ".dat", 4096);
    LiveMount mount(list);
    const auto find = [&] {
        EXPECT_EQ(Process(std::vector<std::string>{"find", mount.path("t"), "-type", "f"}).wait(), 0);
    };
    const double first = seconds_of(find), second = seconds_of(find);
    const double with_size = seconds_of([&] {
        EXPECT_EQ(Process(std::vector<std::string>{"find", mount.path("t"), "-size", "+100k"}).wait(), 0);
    });
    const double by_path = seconds_of([&] {
        for (const auto& [path, size] : list) stat_of(mount.path(path));
    });
    std::printf("find %.3f s, again %.3f s, with sizes %.3f s; stat by path %.3f s\n", first, second,
                with_size, by_path);
    EXPECT_LT(first, 3);
    EXPECT_LT(second, 1);
    EXPECT_LT(by_path, 3);
}

}  // namespace
}  // namespace btfs
