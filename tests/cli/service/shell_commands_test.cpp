#include "cli/service/shell_commands.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <fstream>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/process/failure.hpp"
#include "engine/log/log.hpp"
#include "engine/metainfo/metainfo.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

const std::string kHash(40, 'a');
const std::string kMagnet = "magnet:?xt=urn:btih:" + kHash;

Error system_error(int number) {
    return {number, boost::system::generic_category()};
}

/// A worker whose jobs the test runs.
struct World {
    std::vector<std::string> added, removed;
    std::function<void(const std::string&)> fails = [](const std::string&) {};
    std::deque<ShellCommands::Job> jobs;
    std::optional<Error> told;
    ShellCommands commands{{.post = [this](ShellCommands::Job job) { jobs.push_back(std::move(job)); },
                            .add =
                                [this](const Bytes& source) {
                                    added.emplace_back(as_text(source));
                                    fails(added.back());
                                },
                            .remove =
                                [this](const std::string& info_hash) {
                                    removed.push_back(info_hash);
                                    fails(info_hash);
                                }}};

    CommandDone done() {
        return [this](const Error& error) { told = error; };
    }
    void take(const std::string& name, std::string_view text) {
        const ByteView bytes = as_bytes(text);
        commands.take(name, std::make_shared<const Bytes>(bytes.begin(), bytes.end()), done());
    }
    void run_one() {
        const ShellCommands::Job job = std::move(jobs.front());
        jobs.pop_front();
        job();
    }
    /// Runs all jobs; the outcome of the last command.
    std::optional<Error> outcome() {
        told.reset();  // of an earlier command
        while (!jobs.empty()) run_one();
        return told;
    }
};

TEST(ShellCommands, TakesTheFilesThatAWatchedFolderTakes) {
    const World world;
    for (const char* name : {"a.torrent", "b c.magnet"}) EXPECT_TRUE(world.commands.takes(name)) << name;
    for (const char* name : {"link", "a.txt", ".a.torrent", "a.torrent.part", "torrent", ".torrent"})
        EXPECT_FALSE(world.commands.takes(name)) << name;
    EXPECT_EQ(world.commands.max_file_size("a.torrent"), kMaxTorrentFileSize);
    EXPECT_EQ(world.commands.max_file_size("a.magnet"), ShellCommands::kMaxLinkFile);
}

TEST(ShellCommands, ATorrentFileIsAddedAsItIsByTheWorker) {
    World world;
    world.fails = [](const std::string&) { throw Failure("no torrent", Errc::torrent_no_info); };
    world.take("a.torrent", "d4:infoe");
    EXPECT_TRUE(world.added.empty()) << "the thread that asks waits for nothing";
    EXPECT_FALSE(world.told) << "not before it was added";
    EXPECT_EQ(world.outcome(), system_error(EINVAL));
    EXPECT_EQ(world.added, std::vector<std::string>{"d4:infoe"});
}

TEST(ShellCommands, EachLineIsALinkAndAllAreAnsweredTogether) {
    World world;
    world.commands.add_links("\n " + kMagnet + " \r\nhttp://h/x.torrent\n\n" + kHash, world.done());
    EXPECT_TRUE(world.added.empty());
    world.fails = [](const std::string& link) {
        if (link == "http://h/x.torrent") throw Failure("cannot be served now");
    };
    EXPECT_EQ(world.outcome(), system_error(EBUSY));
    EXPECT_EQ(world.added, (std::vector<std::string>{kMagnet, "http://h/x.torrent", kHash}));
}

TEST(ShellCommands, OtherJobsOfTheWorkerHaveTheirTurnBetweenTwoLinks) {
    World world;
    world.commands.add_links(kMagnet + "\n" + kHash + "\n", world.done());
    world.commands.remove(kHash, {[](const Error&) {}});
    world.run_one();
    world.run_one();
    EXPECT_EQ(world.added.size(), 1u);
    EXPECT_EQ(world.removed.size(), 1u);
    EXPECT_FALSE(world.told);
    EXPECT_EQ(world.outcome(), Error{});
    EXPECT_EQ(world.added.size(), 2u);
}

TEST(ShellCommands, ALinkThatIsNoneFailsAndTheOthersAreAdded) {
    World world;
    world.commands.add_links("/etc/passwd\n" + kMagnet + "\n", world.done());
    EXPECT_EQ(world.outcome(), system_error(EINVAL));
    EXPECT_EQ(world.added, std::vector<std::string>{kMagnet});
    world.commands.add_links("file:///etc/passwd\n", world.done());
    EXPECT_EQ(world.outcome(), system_error(EINVAL));
    EXPECT_EQ(world.added.size(), 1u);
}

TEST(ShellCommands, AnEmptyLineIsNothingButAFileOfLinksHasOne) {
    World world;
    world.commands.add_links("\n", world.done());
    EXPECT_EQ(world.outcome(), Error{});
    world.take("a.magnet", " \n");
    EXPECT_EQ(world.outcome(), system_error(EINVAL));
    world.take("a.magnet", kMagnet);
    EXPECT_EQ(world.outcome(), Error{});
    EXPECT_EQ(world.added, std::vector<std::string>{kMagnet});
}

TEST(ShellCommands, LinksThatAreWrittenAtOnceAreBounded) {
    World world;
    std::string lines;
    for (std::size_t i = 0; i < ShellCommands::kMaxLinks; ++i) lines += "http://" + std::to_string(i) + '\n';
    world.commands.add_links(lines, world.done());
    EXPECT_EQ(world.outcome(), Error{});
    EXPECT_EQ(world.added.size(), ShellCommands::kMaxLinks);
    for (const bool is_file : {false, true}) {
        if (is_file) {
            world.take("a.magnet", lines + "http://more");
        } else {
            world.commands.add_links(lines + "http://more\n", world.done());
        }
        EXPECT_EQ(world.outcome(), system_error(EFBIG));
    }
    EXPECT_EQ(world.added.size(), ShellCommands::kMaxLinks) << "none of them";
}

TEST(ShellCommands, TheLogTellsOfTheFirstLinksThatFailAndHowManyDid) {
    const TemporaryFolder folder;
    const std::string file = folder.path / "log";
    log::open({.file = file, .on_stderr = std::nullopt});
    const auto lines_of_log = [&] {
        std::vector<std::string> all;
        std::ifstream from(file);
        for (std::string line; std::getline(from, line);) all.push_back(line);
        return all;
    };
    World world;
    std::string lines;
    for (std::size_t i = 0; i < 1000; ++i) lines += "junk" + std::to_string(i) + '\n';
    world.take("a.magnet", lines);
    EXPECT_TRUE(lines_of_log().empty()) << "nothing is logged on the thread that asks";
    const auto outcome = world.outcome();
    log::open({});
    EXPECT_EQ(outcome, system_error(EINVAL));
    const auto logged = lines_of_log();
    ASSERT_EQ(logged.size(), ShellCommands::kMaxTold + 1);
    EXPECT_NE(logged.back().find("995 more"), std::string::npos) << logged.back();
}

TEST(ShellCommands, ATorrentIsRemovedByItsInfoHash) {
    World world;
    world.commands.remove(kHash, world.done());
    EXPECT_EQ(world.outcome(), Error{});
    EXPECT_EQ(world.removed, std::vector<std::string>{kHash});
}

TEST(ShellCommands, EachExceptionIsAnAnswer) {
    World world;
    world.fails = [](const std::string&) { throw std::bad_alloc(); };
    world.take("a.torrent", "d4:infoe");
    EXPECT_EQ(world.outcome(), system_error(EIO));
    world.commands.add_links(kMagnet, world.done());
    EXPECT_EQ(world.outcome(), system_error(EIO));
    world.commands.remove(kHash, world.done());
    EXPECT_EQ(world.outcome(), system_error(EIO));
}

TEST(ShellCommands, FailuresHaveTheNumbersThatProgramsKnow) {
    for (const Errc reason : {Errc::bencode_syntax, Errc::torrent_no_info, Errc::torrent_bad_file_tree,
                              Errc::magnet_malformed, Errc::magnet_no_hash})
        EXPECT_EQ(shell_error(reason), system_error(EINVAL));
    EXPECT_EQ(shell_error(Errc::torrent_too_large), system_error(EFBIG));
    EXPECT_EQ(shell_error(Errc::storage_full), system_error(ENOSPC));
    EXPECT_EQ(shell_error(Errc::storage_locked), system_error(EBUSY)) << "another mount serves it";
    for (const Errc reason :
         {Errc::storage_failed, Errc::storage_corrupt, Errc::torrent_paused, Errc::timed_out})
        EXPECT_EQ(shell_error(reason), system_error(EIO));
    EXPECT_EQ(shell_error({ENOSPC, boost::system::system_category()}).value(), ENOSPC);
    EXPECT_EQ(shell_error({}), system_error(EBUSY)) << "said in words alone: it cannot be served now";
}

}  // namespace
}  // namespace btfs::cli
