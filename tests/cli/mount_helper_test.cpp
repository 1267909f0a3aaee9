#include "cli/mount_helper.hpp"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

bool is_command(std::string_view word) {
    return word == "mount" || word == "umount";
}

std::optional<MountHelperCall> call(const Words& words) {
    return mount_helper_call(words, is_command);
}

TEST(MountHelper, IsKnownByTheNameOfTheProgram) {
    for (const char* program : {"/sbin/mount.btfs", "mount.fuse.btfs"}) {
        const auto found = call({program, "/a.torrent", "/mnt", "-o", "rw,cache-dir=/c"});
        ASSERT_TRUE(found) << program;
        EXPECT_THAT(found->words, ElementsAre("-o", "rw,cache-dir=/c", "--", "/a.torrent", "/mnt"));
        EXPECT_FALSE(found->only_pretend);
    }
}

TEST(MountHelper, TakesTheFlagsOfMount) {
    const auto found = call({"/sbin/mount.btfs", "/a.torrent", "/mnt", "-sn", "-v", "-N", "/proc/1/ns/mnt",
                             "-t", "btfs", "-o", "ro", "-o", "nosuid"});
    ASSERT_TRUE(found);
    EXPECT_THAT(found->words, ElementsAre("-o", "ro", "-o", "nosuid", "--", "/a.torrent", "/mnt"));
    EXPECT_TRUE(call({"mount.btfs", "/a.torrent", "/mnt", "-f"})->only_pretend);
    EXPECT_TRUE(call({"mount.btfs", "/a.torrent", "/mnt", "-vf"})->only_pretend);
}

TEST(MountHelper, LeavesWrongWordsToBeRefused) {
    EXPECT_THAT(call({"mount.btfs", "/mnt"})->words, ElementsAre("/mnt"));
    EXPECT_THAT(call({"mount.btfs", "/a", "/mnt", "--loud"})->words,
                ElementsAre("--loud", "--", "/a", "/mnt"));
    EXPECT_THAT(call({"mount.btfs"})->words, ElementsAre());
}

TEST(MountHelper, IsKnownByTheWordsOfMountFuse) {
    const auto found = call({"btfs", "magnet:?xt=urn:btih:0", "/mnt", "-o", "rw,dev,suid"});
    ASSERT_TRUE(found);
    EXPECT_THAT(found->words, ElementsAre("-o", "rw,dev,suid", "--", "magnet:?xt=urn:btih:0", "/mnt"));
    const TemporaryFolder folder;
    folder.write("a.torrent", "");
    const std::string file = folder.path / "a.torrent";
    EXPECT_THAT(call({"btfs", file, "/mnt"})->words, ElementsAre("--", file, "/mnt"));
    EXPECT_TRUE(call({"btfs", "https://host/a.torrent", "/mnt"}));
}

TEST(MountHelper, HasNoSourceIfItIsCalledNone) {
    EXPECT_THAT(call({"mount.btfs", "none", "/mnt", "-o", "rw"})->words,
                ElementsAre("-o", "rw", "--", "/mnt"));
    EXPECT_THAT(call({"btfs", "none", "/mnt"})->words, ElementsAre("--", "/mnt"));
    EXPECT_THAT(call({"mount.btfs", "./none", "/mnt"})->words, ElementsAre("--", "./none", "/mnt"));
}

TEST(MountHelper, IsNotACommandNorAMistypedOne) {
    for (const Words& words : {Words{"btfs"},
                               {"btfs", "mount", "/a", "/mnt"},
                               {"btfs", "umount", "/mnt"},
                               {"btfs", "unmount", "/mnt"},
                               {"btfs", "--version"},
                               {"btfs", "mout", "/a", "/mnt"},
                               {"btfs", "/missing", "/mnt"},
                               {"btfs", "mount", "/mnt", "-o", "ro"},
                               {"btfs", "/a", "/mnt", "--cache-dir", "/c"},
                               {}})
        EXPECT_FALSE(call(words)) << testing::PrintToString(words);
}

Words own(const Words& words) {
    return with_own_options(words, [](std::string_view name) {
        return name == "cache-dir" || name == "no-dht" || name == "peer";
    });
}

TEST(OwnOptions, ComeOutOfTheMountOptions) {
    EXPECT_THAT(own({"-o", "ro,cache-dir=/c,nosuid,no-dht", "--", "/a", "/mnt"}),
                ElementsAre("--cache-dir=/c", "--no-dht", "-o", "ro,nosuid", "--", "/a", "/mnt"));
    EXPECT_THAT(own({"-o", "peer=a:1,peer=b:2"}), ElementsAre("--peer=a:1", "--peer=b:2"));
    EXPECT_THAT(own({"-o", "ro"}), ElementsAre("-o", "ro"));
    EXPECT_THAT(own({"-o", ",ro,,"}), ElementsAre("-o", "ro"));
}

TEST(OwnOptions, AnEscapedCommaIsPartOfTheValue) {
    EXPECT_THAT(own({"-o", "cache-dir=/a\\,b,ro"}), ElementsAre("--cache-dir=/a,b", "-o", "ro"));
    EXPECT_THAT(own({"-o", "fsname=a\\,b,ro"}), ElementsAre("-o", "fsname=a\\,b,ro"))
        << "libfuse reads these itself";
}

TEST(OwnOptions, AreNotLookedForElsewhere) {
    EXPECT_THAT(own({"cache-dir=/c", "-f", "--", "-o", "no-dht"}),
                ElementsAre("cache-dir=/c", "-f", "--", "-o", "no-dht"));
    EXPECT_THAT(own({"-o"}), ElementsAre("-o")) << "a value is missing, and that is told";
}

}  // namespace
}  // namespace btfs::cli
