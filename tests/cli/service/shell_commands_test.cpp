#include "cli/service/shell_commands.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "engine/metainfo/metainfo.hpp"

namespace btfs::cli {
namespace {

const std::string kHash(40, 'a');
const std::string kMagnet = "magnet:?xt=urn:btih:" + kHash;

Error system_error(int number) {
    return {number, boost::system::generic_category()};
}

struct World {
    std::vector<std::string> added, removed;
    std::vector<CommandDone> waiting;
    std::optional<Error> told;
    ShellCommands commands{{.add =
                                [this](Bytes source, const std::string&, CommandDone done) {
                                    added.emplace_back(as_text(source));
                                    waiting.push_back(std::move(done));
                                },
                            .remove =
                                [this](const std::string& info_hash, CommandDone done) {
                                    removed.push_back(info_hash);
                                    waiting.push_back(std::move(done));
                                }}};

    CommandDone done() {
        return [this](const Error& error) { told = error; };
    }
    void take(const std::string& name, std::string_view text) {
        const ByteView bytes = as_bytes(text);
        commands.take(name, std::make_shared<const Bytes>(bytes.begin(), bytes.end()), done());
    }
};

TEST(ShellCommands, TakesTheFilesThatAWatchedFolderTakes) {
    const World world;
    for (const char* name : {"a.torrent", "b c.magnet"}) EXPECT_TRUE(world.commands.takes(name)) << name;
    for (const char* name : {"link", "a.txt", ".a.torrent", "a.torrent.part", "torrent", ".torrent"})
        EXPECT_FALSE(world.commands.takes(name)) << name;
    EXPECT_EQ(world.commands.max_file_size(), kMaxTorrentFileSize);
}

TEST(ShellCommands, ATorrentFileIsAddedAsItIs) {
    World world;
    world.take("a.torrent", "d4:infoe");
    EXPECT_EQ(world.added, std::vector<std::string>{"d4:infoe"});
    EXPECT_FALSE(world.told) << "not before it was added";
    world.waiting.at(0)(system_error(EINVAL));
    EXPECT_EQ(world.told, system_error(EINVAL));
}

TEST(ShellCommands, EachLineIsALinkAndAllAreAnsweredTogether) {
    World world;
    world.commands.add_links("\n " + kMagnet + " \r\nhttp://h/x.torrent\n\n" + kHash, world.done());
    EXPECT_EQ(world.added, (std::vector<std::string>{kMagnet, "http://h/x.torrent", kHash}));
    world.waiting.at(2)({});
    world.waiting.at(0)(system_error(EBUSY));
    EXPECT_FALSE(world.told);
    world.waiting.at(1)({});
    EXPECT_EQ(world.told, system_error(EBUSY));
}

TEST(ShellCommands, ALinkThatIsNoneFailsAndTheOthersAreAdded) {
    World world;
    world.commands.add_links("/etc/passwd\n" + kMagnet + "\n", world.done());
    EXPECT_EQ(world.added, std::vector<std::string>{kMagnet});
    world.waiting.at(0)({});
    EXPECT_EQ(world.told, system_error(EINVAL));
    world.told.reset();
    world.commands.add_links("file:///etc/passwd\n", world.done());
    EXPECT_EQ(world.told, system_error(EINVAL));
    EXPECT_EQ(world.added.size(), 1u);
}

TEST(ShellCommands, AnEmptyLineIsNothingButAFileOfLinksHasOne) {
    World world;
    world.commands.add_links("\n", world.done());
    EXPECT_EQ(world.told, Error{});
    world.take("a.magnet", " \n");
    EXPECT_EQ(world.told, system_error(EINVAL));
    world.take("a.magnet", kMagnet);
    EXPECT_EQ(world.added, std::vector<std::string>{kMagnet});
}

TEST(ShellCommands, ATorrentIsRemovedByItsInfoHash) {
    World world;
    world.commands.remove(kHash, world.done());
    EXPECT_EQ(world.removed, std::vector<std::string>{kHash});
    world.waiting.at(0)({});
    EXPECT_EQ(world.told, Error{});
}

TEST(ShellCommands, FailuresHaveTheNumbersThatProgramsKnow) {
    EXPECT_EQ(shell_error(Errc::torrent_no_info), system_error(EINVAL));
    EXPECT_EQ(shell_error(Errc::torrent_too_large), system_error(EFBIG));
    EXPECT_EQ(shell_error({ENOSPC, boost::system::system_category()}).value(), ENOSPC);
    EXPECT_EQ(shell_error({}), system_error(EBUSY)) << "said in words alone: it cannot be served now";
}

}  // namespace
}  // namespace btfs::cli
