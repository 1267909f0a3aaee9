#include "fs/mount_options.hpp"

#include <gmock/gmock.h>

namespace btfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string problem(const std::string& options) {
    const auto parsed = parse_mount_options({options});
    return parsed ? "none" : parsed.error();
}

TEST(MountOptions, OptionsOfFstabAreDropped) {
    const auto parsed = parse_mount_options(
        {"_netdev,nofail,defaults,user,users,noauto,auto,owner,group,user=ann", "x-systemd.automount",
         "X-mount.mkdir=0755,x-systemd.requires=network.target,comment=films,rw,ro,dev,suid,nodev,nosuid,"
         "relatime"});
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->for_libfuse, IsEmpty());
    EXPECT_FALSE(parsed->uid || parsed->gid);
}

TEST(MountOptions, OthersAreLeftToLibfuseInTheirOrder) {
    const auto parsed = parse_mount_options({"allow_other,nofail,noexec", "fsname=a\\,b", "max_read=4096,"});
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->for_libfuse, ElementsAre("allow_other", "noexec", "fsname=a\\,b", "max_read=4096"));
}

TEST(MountOptions, OwnersAreNumbersOrNames) {
    const auto numbers = parse_mount_options({"uid=1234,gid=5678"});
    ASSERT_TRUE(numbers);
    EXPECT_EQ(numbers->uid, 1234u);
    EXPECT_EQ(numbers->gid, 5678u);
    const auto names = parse_mount_options({"uid=root", "gid=root"});
    ASSERT_TRUE(names);
    EXPECT_EQ(names->uid, 0u);
    EXPECT_EQ(names->gid, 0u);
}

TEST(MountOptions, WrongOnesSayWhatIsWrong) {
    for (const char* option :
         {"uid=", "uid=-1", "uid=4294967295", "uid=no such user", "gid=1x", "gid=4294967296"})
        EXPECT_THAT(problem(option), HasSubstr(std::string(option) + ": no such ")) << option;
    EXPECT_THAT(problem("remount"), HasSubstr("unmount it"));
}

TEST(MountOptions, InodeNumbersAreWideUnlessToldOtherwise) {
    EXPECT_EQ(parse_mount_options({"defaults"})->inode_width, InodeWidth::bits63);
    EXPECT_EQ(parse_mount_options({"defaults,inode32"})->inode_width, InodeWidth::bits32);
}

TEST(MountOptions, OfReadOnlyAndWritableTheLastCounts) {
    EXPECT_FALSE(parse_mount_options({"defaults"})->read_only);
    EXPECT_TRUE(parse_mount_options({"rw,ro"})->read_only);
    EXPECT_FALSE(parse_mount_options({"ro", "nosuid,rw"})->read_only);
    EXPECT_TRUE(parse_mount_options({"ro"})->for_libfuse.empty());
}

TEST(MountOptions, PassthroughIsOnUnlessTurnedOff) {
    EXPECT_TRUE(parse_mount_options({"ro"})->passthrough);
    EXPECT_FALSE(parse_mount_options({"ro,no_passthrough"})->passthrough);
    EXPECT_TRUE(parse_mount_options({"no_passthrough"})->for_libfuse.empty());
}

}  // namespace
}  // namespace btfs
