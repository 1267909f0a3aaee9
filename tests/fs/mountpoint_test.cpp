#include "fs/mountpoint.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace btfs {
namespace {

namespace files = std::filesystem;

class Mountpoint : public testing::Test {
  protected:
    Mountpoint() {
        std::string name = "/tmp/btfs-mountpoint-XXXXXX";
        if (mkdtemp(name.data()) == nullptr) std::abort();
        folder = name;
        files::create_directories(folder + "/real/mnt");
        files::create_directory_symlink("real", folder + "/link");
        files::create_directory_symlink("real/mnt", folder + "/relative");
        files::create_directory_symlink(folder + "/relative", folder + "/absolute");
        files::create_directory_symlink("loop", folder + "/loop");
    }
    ~Mountpoint() override { files::remove_all(folder); }

    std::string folder;
};

TEST_F(Mountpoint, IsNamedAsTheKernelListsIt) {
    const std::string real = folder + "/real/mnt";
    for (const char* name :
         {"/real/mnt", "/real/mnt/", "/real/./mnt//", "/real/mnt/.", "/link/mnt", "/relative", "/absolute",
          "/absolute/", "/link/../real/mnt", "/real/mnt/../mnt", "/absolute/../mnt"})
        EXPECT_EQ(absolute_mountpoint(folder + name), real) << name;
    EXPECT_EQ(absolute_mountpoint("/"), "/");
    EXPECT_EQ(absolute_mountpoint(folder + "/absolute/.."), folder + "/real");
}

TEST_F(Mountpoint, MayBeRelativeToWhereTheProgramIs) {
    const files::path before = files::current_path();
    files::current_path(folder + "/real/mnt");
    EXPECT_EQ(absolute_mountpoint("."), folder + "/real/mnt");
    EXPECT_EQ(absolute_mountpoint(".."), folder + "/real");
    EXPECT_EQ(absolute_mountpoint("../../relative"), folder + "/real/mnt");
    files::current_path(before);
}

TEST_F(Mountpoint, ThatIsNotThereHasANameAllTheSame) {
    EXPECT_EQ(absolute_mountpoint(folder + "/link/none"), folder + "/real/none");
    EXPECT_EQ(absolute_mountpoint(folder + "/none/none"), folder + "/none/none");
    EXPECT_TRUE(prepare_mountpoint(absolute_mountpoint(folder + "/loop"))) << "a symlink to itself";
}

TEST_F(Mountpoint, HasADeviceIfItIsThere) {
    struct stat status {};
    ASSERT_EQ(stat(folder.c_str(), &status), 0);
    EXPECT_EQ(device_at(folder), status.st_dev);
    EXPECT_FALSE(device_at(folder + "/none"));
}

TEST(PassedDescriptor, StandsInPlaceOfAMountpoint) {
    EXPECT_EQ(passed_descriptor("/dev/fd/9"), 9);
    for (const char* path :
         {"/dev/fd/", "/dev/fd/9/", "/dev/fd/-1", "/dev/fd/x", "/mnt/9", "/dev/fd/99999999999", ""})
        EXPECT_FALSE(passed_descriptor(path)) << path;
}

}  // namespace
}  // namespace btfs
