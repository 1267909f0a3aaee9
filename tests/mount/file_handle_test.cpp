// File handles, as NFS servers keep them. Needs root and /dev/fuse; unmounts its mounts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>

#include "tests/mount/support/live_mount.hpp"

namespace btfs {
namespace {

using namespace test;

struct Free {
    void operator()(file_handle* handle) const { std::free(handle); }
};
using Handle = std::unique_ptr<file_handle, Free>;

Handle handle_of(const std::string& path) {
    Handle handle(static_cast<file_handle*>(std::calloc(1, sizeof(file_handle) + MAX_HANDLE_SZ)));
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount_id = 0;
    EXPECT_EQ(name_to_handle_at(AT_FDCWD, path.c_str(), handle.get(), &mount_id, 0), 0)
        << path << ": " << std::strerror(errno);
    return handle;
}

/// Makes the kernel forget unused entries and inodes.
void drop_caches() {
    std::ofstream("/proc/sys/vm/drop_caches") << 2 << std::flush;
}

class FileHandles : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = mounting_is_impossible()) GTEST_SKIP() << *why;
    }
    /// Opens the handle. Returns a descriptor, or -errno.
    static int open_in(const LiveMount& mount, const Handle& handle, int flags = O_RDONLY) {
        const int root = open(mount.path().c_str(), O_RDONLY | O_DIRECTORY);
        const int fd = open_by_handle_at(root, handle.get(), flags);
        const int result = fd < 0 ? -errno : fd;
        close(root);
        return result;
    }
    static std::string text_of(int fd) {
        std::string text(100, '\0');
        const ssize_t size = pread(fd, text.data(), text.size(), 0);
        text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        close(fd);
        return text;
    }
};

TEST_F(FileHandles, OpenAfterTheKernelHasForgottenTheNode) {
    LiveMount mount({{"t/d/e/f", 100'000}, {"t/d/e/g", 1}, {"t/z", 5}});
    mount.cache().bring_all();
    const Handle file = handle_of(mount.path("t/d/e/f")), folder = handle_of(mount.path("t/d/e")),
                 top = handle_of(mount.path("t"));
    for (int i = 0; i < 3; ++i) {
        drop_caches();
        const int fd = open_in(mount, file);
        ASSERT_GE(fd, 0) << std::strerror(-fd);
        std::vector<std::byte> bytes(1000);
        EXPECT_EQ(pread(fd, bytes.data(), bytes.size(), 50'000), 1000);
        EXPECT_TRUE(is_content(bytes, 50'000));
        close(fd);
        drop_caches();
        const int fd_of_folder = open_in(mount, folder, O_RDONLY | O_DIRECTORY);
        ASSERT_GE(fd_of_folder, 0) << std::strerror(-fd_of_folder);
        EXPECT_EQ(faccessat(fd_of_folder, "g", R_OK, 0), 0);
        EXPECT_EQ(faccessat(fd_of_folder, "../../z", R_OK, 0), 0) << "its parents are found, too";
        close(fd_of_folder);
        drop_caches();
        const int fd_of_top = open_in(mount, top, O_RDONLY | O_DIRECTORY);
        ASSERT_GE(fd_of_top, 0) << std::strerror(-fd_of_top);
        close(fd_of_top);
    }
}

TEST_F(FileHandles, MeanTheSameFileAfterARemountOrNone) {
    const FileList kept = file_list({{"set/a", 3}, {"set/b", 4}}), gone = file_list({{"other/a", 3}});
    std::optional<LiveMount> mount(std::in_place);
    mount->add(gone, "gone");
    mount->add(kept, "kept");
    const Handle kept_file = handle_of(mount->path("set/b")), lost_file = handle_of(mount->path("other/a"));
    mount.emplace();
    mount->add(file_list({{"new/a", 3}, {"new/b", 4}}), "new").bring_all();
    mount->add(kept, "kept").bring_all();
    const int fd = open_in(*mount, kept_file);
    ASSERT_GE(fd, 0) << std::strerror(-fd);
    struct stat opened {
    }, named{};
    EXPECT_EQ(fstat(fd, &opened), 0);
    EXPECT_EQ(stat(mount->path("set/b").c_str(), &named), 0);
    EXPECT_EQ(opened.st_ino, named.st_ino);
    EXPECT_EQ(text_of(fd).size(), 4u);
    EXPECT_EQ(open_in(*mount, lost_file), -ESTALE);
}

TEST_F(FileHandles, OfAnotherFileInThatPlaceAreStale) {
    // The torrents' info-hashes begin alike, so that each of them, if added first, gets the same NodeIds.
    Sha1Digest first = sha1(as_bytes("1")), second = first;
    second.bytes[19] ^= std::byte{1};
    std::optional<LiveMount> mount(std::in_place);
    mount->add_with_hash(file_list({{"set/a", 3}}), first);
    const Handle handle = handle_of(mount->path("set/a"));
    mount.emplace();
    mount->add_with_hash(file_list({{"set/a", 3}}), second);
    EXPECT_EQ(open_in(*mount, handle), -ESTALE);
}

}  // namespace
}  // namespace btfs
