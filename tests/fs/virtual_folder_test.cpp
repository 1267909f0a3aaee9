#include "fs/virtual_folder.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace btfs {
namespace {

struct Folder {
    std::string text = "a";
    int made = 0;
    VirtualFolder folder{{{"status",
                           [this] {
                               ++made;
                               return text;
                           }},
                          {"other", [] { return std::string("other"); }}}};
    Attributes look(std::string_view name = "status") { return folder.look_up(name).value(); }
};

TEST(VirtualFolder, ALookupSeesTheTextOfThatMoment) {
    Folder world;
    const Attributes first = world.look();
    world.text = "longer";
    const Attributes second = world.look();
    EXPECT_EQ(first.size, 1u);
    EXPECT_EQ(second.size, 6u);
    EXPECT_NE(first.node, second.node);
    EXPECT_EQ(first.inode, second.inode) << "it is one file";
    EXPECT_NE(first.inode, world.look("other").inode);
    EXPECT_EQ(world.folder.attributes(first.node)->size, 1u);
    EXPECT_EQ(world.folder.open(first.node)->text, "a");
    EXPECT_EQ(world.folder.open(second.node)->text, "longer");
    EXPECT_EQ(world.made, 2) << "what was looked up is not made again";
}

TEST(VirtualFolder, ATextThatIsTheSameIsTheSameNode) {
    Folder world;
    const NodeId node = world.look().node;
    EXPECT_EQ(world.look("other").node, world.look("other").node);
    EXPECT_EQ(world.look().node, node);
    world.text = "b";
    EXPECT_NE(world.look().node, node);
}

TEST(VirtualFolder, WhatIsOpenIsKeptAndOfTheRestTheNewest) {
    Folder world;
    const auto opened = world.folder.open(world.look().node);
    world.text = "second";
    const NodeId second = world.look().node;
    std::set<NodeId> nodes;
    for (std::size_t i = 0; i < 2 * VirtualFolder::kMaxKept; ++i) {
        world.text = "number " + std::to_string(i);
        nodes.insert(world.look().node);
    }
    EXPECT_EQ(nodes.size(), 2 * VirtualFolder::kMaxKept);
    EXPECT_EQ(world.folder.attributes(opened->node)->size, 1u);
    const int before = world.made;
    EXPECT_EQ(world.folder.open(*nodes.rbegin())->text, world.text);
    EXPECT_EQ(world.made, before);
    EXPECT_EQ(world.folder.attributes(second)->size, world.text.size()) << "it was dropped, and is made anew";
    EXPECT_EQ(world.made, before + 1);
}

TEST(VirtualFolder, LargeTextsAreKeptUpToALimitOfBytes) {
    Folder world;
    std::vector<NodeId> nodes;
    for (char letter = 'a'; letter < 'g'; ++letter) {
        world.text = std::string(VirtualFolder::kMaxKeptBytes / 4, letter);
        nodes.push_back(world.look().node);
    }
    const int before = world.made;
    for (std::size_t i = nodes.size() - 4; i < nodes.size(); ++i) (void)world.folder.open(nodes[i]);
    EXPECT_EQ(world.made, before);
    (void)world.folder.open(nodes.front());
    EXPECT_EQ(world.made, before + 1);
    world.text = std::string(2 * VirtualFolder::kMaxKeptBytes, 'z');
    EXPECT_EQ(world.folder.open(world.look().node)->text, world.text)
        << "the newest is kept, whatever its size";
}

TEST(VirtualFolder, IsNotThereWithoutFiles) {
    const VirtualFolder none({});
    EXPECT_FALSE(none.is_there());
    EXPECT_FALSE(none.attributes(VirtualFolder::kNode));
    EXPECT_FALSE(none.open(VirtualFolder::kFirstSnapshot));
    EXPECT_FALSE(none.look_up("status"));
}

/// A folder with members, each with two files.
struct Members {
    std::set<std::string> there{"aa", "bb"};
    int made = 0;
    VirtualFolder folder{
        {{"status", [] { return std::string("s"); }}},
        VirtualMembers{.name = "torrents",
                       .list = [this] { return std::vector<std::string>(there.begin(), there.end()); },
                       .has = [this](const std::string& member) { return there.contains(member); },
                       .files = {{"name",
                                  [this](const std::string& member) -> std::optional<std::string> {
                                      ++made;
                                      if (!there.contains(member)) return std::nullopt;
                                      return "I am " + member;
                                  }},
                                 {"other", [](const std::string&) { return std::string("other"); }}}}};

    NodeId member(std::string_view name) {
        return folder.look_up(name, VirtualFolder::kMembersNode).value().node;
    }
    std::vector<std::string> names(NodeId in) {
        std::vector<std::string> names;
        for (const auto& entry : folder.list(in)) names.push_back(entry.name);
        return names;
    }
};

TEST(VirtualFolder, MembersAreFoldersWithFilesOfTheirOwn) {
    Members world;
    EXPECT_EQ(world.names(VirtualFolder::kNode), (std::vector<std::string>{"status", "torrents"}));
    EXPECT_EQ(world.folder.look_up("torrents")->node, VirtualFolder::kMembersNode);
    EXPECT_EQ(world.names(VirtualFolder::kMembersNode), (std::vector<std::string>{"aa", "bb"}));
    const NodeId bb = world.member("bb"), aa = world.member("aa");
    EXPECT_EQ(world.folder.list(VirtualFolder::kMembersNode).at(1).attributes.node, bb);
    EXPECT_EQ(world.names(aa), (std::vector<std::string>{"name", "other"}));
    EXPECT_EQ(world.made, 0) << "a listing makes no text";
    const Attributes file = world.folder.look_up("name", bb).value();
    EXPECT_EQ(world.folder.open(file.node)->text, "I am bb");
    EXPECT_EQ(world.folder.open(world.folder.look_up("name", aa)->node)->text, "I am aa");
    EXPECT_NE(file.inode, world.folder.look_up("name", aa)->inode);
    EXPECT_NE(file.inode, world.folder.look_up("other", bb)->inode);
    EXPECT_EQ(world.folder.list(bb).at(0).attributes.inode, file.inode);
    EXPECT_EQ(world.folder.parent(file.node), bb);
    EXPECT_EQ(world.folder.parent(bb), VirtualFolder::kMembersNode);
    EXPECT_EQ(world.folder.parent(VirtualFolder::kMembersNode), VirtualFolder::kNode);
    EXPECT_EQ(world.folder.parent(world.folder.look_up("status")->node), VirtualFolder::kNode);
}

TEST(VirtualFolder, AMemberThatHasGoneIsFoundNoMore) {
    Members world;
    const NodeId bb = world.member("bb"), file = world.folder.look_up("name", bb)->node;
    const auto opened = world.folder.open(file);
    world.there.erase("bb");
    EXPECT_FALSE(world.folder.look_up("bb", VirtualFolder::kMembersNode));
    EXPECT_FALSE(world.folder.attributes(bb));
    EXPECT_FALSE(world.folder.look_up("name", bb));
    EXPECT_TRUE(world.folder.list(bb).empty());
    EXPECT_EQ(opened->text, "I am bb") << "what is open stays";
    world.there.insert("bb");
    EXPECT_EQ(world.member("bb"), bb) << "the same torrent has its number again";
}

TEST(VirtualFolder, NodesThatNobodyHasAreRefused) {
    Members world;
    for (const NodeId node : {NodeId{4}, VirtualFolder::kFirstMember, VirtualFolder::kFirstMember + 7,
                              VirtualFolder::kFirstSnapshot + (NodeId{5} << VirtualFolder::kSnapshotBits),
                              VirtualFolder::kFirstSnapshot + (NodeId{900} << VirtualFolder::kSnapshotBits),
                              NodeId{0xffff'ffff}}) {
        EXPECT_FALSE(world.folder.attributes(node)) << node;
        EXPECT_FALSE(world.folder.open(node)) << node;
        EXPECT_FALSE(world.folder.look_up("name", node)) << node;
        EXPECT_TRUE(world.folder.list(node).empty()) << node;
    }
    EXPECT_FALSE(world.folder.look_up("nothing"));
    EXPECT_FALSE(world.folder.look_up("zz", VirtualFolder::kMembersNode));
    EXPECT_FALSE(world.folder.look_up("nothing", world.member("aa")));
}

TEST(VirtualFolder, AFileOfWhichTooManySnapshotsAreOpenShowsTheNewestAgain) {
    Folder world;
    std::vector<std::shared_ptr<const VirtualFolder::Snapshot>> open;
    const std::size_t most = std::size_t{1} << VirtualFolder::kSnapshotBits;
    for (std::size_t i = 0; i < most + 10; ++i) {
        world.text = std::to_string(i);
        open.push_back(world.folder.open(world.look().node));
    }
    EXPECT_EQ(open[most - 1]->text, std::to_string(most - 1));
    EXPECT_EQ(open.back()->text, std::to_string(most - 1));
}

}  // namespace
}  // namespace btfs
