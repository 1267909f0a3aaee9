// Files that the kernel reads from the cache by itself, where it can; the same bytes where it cannot. Needs
// root and /dev/fuse; unmounts its mounts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cache/disk/file_descriptor.hpp"
#include "fs/file_state.hpp"
#include "fs/libfuse.hpp"
#include "tests/mount/support/live_mount.hpp"

namespace btfs {
namespace {

using namespace test;

constexpr std::uint64_t MiB = 1 << 20;
constexpr std::uint64_t kSize = 3 * MiB + 777;

/// True if this program was built with a libfuse that knows passthrough, and runs on a kernel that has it.
bool is_to_be_expected() {
    if (FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)) return false;
    utsname system{};
    int major = 0, minor = 0;
    if (uname(&system) != 0 || std::sscanf(system.release, "%d.%d", &major, &minor) != 2) return false;
    if (major < 6 || (major == 6 && minor < 9)) return false;
    return std::system(
               "! test -e /proc/config.gz || zcat /proc/config.gz | grep -q CONFIG_FUSE_PASSTHROUGH=y") == 0;
}

/// A file without a name that has the bytes of the torrent.
FileDescriptor file_with_content() {
    std::string name = (std::filesystem::temp_directory_path() / "btfs-test-XXXXXX").string();
    FileDescriptor file(mkostemp(name.data(), O_CLOEXEC));
    unlink(name.c_str());
    std::vector<std::byte> bytes(kSize);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = content_at(i);
    EXPECT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    return file;
}

struct PassthroughMount : testing::Test {
    void SetUp() override {
        if (auto why = mounting_is_impossible()) GTEST_SKIP() << *why;
        begin({});
    }
    void TearDown() override {
        if (!mount) return;
        mount->end();
        EXPECT_EQ(cache->leases(), 0) << "leased after the end of the mount";
    }
    void begin(MountOptions options) {
        mount.emplace(LiveMount::Files{}, std::move(options));
        cache = &mount->add({{"f", kSize}});
        cache->lease_from(data.get());
    }
    FileDescriptor open_file(int flags = 0) const {
        FileDescriptor file(open(mount->path("f").c_str(), O_RDONLY | O_CLOEXEC | flags));
        EXPECT_TRUE(file) << errno;
        return file;
    }
    static void expect_content(const FileDescriptor& file) {
        std::vector<std::byte> bytes(kSize + 100);
        EXPECT_EQ(pread(file.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(kSize));
        EXPECT_TRUE(is_content(std::span(bytes).first(kSize), 0));
        EXPECT_EQ(pread(file.get(), bytes.data(), 777, 1001), 777) << "not aligned to anything";
        EXPECT_TRUE(is_content(std::span(bytes).first(777), 1001));
        EXPECT_EQ(pread(file.get(), bytes.data(), 1, kSize), 0);
    }
    /// Files that are passed through at this moment, or would be.
    int expected(int files) const { return works ? files : 0; }
    bool none_leased() const {
        return eventually([&] { return cache->leases() == 0; });
    }

    const bool works = is_to_be_expected();
    const FileDescriptor data = file_with_content();
    std::optional<LiveMount> mount;
    FakeReadSide* cache = nullptr;
};

TEST_F(PassthroughMount, TheKernelReadsACompleteFileWithoutAsking) {
    cache->bring_all();
    {
        const FileDescriptor file = open_file();
        EXPECT_EQ(cache->leases(), expected(1));
        expect_content(file);
        EXPECT_EQ(cache->reads().empty(), works);
    }
    EXPECT_TRUE(none_leased());
}

TEST_F(PassthroughMount, AFileIsPassedThroughOnceItWasCompleteWhenItWasOpenedFirst) {
    cache->bring({0, MiB});
    FileDescriptor early = open_file();
    cache->bring_all();
    FileDescriptor late = open_file();
    EXPECT_EQ(cache->leases(), 0);
    expect_content(early);
    expect_content(late);
    early = FileDescriptor();
    FileDescriptor later = open_file(O_DIRECT);
    EXPECT_EQ(cache->leases(), 0) << "the file was never closed";
    expect_content(later);
    late = FileDescriptor();
    later = FileDescriptor();
    // RELEASE comes after close(): as soon as it has come.
    EXPECT_TRUE(eventually([&] {
        const FileDescriptor file = open_file();
        return cache->leases() == expected(1);
    }));
    EXPECT_TRUE(none_leased());
}

TEST_F(PassthroughMount, OpensWithAndWithoutDirectIoAndMappingsMix) {
    cache->bring_all();
    for (const bool direct_first : {false, true}) {
        const FileDescriptor first = open_file(direct_first ? O_DIRECT : 0);
        const FileDescriptor second = open_file(direct_first ? 0 : O_DIRECT);
        EXPECT_EQ(cache->leases(), expected(1));
        expect_content(first);
        expect_content(second);
        const int mapped = direct_first ? second.get() : first.get();
        for (const int kind : {MAP_SHARED, MAP_PRIVATE}) {
            void* const at = mmap(nullptr, kSize, PROT_READ, kind, mapped, 0);
            ASSERT_NE(at, MAP_FAILED) << errno;
            EXPECT_TRUE(is_content({static_cast<const std::byte*>(at), kSize}, 0));
            munmap(at, kSize);
        }
        expect_content(first);
    }
}

TEST_F(PassthroughMount, AMappingOutlivesItsDescriptor) {
    cache->bring_all();
    void* at = MAP_FAILED;
    {
        const FileDescriptor file = open_file();
        at = mmap(nullptr, kSize, PROT_READ, MAP_SHARED, file.get(), 0);
        ASSERT_NE(at, MAP_FAILED) << errno;
    }
    EXPECT_TRUE(is_content({static_cast<const std::byte*>(at), kSize}, 0));
    const FileDescriptor again = open_file();
    expect_content(again);
    munmap(at, kSize);
}

TEST_F(PassthroughMount, OpensThatRaceAllSucceed) {
    cache->bring({0, MiB});
    std::vector<std::thread> threads;
    std::atomic<int> opened = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i) {
                const FileDescriptor file(
                    open(mount->path("f").c_str(), O_RDONLY | O_CLOEXEC | ((i + t) % 5 == 0 ? O_DIRECT : 0)));
                ASSERT_TRUE(file) << errno;
                std::vector<std::byte> bytes(4096);
                const std::uint64_t at = static_cast<std::uint64_t>(i % 8) * 4096;
                ASSERT_EQ(pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)), 4096);
                ASSERT_TRUE(is_content(bytes, at));
                if (++opened == 1000) cache->bring_all();
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(none_leased());
    const FileDescriptor file = open_file();
    EXPECT_EQ(cache->leases(), expected(1));
}

TEST_F(PassthroughMount, AnOpenFileTellsItsState) {
    cache->bring_all();
    const FileDescriptor file = open_file();
    FileState state{};
    EXPECT_EQ(ioctl(file.get(), kAskFileState, &state), 0) << errno;
    EXPECT_EQ(state.is_complete, 1);
    EXPECT_EQ(state.offset_in_torrent, 0u);
}

TEST_F(PassthroughMount, ReadersThatAreKilledLeaveNothingLeased) {
    cache->bring_all();
    for (int round = 0; round < 10; ++round) {
        Process reader([&] {
            const int file = open(mount->path("f").c_str(), O_RDONLY);
            char bytes[4096];
            for (off_t at = 0;; at = (at + 4096) % 65536)
                if (pread(file, bytes, sizeof bytes, at) != sizeof bytes) return 1;
        });
        EXPECT_TRUE(eventually([&] { return works ? cache->leases() == 1 : !cache->reads().empty(); }));
        reader.signal(SIGKILL);
        EXPECT_EQ(reader.wait(), 128 + SIGKILL);
        EXPECT_TRUE(none_leased());
    }
}

TEST_F(PassthroughMount, TheMountEndsWhileFilesAreOpen) {
    cache->bring_all();
    const FileDescriptor file = open_file();
    EXPECT_EQ(cache->leases(), expected(1));
    EXPECT_LT(seconds_of([&] { mount->end(); }), 2);
    EXPECT_EQ(cache->leases(), 0);
    std::vector<std::byte> bytes(4096);
    const bool is_read = pread(file.get(), bytes.data(), bytes.size(), MiB) >= 0;
    EXPECT_TRUE(!is_read || is_content(bytes, MiB));
}

TEST_F(PassthroughMount, AConnectionThatIsCutEndsTheMountWhileFilesAreOpen) {
    cache->bring_all();
    const FileDescriptor file = open_file();
    Process({"umount", "-f", mount->path()}).wait();
    EXPECT_TRUE(eventually([&] { return mount->ended(); }));
    mount->end();
    EXPECT_EQ(cache->leases(), 0);
}

TEST_F(PassthroughMount, ItCanBeTurnedOff) {
    MountOptions options;
    options.options.passthrough = false;
    mount->end();
    begin(options);
    cache->bring_all();
    const FileDescriptor file = open_file();
    EXPECT_EQ(cache->leases(), 0);
    expect_content(file);
    EXPECT_FALSE(cache->reads().empty());
}

}  // namespace
}  // namespace btfs
