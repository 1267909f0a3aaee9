// Processes that fork, close and die while their READs wait. Needs root and /dev/fuse; unmounts its mounts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/mount/support/live_mount.hpp"

namespace btfs {
namespace {

using namespace test;

constexpr std::uint64_t MiB = 1 << 20;

// Reader in a thread, by libc's pread(): Python's own repeats a call after EINTR. next() waits for the test.
constexpr const char* kPrelude = R"(
import ctypes, mmap, os, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(sys.argv[1], os.O_RDONLY)
os.set_inheritable(fd, True)
steps = open(sys.argv[2])
next = steps.readline
results = []
def read():
    into = ctypes.create_string_buffer(100)
    results.append(libc.pread(fd, into, 100, 0))
)";

class ReaderProcesses : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = mounting_is_impossible()) GTEST_SKIP() << *why;
        mount.emplace(LiveMount::Files{{"f", 64 * MiB}});
        pipe = scratch.path() + "/steps";
        ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
        steps = open(pipe.c_str(), O_RDWR);
    }
    void TearDown() override {
        close(steps);
        unlink(pipe.c_str());
    }
    Process python(const std::string& script) {
        return Process(std::vector<std::string>{"python3", "-c", kPrelude + script, mount->path("f"), pipe});
    }
    void step() { ASSERT_EQ(write(steps, "\n", 1), 1); }
    bool waits() {
        return eventually([&] { return mount->cache().parked_count() > 0; });
    }

    std::optional<LiveMount> mount;
    MountFolder scratch;
    std::string pipe;
    int steps = -1;
};

TEST_F(ReaderProcesses, ALiveReaderWaitsOnThroughItsProcesssForksAndCloses) {
    Process reader = python(R"(
thread = threading.Thread(target=read)
thread.start()
next()
for i in range(3):
    os.close(os.dup(fd))
    subprocess.run(["true"], close_fds=False, check=True)
    subprocess.run(["true"], close_fds=True, check=True)
    if os.fork() == 0: os._exit(0)
    os.wait()
open(sys.argv[2] + ".done", "w").close()
thread.join()
sys.exit(0 if results == [100] else 1)
)");
    ASSERT_TRUE(waits());
    const std::size_t reads = mount->cache().reads().size();
    step();
    const std::string done = pipe + ".done";
    ASSERT_TRUE(eventually([&] { return access(done.c_str(), F_OK) == 0; }));
    unlink(done.c_str());
    EXPECT_EQ(mount->cache().reads().size(), reads) << "no READ was ended and asked for again";
    EXPECT_FALSE(mount->sink().posts().back().idle());
    mount->cache().bring_all();
    EXPECT_EQ(reader.wait(), 0) << "1: a read failed";
}

TEST_F(ReaderProcesses, OfTwoOnOneDescriptorTheDeathOfOneIsNotTheOthers) {
    Process parent = python(R"(
child = os.fork()
if child == 0:
    os.pread(fd, 100, 32 << 20)
    os._exit(0)
thread = threading.Thread(target=read)
thread.start()
next()
os.kill(child, 9)
os.wait()
thread.join()
sys.exit(0 if results == [100] else 1)
)");
    ASSERT_TRUE(eventually([&] { return mount->cache().parked_count() >= 2; }));
    const std::size_t before = mount->cache().parked_count();
    step();
    EXPECT_TRUE(eventually([&] { return mount->cache().parked_count() < before; }));
    EXPECT_GT(mount->cache().parked_count(), 0u);
    EXPECT_FALSE(mount->sink().posts().back().idle());
    mount->cache().bring_all();
    EXPECT_EQ(parent.wait(), 0);
}

TEST_F(ReaderProcesses, AThreadedReaderThatIsKilledWantsNothingAtOnce) {
    Process reader = python(R"(
for i in range(4): threading.Thread(target=read).start()
next()
)");
    ASSERT_TRUE(waits());
    reader.signal(SIGKILL);
    EXPECT_EQ(reader.wait(std::chrono::seconds(1)), 128 + SIGKILL);
    EXPECT_TRUE(eventually([&] { return mount->cache().parked_count() == 0; }, std::chrono::seconds(1)));
    EXPECT_TRUE(eventually([&] { return mount->sink().drops() == 1; }));
}

TEST_F(ReaderProcesses, WhoClosesAFileAndLivesOnLeavesNoReadaheadWaiting) {
    Process reader = python(R"(
os.posix_fadvise(fd, 32 << 20, 128 << 10, os.POSIX_FADV_WILLNEED)
next()
os.close(fd)
next()
)");
    ASSERT_TRUE(waits()) << "the kernel reads ahead, and no thread waits for it";
    step();
    EXPECT_TRUE(eventually([&] { return mount->cache().parked_count() == 0; }));
    EXPECT_TRUE(eventually([&] { return mount->sink().drops() == 1; }));
    step();
    EXPECT_EQ(reader.wait(), 0);
}

TEST_F(ReaderProcesses, APageOfAMappedFileOutlivesItsDescriptorsButNotItsProcess) {
    for (const bool killed : {false, true}) {
        Process reader = python(R"(
memory = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ)
memory.madvise(mmap.MADV_RANDOM)
os.close(fd)
thread = threading.Thread(target=lambda: results.append(memory[5 << 20]))
thread.start()
next()
for i in range(3):
    subprocess.run(["true"], close_fds=False, check=True)
thread.join()
)");
        ASSERT_TRUE(waits());
        if (killed) {
            reader.signal(SIGKILL);
            EXPECT_EQ(reader.wait(std::chrono::seconds(2)), 128 + SIGKILL);
            EXPECT_TRUE(eventually([&] { return mount->cache().parked_count() == 0; }));
        } else {
            step();
            mount->cache().bring({5 * MiB, 6 * MiB});
            EXPECT_EQ(reader.wait(), 0);
            mount.emplace(LiveMount::Files{{"f", 64 * MiB}});
        }
    }
}

}  // namespace
}  // namespace btfs
