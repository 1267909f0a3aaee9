// Files of .btfs that take commands, as the kernel writes to them.
#include "fs/command_handle.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fs/errno_map.hpp"
#include "fs/filesystem.hpp"
#include "tests/support/fake_mount_commands.hpp"

namespace btfs {
namespace {

using Asked = std::vector<std::string>;

constexpr pid_t kProgram = 7, kThreadOfProgram = 8, kKilled = 9, kChild = 10;
constexpr Opening kWrite{.for_writing = true, .may_command = true};
constexpr Opening kTruncate{.for_writing = true, .truncates = true, .may_command = true};

struct OneIsKilled final : Processes {
    Life life(pid_t) const override { return Life::alive; }
    bool may_have_open(pid_t, std::uint64_t) const override { return true; }
    bool was_killed(pid_t thread) const override { return thread == kKilled; }
    pid_t process(pid_t thread) const override { return thread == kThreadOfProgram ? kProgram : thread; }
    std::string name(pid_t) const override { return program; }

    std::string program = "cp";
};

/// A mount without torrents whose .btfs takes commands; two members can be removed.
struct Mount {
    OneIsKilled processes;
    test::FakeMountCommands commands;
    std::set<std::string> members{"aa", "bb"};
    TimePoint now{};
    Filesystem filesystem{{.virtual_files = {{"status", [] { return std::string("s"); }}},
                           .virtual_members = VirtualMembers{
                               .name = "torrents",
                               .list = [this] { return std::vector(members.begin(), members.end()); },
                               .has = [this](const std::string& name) { return members.contains(name); },
                               .files = {{"peers", [](const std::string&) { return std::string("p"); }}}},
                           .commands = &commands,
                           .now = [this] { return now; },
                           .processes = &processes}};

    Result<Attributes> look(const std::vector<std::string>& path) {
        Attributes at{.node = kRootNode};
        for (const std::string& name : path) {
            const auto next = filesystem.lookup(at.node, name);
            if (!next) return next.error();
            at = *next;
        }
        return at;
    }
    NodeId node(const std::vector<std::string>& path) { return look(path).value().node; }
    std::vector<std::string> names(const std::vector<std::string>& path) {
        const Listing listing = filesystem.list(node(path)).value();
        std::vector<std::string> names;
        for (std::size_t i = 2; i < listing.size(); ++i) names.emplace_back(listing.at(i).name);
        return names;
    }
    /// Looks up a name in the folder `add` as a program does.
    Result<Attributes> find(std::string_view name, pid_t thread = kProgram) {
        return filesystem.lookup(VirtualFolder::kAddNode, name, thread);
    }
    Filesystem::Created create(std::string_view name) {
        return filesystem.create(VirtualFolder::kAddNode, name, kWrite).value();
    }
    Handle* open(const std::vector<std::string>& path, const Opening& opening = kWrite) {
        return filesystem.open(node(path), opening).value();
    }
};

/// Nothing: it is not answered yet.
std::optional<Error> written(Handle* file, std::string_view text, std::uint64_t at = 0,
                             pid_t writer = kProgram) {
    const auto answer = std::make_shared<std::optional<Error>>();
    file->write(at, as_bytes(text), writer, [answer](const Error& error) { *answer = error; });
    return *answer;
}

std::optional<Error> closed(Handle* file, pid_t closer = kProgram) {
    const auto answer = std::make_shared<std::optional<Error>>();
    file->flush(closer, [answer](const Error& error) { *answer = error; });
    return *answer;
}

TEST(Commands, AreFilesThatTheMountsUserMayWrite) {
    Mount mount;
    EXPECT_EQ(mount.names({".btfs"}), (std::vector<std::string>{"status", "torrents", "add"}));
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link"}));
    EXPECT_EQ(mount.names({".btfs", "torrents", "aa"}), (std::vector<std::string>{"peers", "remove"}));
    const NodeId add = mount.node({".btfs", "add"}), aa = mount.node({".btfs", "torrents", "aa"});
    EXPECT_EQ(mount.look({".btfs"})->links, 4u);
    EXPECT_EQ(mount.node({".btfs", "add", ".."}), VirtualFolder::kNode);
    EXPECT_EQ(mount.filesystem.lookup(mount.node({".btfs", "add", "link"}), "..")->node, add);
    EXPECT_EQ(mount.filesystem.lookup(mount.node({".btfs", "torrents", "aa", "remove"}), "..")->node, aa);
    for (const std::vector<std::string>& path :
         {std::vector<std::string>{".btfs", "add", "link"}, {".btfs", "torrents", "bb", "remove"}}) {
        const Attributes file = mount.look(path).value();
        EXPECT_TRUE(file.takes_commands);
        EXPECT_EQ(file.size, 0u);
        EXPECT_EQ(mount.filesystem.attributes(file.node)->inode, file.inode);
        EXPECT_EQ(mount.filesystem.open(file.node, Opening{.for_writing = true}).error(),
                  fs_error::access_denied());
        EXPECT_TRUE(mount.filesystem.open(file.node, Opening{})) << "everybody may read that it is empty";
    }
    EXPECT_FALSE(mount.look({".btfs", "status"})->takes_commands);
    mount.members.erase("bb");
    EXPECT_EQ(mount.look({".btfs", "torrents", "bb", "remove"}).error(), fs_error::not_found());
}

TEST(Commands, AreNotThereWithoutSomebodyWhoCarriesThemOut) {
    Filesystem filesystem({.virtual_files = {{"status", [] { return std::string("s"); }}}});
    EXPECT_FALSE(filesystem.takes_commands());
    EXPECT_EQ(filesystem.lookup(VirtualFolder::kNode, "add").error(), fs_error::not_found());
    EXPECT_EQ(filesystem.usage().room, 0u);
    for (const NodeId node : {VirtualFolder::kAddNode, VirtualFolder::kLinkNode, VirtualFolder::kFirstRemove,
                              VirtualFolder::kFirstDrop}) {
        EXPECT_EQ(filesystem.attributes(node).error(), fs_error::not_found());
        EXPECT_EQ(filesystem.open(node, kWrite).error(), fs_error::not_found());
    }
    EXPECT_EQ(filesystem.create(VirtualFolder::kAddNode, "x.torrent", kWrite).error(), fs_error::read_only());
}

TEST(Commands, AFileIsTakenWhenItIsClosedAndListedUntilThen) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    const Attributes file = created.attributes;
    EXPECT_TRUE(file.takes_commands);
    EXPECT_EQ(closed(created.handle), Error{}) << "a shell closes a copy of its descriptor first";
    EXPECT_EQ(mount.look({".btfs", "add", "x.torrent"})->node, file.node);
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link", "x.torrent"}));
    EXPECT_EQ(written(created.handle, "cd", 2), Error{});
    EXPECT_EQ(written(created.handle, "ab", 0), Error{});
    EXPECT_EQ(mount.filesystem.attributes(file.node)->size, 4u);
    EXPECT_TRUE(mount.commands.asked.empty());
    mount.commands.holds = true;
    EXPECT_EQ(closed(created.handle), std::nullopt) << "it is answered when the torrent was added";
    EXPECT_EQ(mount.commands.asked, Asked{"take x.torrent: abcd"});
    EXPECT_EQ(mount.look({".btfs", "add", "x.torrent"}).error(), fs_error::not_found());
    EXPECT_EQ(mount.filesystem.attributes(file.node)->size, 4u) << "it is open still";
    mount.commands.answer();
    EXPECT_EQ(closed(created.handle), Error{});
    EXPECT_EQ(mount.commands.asked.size(), 1u) << "it was taken before";
    mount.filesystem.release(*created.handle);
    mount.now += 2 * TakenNames::kLifetime;
    EXPECT_EQ(mount.filesystem.attributes(file.node).error(), fs_error::not_found());
}

TEST(Commands, AFileThatIsRefusedFailsItsCloseAndMayBeWrittenOn) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "half");
    mount.commands.outcome = fs_error::bad_name();
    EXPECT_EQ(closed(created.handle), fs_error::bad_name());
    mount.commands.outcome = {};
    (void)written(created.handle, "half", 4);
    EXPECT_EQ(closed(created.handle), Error{});
    EXPECT_EQ(mount.commands.asked, (Asked{"take x.torrent: half", "take x.torrent: halfhalf"}));
}

TEST(Commands, AFileIsReadAndTruncatedWhileItIsOpen) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc");
    Handle* const again = mount.filesystem.open(created.attributes.node, kTruncate).value();
    EXPECT_EQ(mount.filesystem.attributes(created.attributes.node)->size, 0u);
    (void)written(again, "de");
    const auto changed = mount.filesystem.change(created.attributes.node, 1, true);
    EXPECT_EQ(changed->size, 1u);
    EXPECT_EQ(mount.filesystem.change(created.attributes.node, std::nullopt, true)->size, 1u);
    EXPECT_EQ(mount.filesystem.change(created.attributes.node, 1001, true).error(), fs_error::too_large());
    EXPECT_EQ(mount.filesystem.change(created.attributes.node, 0, false).error(), fs_error::access_denied());
    EXPECT_EQ(closed(again), Error{});
    EXPECT_EQ(mount.commands.asked, Asked{"take x.torrent: d"});
}

TEST(Commands, OtherNamesFoldersAndUsersMakeNoFile) {
    Mount mount;
    const auto refusal = [&](NodeId folder, std::string_view name, Opening opening = kWrite) {
        return mount.filesystem.create(folder, name, opening).error();
    };
    const NodeId add = VirtualFolder::kAddNode;
    EXPECT_EQ(refusal(add, "x.txt"), fs_error::bad_name());
    EXPECT_EQ(refusal(add, "link"), fs_error::exists());
    EXPECT_EQ(refusal(add, "x.torrent", Opening{.for_writing = true}), fs_error::access_denied());
    for (const NodeId folder : {kRootNode, VirtualFolder::kNode, VirtualFolder::kMembersNode,
                                mount.node({".btfs", "torrents", "aa"}), NodeId{77} << 32})
        EXPECT_EQ(refusal(folder, "x.torrent"), fs_error::read_only());
    for (const NodeId node : {kRootNode, VirtualFolder::kNode, mount.node({".btfs", "status"})})
        EXPECT_EQ(mount.filesystem.change(node, 0, true).error(), fs_error::read_only());
    EXPECT_TRUE(mount.filesystem.change(add, std::nullopt, true));
}

TEST(Commands, LinksAreAddedByWholeLinesAndTheRestWhenItIsClosed) {
    Mount mount;
    Handle* const link = mount.open({".btfs", "add", "link"});
    EXPECT_EQ(written(link, "a\nb"), Error{});
    EXPECT_EQ(mount.commands.asked, Asked{"link a\n"});
    EXPECT_EQ(written(link, "c", 77), Error{}) << "a stream has no offsets";
    EXPECT_EQ(mount.commands.asked.size(), 1u);
    mount.commands.outcome = fs_error::bad_name();
    EXPECT_EQ(written(link, "d\ne"), fs_error::bad_name());
    EXPECT_EQ(mount.commands.asked.back(), "link bcd\n");
    mount.commands.outcome = {};
    EXPECT_EQ(closed(link), Error{});
    EXPECT_EQ(mount.commands.asked.back(), "link e");
    EXPECT_EQ(closed(link), Error{});
    EXPECT_EQ(mount.commands.asked.size(), 3u);
}

TEST(Commands, ALineWithoutAnEndIsBounded) {
    Mount mount;
    Handle* const link = mount.open({".btfs", "add", "link"});
    EXPECT_EQ(written(link, std::string(LinkHandle::kMaxLine, 'a')), Error{});
    EXPECT_EQ(written(link, "a"), fs_error::too_large());
    EXPECT_EQ(written(link, "of the same line"), fs_error::too_large());
    EXPECT_EQ(written(link, "its end\nb"), Error{});
    EXPECT_TRUE(mount.commands.asked.empty()) << "nothing of the line is a link";
    EXPECT_EQ(written(link, "c\n"), Error{});
    EXPECT_EQ(mount.commands.asked, Asked{"link bc\n"});
    EXPECT_EQ(written(link, "good\n" + std::string(LinkHandle::kMaxLine + 1, 'a')), fs_error::too_large());
    EXPECT_EQ(mount.commands.asked.back(), "link good\n");
    EXPECT_EQ(closed(link), Error{});
    EXPECT_EQ(written(link, "next\n"), Error{}) << "a close ends a line";
    EXPECT_EQ(mount.commands.asked.back(), "link next\n");
    EXPECT_EQ(mount.commands.asked.size(), 3u);
}

TEST(Commands, AMemberIsRemovedByAWrite) {
    Mount mount;
    Handle* const remove = mount.open({".btfs", "torrents", "bb", "remove"});
    EXPECT_EQ(closed(remove), Error{}) << "as touch does: nothing was written";
    EXPECT_TRUE(mount.commands.asked.empty());
    mount.commands.holds = true;
    EXPECT_EQ(written(remove, "1\n"), std::nullopt);
    EXPECT_EQ(mount.commands.asked, Asked{"remove bb"});
    mount.commands.answer();
    EXPECT_EQ(written(remove, "1\n"), Error{});
    EXPECT_EQ(closed(remove), Error{});
    EXPECT_EQ(mount.commands.asked.size(), 1u) << "once";
}

TEST(Commands, AMemberIsRemovedByATruncatingOpenAndTheWriteBehindItTellsTheOutcome) {
    Mount mount;
    Handle* const remove = mount.open({".btfs", "torrents", "aa", "remove"}, kTruncate);
    EXPECT_TRUE(mount.commands.asked.empty());
    mount.commands.outcome = fs_error::busy();
    EXPECT_EQ(closed(remove), fs_error::busy());
    EXPECT_EQ(mount.commands.asked, Asked{"remove aa"});
    EXPECT_EQ(written(remove, "\n"), fs_error::busy());
    EXPECT_EQ(mount.commands.asked.size(), 1u);
}

TEST(Commands, AMemberIsRemovedByTruncatingADescriptorAndNotByItsPath) {
    Mount mount;
    const NodeId node = mount.node({".btfs", "torrents", "aa", "remove"});
    EXPECT_EQ(mount.filesystem.change(node, 0, true, kProgram).error(), fs_error::bad_size())
        << "nothing would come of it";
    mount.processes.program = "nfsd";
    EXPECT_TRUE(mount.filesystem.change(node, 0, true, kProgram)) << "a WRITE follows";
    mount.processes.program = "";
    EXPECT_TRUE(mount.filesystem.change(node, 0, true, kProgram)) << "it may be that";
    EXPECT_TRUE(mount.filesystem.change(node, std::nullopt, true, kProgram)) << "as touch does";
    EXPECT_TRUE(mount.commands.asked.empty());
    Handle* const remove = mount.open({".btfs", "torrents", "aa", "remove"});
    EXPECT_EQ(mount.filesystem.change(node, 5, true).error(), fs_error::bad_size());
    ASSERT_TRUE(mount.filesystem.change(node, 0, true));
    mount.commands.outcome = fs_error::busy();
    Error told;
    remove->truncated([&](const Error& error) { told = error; });
    EXPECT_EQ(told, fs_error::busy());
    EXPECT_EQ(mount.commands.asked, Asked{"remove aa"});
    EXPECT_EQ(closed(remove), Error{}) << "it was told before";
    EXPECT_EQ(mount.commands.asked.size(), 1u);
}

TEST(Commands, LinkIsEmptyAndStaysSo) {
    Mount mount;
    const NodeId node = mount.node({".btfs", "add", "link"});
    EXPECT_TRUE(mount.filesystem.change(node, 0, true, kProgram));
    EXPECT_EQ(mount.filesystem.change(node, 5, true, kProgram).error(), fs_error::bad_size());
    Handle* const link = mount.open({".btfs", "add", "link"}, kTruncate);
    EXPECT_EQ(closed(link), Error{});
    EXPECT_TRUE(mount.commands.asked.empty());
}

TEST(Commands, WhatAKilledProgramWroteIsNotCarriedOut) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc", 0, kKilled);
    EXPECT_EQ(closed(created.handle, kKilled), Error{});
    EXPECT_EQ(closed(created.handle), Error{});
    EXPECT_EQ(mount.filesystem.attributes(created.attributes.node)->size, 0u);
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link"}));
    Handle* const link = mount.open({".btfs", "add", "link"});
    (void)written(link, "magnet:?xt=urn:btih:0123", 0, kKilled);
    EXPECT_EQ(closed(link, kKilled), Error{});
    EXPECT_EQ(closed(mount.open({".btfs", "torrents", "aa", "remove"}, kTruncate), kKilled), Error{});
    EXPECT_TRUE(mount.commands.asked.empty());
}

TEST(Commands, AReaderThatClosesTakesNothing) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "ha");
    for (const pid_t reader : {kChild, kKilled, kProgram}) {
        Handle* const reading = mount.open({".btfs", "add", "x.torrent"}, Opening{.may_command = true});
        EXPECT_EQ(closed(reading, reader), Error{});
        mount.filesystem.release(*reading);
    }
    EXPECT_TRUE(mount.commands.asked.empty());
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link", "x.torrent"}));
    (void)written(created.handle, "lf", 2);
    EXPECT_EQ(closed(created.handle), Error{});
    EXPECT_EQ(mount.commands.asked, Asked{"take x.torrent: half"});
}

TEST(Commands, AFileIsReadByThoseWhoMayWriteIt) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    EXPECT_TRUE(created.attributes.is_private);
    EXPECT_TRUE(mount.look({".btfs", "add", "x.torrent"})->is_private);
    EXPECT_FALSE(mount.look({".btfs", "add", "link"})->is_private);
    EXPECT_EQ(mount.filesystem.open(created.attributes.node, Opening{}).error(), fs_error::access_denied());
    EXPECT_TRUE(mount.filesystem.open(created.attributes.node, Opening{.may_command = true}));
}

// As a child that was forked and has not begun its program yet, or that only waits.
TEST(Commands, AProcessThatSharesADescriptorAndWritesNothingTakesAndDropsNothing) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    Handle* const link = mount.open({".btfs", "add", "link"});
    (void)written(created.handle, "ha");
    (void)written(link, "magnet:?xt=urn");
    for (const pid_t sharer : {kChild, kKilled}) {
        EXPECT_EQ(closed(created.handle, sharer), Error{});
        EXPECT_EQ(closed(link, sharer), Error{});
    }
    EXPECT_TRUE(mount.commands.asked.empty());
    (void)written(created.handle, "lf", 2);
    (void)written(link, ":btih:01", 14);
    EXPECT_EQ(closed(created.handle, kThreadOfProgram), Error{}) << "any thread of the process that wrote";
    EXPECT_EQ(closed(link, kThreadOfProgram), Error{});
    EXPECT_EQ(mount.commands.asked, (Asked{"take x.torrent: half", "link magnet:?xt=urn:btih:01"}));
}

TEST(Commands, AFileIsWrittenOnWhileItIsTaken) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "ha");
    mount.commands.holds = true;
    EXPECT_EQ(closed(created.handle), std::nullopt);
    EXPECT_EQ(written(created.handle, "lf", 2), Error{});
    EXPECT_EQ(as_text(*mount.commands.taken.at(0)), "ha");
    EXPECT_EQ(closed(created.handle), std::nullopt);
    EXPECT_EQ(mount.commands.asked, (Asked{"take x.torrent: ha", "take x.torrent: half"}));
    mount.commands.answer();
}

TEST(Commands, EachCloseIsToldWhatBecameOfTheFile) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "junk");
    mount.commands.holds = true;
    std::vector<Error> told;
    for (int i = 0; i < 2; ++i)
        created.handle->flush(kProgram, [&](const Error& error) { told.push_back(error); });
    EXPECT_TRUE(told.empty()) << "the second close waits, too";
    mount.commands.outcome = fs_error::bad_name();
    mount.commands.answer();
    EXPECT_EQ(told, (std::vector{fs_error::bad_name(), fs_error::bad_name()}));
    EXPECT_EQ(closed(created.handle), fs_error::bad_name());
    EXPECT_EQ(closed(created.handle, kChild), Error{}) << "it has written nothing";
    EXPECT_EQ(mount.commands.asked.size(), 1u);
}

TEST(Commands, AWriteWaitsForTheRemovalThatACloseHasBegun) {
    Mount mount;
    Handle* const remove = mount.open({".btfs", "torrents", "aa", "remove"}, kTruncate);
    mount.commands.holds = true;
    EXPECT_EQ(closed(remove), std::nullopt);
    EXPECT_EQ(written(remove, "1"), std::nullopt);
    mount.commands.waiting.clear();
    EXPECT_EQ(written(remove, "1"), fs_error::unmounted()) << "the command was dropped";
    EXPECT_EQ(mount.commands.asked.size(), 1u);
}

// The kernel looks up the name again then, and makes the file if the program wants that.
TEST(Commands, AFileThatIsTakenBeforeItsOpenIsStale) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    const NodeId node = created.attributes.node;
    (void)written(created.handle, "abc");
    (void)closed(created.handle);
    mount.filesystem.release(*created.handle);
    mount.commands.taken.clear();
    EXPECT_TRUE(mount.find("x.torrent"));
    EXPECT_EQ(mount.filesystem.open(node, kWrite).error(), fs_error::removed());
    EXPECT_EQ(mount.filesystem.attributes(node).error(), fs_error::not_found());
    EXPECT_EQ(mount.find("x.torrent").error(), fs_error::not_found()) << "the program makes it anew";
    EXPECT_EQ(mount.filesystem.open(node, kWrite).error(), fs_error::removed());
}

TEST(Commands, AFileThatWasTakenIsFoundForAWhileByTheProgramThatWroteIt) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc");
    EXPECT_EQ(closed(created.handle), Error{});
    mount.filesystem.release(*created.handle);
    mount.commands.taken.clear();
    const Attributes found = mount.find("x.torrent", kThreadOfProgram).value();
    EXPECT_EQ(found.node, created.attributes.node);
    EXPECT_EQ(found.inode, created.attributes.inode);
    EXPECT_EQ(found.generation, created.attributes.generation);
    EXPECT_EQ(found.size, 3u);
    EXPECT_TRUE(found.is_private);
    EXPECT_EQ(mount.filesystem.attributes(found.node)->size, 3u);
    EXPECT_TRUE(mount.filesystem.change(found.node, std::nullopt, true)) << "its mode, owner or times";
    EXPECT_TRUE(mount.filesystem.change(found.node, 3, true));
    EXPECT_EQ(mount.filesystem.change(found.node, 0, true).error(), fs_error::removed());
    EXPECT_EQ(mount.filesystem.change(found.node, std::nullopt, false).error(), fs_error::access_denied());
    Handle* const reading = mount.filesystem.open(found.node, Opening{.may_command = true}).value();
    EXPECT_TRUE(mount.filesystem.change(found.node, std::nullopt, true)) << "by this descriptor";
    EXPECT_EQ(closed(reading), Error{});
    EXPECT_EQ(mount.filesystem.open(found.node, Opening{}).error(), fs_error::access_denied());
    EXPECT_EQ(mount.find("x.torrent", kChild).error(), fs_error::not_found()) << "it may make such a file";
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link"}));
    mount.now += TakenNames::kLifetime;
    EXPECT_EQ(mount.find("x.torrent").error(), fs_error::not_found());
    EXPECT_EQ(mount.commands.asked.size(), 1u);
}

TEST(Commands, AFileThatWasRefusedIsNotFound) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc");
    mount.commands.outcome = fs_error::bad_name();
    EXPECT_EQ(closed(created.handle), fs_error::bad_name());
    EXPECT_EQ(mount.find("x.torrent").error(), fs_error::not_found());
}

TEST(Commands, AFileThatWasTakenIsUnlinkedByTheProgramThatWroteIt) {
    Mount mount;
    const auto created = mount.create("x.torrent");
    const auto unlink = [&](std::string_view name, pid_t thread = kProgram, bool may = true) {
        return mount.filesystem.unlink(VirtualFolder::kAddNode, name, thread, may);
    };
    (void)written(created.handle, "abc");
    EXPECT_EQ(unlink("x.torrent"), fs_error::read_only()) << "it is being written";
    EXPECT_EQ(closed(created.handle), Error{});
    EXPECT_EQ(unlink("x.torrent", kChild), fs_error::not_found());
    EXPECT_EQ(unlink("x.torrent", kProgram, false), fs_error::access_denied());
    EXPECT_EQ(unlink("x.torrent"), Error{});
    EXPECT_EQ(unlink("x.torrent"), fs_error::not_found());
    EXPECT_EQ(unlink("link"), fs_error::read_only());
    EXPECT_EQ(mount.filesystem.unlink(kRootNode, "x.torrent", kProgram, true), fs_error::read_only());
}

/// Gives a file of the folder `add` another name; nothing: it is not answered yet.
std::optional<Error> renamed(Mount& mount, std::string_view name, std::string_view new_name,
                             bool may = true) {
    const auto answer = std::make_shared<std::optional<Error>>();
    mount.filesystem.rename(VirtualFolder::kAddNode, name, VirtualFolder::kAddNode, new_name, kProgram, may,
                            [answer](const Error& error) { *answer = error; });
    return *answer;
}

// As rsync writes files.
TEST(Commands, AFileWithATemporaryNameIsTakenWhenItIsRenamed) {
    Mount mount;
    const auto created = mount.create(".x.torrent.Ab12Cd");
    (void)written(created.handle, "abc");
    EXPECT_EQ(closed(created.handle), Error{});
    mount.filesystem.release(*created.handle);
    EXPECT_TRUE(mount.commands.asked.empty());
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link", ".x.torrent.Ab12Cd"}));
    EXPECT_EQ(mount.find(".x.torrent.Ab12Cd", kChild)->node, created.attributes.node);
    EXPECT_TRUE(mount.filesystem.change(created.attributes.node, std::nullopt, true));
    EXPECT_EQ(renamed(mount, ".x.torrent.Ab12Cd", "x.txt"), fs_error::bad_name());
    EXPECT_EQ(renamed(mount, ".x.torrent.Ab12Cd", "x.torrent", false), fs_error::access_denied());
    EXPECT_TRUE(mount.commands.asked.empty());
    mount.commands.outcome = fs_error::bad_name();
    EXPECT_EQ(renamed(mount, ".x.torrent.Ab12Cd", "x.torrent"), fs_error::bad_name());
    mount.commands.outcome = {};
    mount.commands.holds = true;
    EXPECT_EQ(renamed(mount, ".x.torrent.Ab12Cd", "x.torrent"), std::nullopt);
    EXPECT_EQ(mount.find("x.torrent").error(), fs_error::not_found());
    mount.commands.answer();
    EXPECT_EQ(mount.commands.asked, (Asked{"take x.torrent: abc", "take x.torrent: abc"}));
    EXPECT_EQ(mount.find("x.torrent")->node, created.attributes.node) << "what the kernel has now";
    EXPECT_EQ(mount.find("x.torrent")->size, 3u);
    EXPECT_EQ(mount.find(".x.torrent.Ab12Cd").error(), fs_error::not_found());
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link"}));
    mount.commands.taken.clear();
    EXPECT_EQ(mount.filesystem.usage().room, DropFolder::kMaxBytes);
}

TEST(Commands, NothingElseIsRenamed) {
    Mount mount;
    (void)mount.create("x.torrent");
    EXPECT_EQ(renamed(mount, "x.torrent", "y.torrent"), fs_error::read_only());
    EXPECT_EQ(renamed(mount, "link", "y.torrent"), fs_error::read_only());
    EXPECT_EQ(renamed(mount, ".x.torrent.Ab12Cd", "y.torrent"), fs_error::not_found());
    (void)mount.create(".x.torrent.Ab12Cd");
    Error error;
    for (const auto& [from, to] : {std::pair{VirtualFolder::kAddNode, kRootNode},
                                   std::pair{VirtualFolder::kNode, VirtualFolder::kAddNode}}) {
        mount.filesystem.rename(from, ".x.torrent.Ab12Cd", to, "y.torrent", kProgram, true,
                                [&](const Error& answer) { error = answer; });
        EXPECT_EQ(error, fs_error::read_only());
    }
    EXPECT_TRUE(mount.commands.asked.empty());
}

TEST(Commands, ATemporaryFileIsUnlinkedAndGoesWithItsKilledProgram) {
    Mount mount;
    (void)mount.create(".x.torrent.Ab12Cd");
    EXPECT_EQ(mount.filesystem.unlink(VirtualFolder::kAddNode, ".x.torrent.Ab12Cd", kChild, true), Error{});
    const auto created = mount.create(".x.torrent.Ab12Cd");
    (void)written(created.handle, "abc", 0, kKilled);
    EXPECT_EQ(closed(created.handle, kKilled), Error{});
    EXPECT_EQ(mount.names({".btfs", "add"}), (std::vector<std::string>{"link"}));
    EXPECT_TRUE(mount.commands.asked.empty());
}

TEST(Commands, TheRoomForFilesIsTold) {
    Mount mount;
    EXPECT_EQ(mount.filesystem.usage().room, DropFolder::kMaxBytes);
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc");
    EXPECT_EQ(mount.filesystem.usage().room, DropFolder::kMaxBytes - 3);
}

// A file handle of NFS outlives the mount, whose members are numbered as they are met.
TEST(Commands, NodesThatLeadElsewhereInAnotherMountHaveAnotherGeneration) {
    Mount one, other;
    (void)other.node({".btfs", "torrents", "bb"});
    for (const std::vector<std::string>& below : {std::vector<std::string>{}, {"remove"}, {"peers"}}) {
        const auto in = [&](const char* member) {
            std::vector<std::string> path{".btfs", "torrents", member};
            path.insert(path.end(), below.begin(), below.end());
            return path;
        };
        const Attributes aa = one.look(in("aa")).value();
        const Attributes bb = other.look(in("bb")).value();
        EXPECT_EQ(aa.inode, bb.inode);
        EXPECT_NE(aa.generation, bb.generation);
        EXPECT_EQ(aa.generation, one.filesystem.attributes(aa.node)->generation);
        EXPECT_EQ(aa.generation, other.look(in("aa"))->generation) << "the same member";
    }
    const auto mine = one.create("x.torrent"), its = other.create("x.torrent");
    EXPECT_EQ(mine.attributes.node, its.attributes.node);
    EXPECT_NE(mine.attributes.generation, its.attributes.generation);
    EXPECT_NE(one.look({".btfs", "add", "link"})->generation,
              other.look({".btfs", "add", "link"})->generation);
}

// libfuse keeps no handle for a program that was not answered: the answer may come when all is gone.
TEST(Commands, AnAnswerMayComeAfterTheFileIsGone) {
    Mount mount;
    mount.commands.holds = true;
    const auto created = mount.create("x.torrent");
    (void)written(created.handle, "abc");
    (void)closed(created.handle);
    Handle* const remove = mount.open({".btfs", "torrents", "aa", "remove"});
    (void)written(remove, "1");
    mount.filesystem.release(*created.handle);
    mount.filesystem.release(*remove);
    mount.commands.answer();
    EXPECT_EQ(mount.commands.asked.size(), 2u);
    mount.now += 2 * TakenNames::kLifetime;
    EXPECT_EQ(mount.filesystem.attributes(created.attributes.node).error(), fs_error::not_found());
}

}  // namespace
}  // namespace btfs
