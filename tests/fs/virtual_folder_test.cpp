#include "fs/virtual_folder.hpp"

#include <gtest/gtest.h>

#include <set>

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

}  // namespace
}  // namespace btfs
