#include "cli/control/mount_record.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Returns a mount that no other process knows.
KernelMount some_mount(uid_t owner = geteuid()) {
    return {"7:" + std::to_string(getpid()), "fuse.btfs", "/", owner, 0};
}

TEST(MountRecord, NamesTheProcessWhileItLives) {
    const KernelMount mount = some_mount();
    EXPECT_THAT(MountRecord::find(mount), IsEmpty());
    {
        const MountRecord record(mount);
        EXPECT_THAT(MountRecord::find(mount), ElementsAre(getpid()));
        EXPECT_TRUE(MountRecord::is_held_by(getpid(), mount));
        EXPECT_FALSE(MountRecord::is_held_by(getppid(), mount));
        KernelMount other = mount;
        other.device += "0";
        EXPECT_THAT(MountRecord::find(other), IsEmpty());
    }
    EXPECT_THAT(MountRecord::find(mount), IsEmpty());
}

TEST(MountRecord, TellsWhereItsProcessCanBeAsked) {
    const KernelMount mount = some_mount();
    EXPECT_FALSE(MountRecord::control_socket(mount));
    {
        const MountRecord record(mount);
        EXPECT_FALSE(MountRecord::control_socket(mount));
    }
    MountRecord record(mount);
    record.set_control_socket("/run/x y/7.sock");
    EXPECT_EQ(MountRecord::control_socket(mount), std::filesystem::path("/run/x y/7.sock"));
}

TEST(MountRecord, IsNotInherited) {
    const KernelMount mount = some_mount();
    const MountRecord record(mount);
    const std::string command = "test -z \"$(ls -l /proc/self/fd | grep btfs-mount)\"";
    EXPECT_EQ(system(command.c_str()), 0);
}

/// Process of an ordinary user that holds a record of the mount until it is destroyed.
class Stranger {
  public:
    Stranger(uid_t user, const KernelMount& mount) {
        if (pipe(ready_) != 0 || pipe(end_) != 0) std::abort();
        child_ = fork();
        if (child_ != 0) {
            char word = 0;
            EXPECT_EQ(read(ready_[0], &word, 1), 1);
            return;
        }
        close(end_[1]);
        if (setresuid(user, user, user) != 0) _exit(1);
        const MountRecord record(mount);
        char word = 'x';
        (void)!write(ready_[1], &word, 1);
        (void)!read(end_[0], &word, 1);
        _exit(0);
    }
    ~Stranger() {
        for (int fd : {ready_[0], ready_[1], end_[0], end_[1]}) close(fd);
        waitpid(child_, nullptr, 0);
    }
    pid_t pid() const { return child_; }

  private:
    int ready_[2], end_[2];
    pid_t child_;
};

TEST(MountRecord, OfAUserIsFoundByRootIfTheMountIsThatUsers) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    constexpr uid_t kAnn = 54'321;
    const KernelMount mount = some_mount(kAnn);
    const Stranger stranger(kAnn, mount);
    EXPECT_THAT(MountRecord::find(mount), ElementsAre(stranger.pid()));
    EXPECT_THAT(MountRecord::find(some_mount(kAnn + 1)), IsEmpty())
        << "a record of the mount by someone else";
    EXPECT_THAT(MountRecord::find(some_mount(0)), IsEmpty());
}

TEST(FindMount, TellsWhatIsMounted) {
    const auto found = find_mount("/proc");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->type, "proc");
    EXPECT_THAT(found->device, testing::MatchesRegex("[0-9]+:[0-9]+"));
    EXPECT_TRUE(find_mount("/proc/"));
    EXPECT_TRUE(find_mount("/usr/../proc"));
    const TemporaryFolder folder;
    EXPECT_FALSE(find_mount(folder.path));
    EXPECT_FALSE(find_mount(folder.path / "missing"));
    std::filesystem::create_directory_symlink("/", folder.path / "root");
    EXPECT_TRUE(find_mount(folder.path / "root" / "proc")) << "parents are resolved";
}

}  // namespace
}  // namespace btfs::cli
