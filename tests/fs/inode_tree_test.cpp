#include "fs/inode_tree.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <set>

#include "tests/support/sanitized.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

using test::file_list;
using testing::ElementsAre;

const Sha1Digest kHash = sha1(as_bytes("torrent"));

std::unique_ptr<InodeNumbers> numbers() {
    return std::make_unique<InodeNumbers>();
}

std::vector<std::string> names(const InodeTree& tree, NodeIndex directory) {
    std::vector<std::string> out;
    for (const Node& child : tree.children(tree.nodes()[directory])) out.emplace_back(child.name);
    return out;
}

NodeIndex walk(const InodeTree& tree, std::initializer_list<std::string_view> path) {
    NodeIndex at = 0;
    for (std::string_view name : path) at = tree.find(at, name).value();
    return at;
}

TEST(InodeTree, ASingleFileIsTheRootEntry) {
    const InodeTree tree(file_list({{"film.mkv", 100}}), kHash, *numbers());
    ASSERT_EQ(tree.nodes().size(), 1u);
    EXPECT_EQ(tree.nodes()[0].kind, NodeKind::file);
    EXPECT_EQ(tree.nodes()[0].name, "film.mkv");
    EXPECT_EQ(tree.nodes()[0].size, 100u);
    EXPECT_EQ(tree.total_size(), 100u);
}

TEST(InodeTree, AFolderOfOneFileStaysAFolder) {
    const InodeTree tree(file_list({{"set/film.mkv", 100}}), kHash, *numbers());
    ASSERT_EQ(tree.nodes().size(), 2u);
    EXPECT_EQ(tree.nodes()[0].kind, NodeKind::directory);
    EXPECT_EQ(tree.nodes()[1].name, "film.mkv");
}

TEST(InodeTree, ChildrenAreSortedAndFound) {
    const InodeTree tree(file_list({{"t/b/z", 1}, {"t/b-c", 2}, {"t/a", 4}, {"t/b/y/deep", 8}, {"t/B", 16}}),
                         kHash, *numbers());
    EXPECT_THAT(names(tree, 0), ElementsAre("B", "a", "b", "b-c"));
    EXPECT_THAT(names(tree, walk(tree, {"b"})), ElementsAre("y", "z"));
    EXPECT_EQ(tree.nodes()[walk(tree, {"b", "y", "deep"})].size, 8u);
    EXPECT_EQ(tree.nodes()[walk(tree, {"b", "y"})].parent, walk(tree, {"b"}));
    EXPECT_EQ(tree.nodes()[0].subdirectory_count, 1u);
    EXPECT_FALSE(tree.find(0, "c"));
    EXPECT_FALSE(tree.find(walk(tree, {"a"}), "x"));
    EXPECT_EQ(tree.total_size(), 31u);
}

TEST(InodeTree, PadsAreHiddenAndLinksShowTheirTarget) {
    FileList files = file_list({{"t/a", 10}, {"t/.pad/6", 6}, {"t/link", 0}});
    files[1].pad = true;
    files[2].symlink_target = "d/a";
    files[0].executable = true;
    const InodeTree tree(files, kHash, *numbers());
    EXPECT_THAT(names(tree, 0), ElementsAre("a", "link"));
    const Node& link = tree.nodes()[walk(tree, {"link"})];
    EXPECT_EQ(link.kind, NodeKind::symlink);
    EXPECT_EQ(link.target, "d/a");
    EXPECT_EQ(link.size, 3u);
    EXPECT_TRUE(tree.nodes()[walk(tree, {"a"})].executable);
}

TEST(InodeTree, PathsThatClashAllTheSameCanAllBeReached) {
    const FileList files = file_list({{"t/a", 1},
                                      {"t/a", 2},
                                      {"t/a/inside", 4},
                                      {"t/a (2)", 8},
                                      {"t/a/inside", 16},
                                      {"t", 32},
                                      {"t/a/x/y", 64}});
    const InodeTree tree(files, kHash, *numbers());
    std::uint64_t sum = 0;
    for (NodeIndex i = 0; i < tree.nodes().size(); ++i) {
        const Node& node = tree.nodes()[i];
        sum += node.kind == NodeKind::file ? node.size : 0;
        if (i > 0) {
            EXPECT_EQ(tree.find(node.parent, node.name), i) << node.name;
        }
    }
    EXPECT_EQ(sum, 127u);
}

TEST(InodeTree, InodesAreStableDistinctAndNeverReserved) {
    const FileList files = file_list({{"t/a", 1}, {"t/d/b", 2}, {"t/d/c", 2}});
    InodeNumbers first, second;
    const InodeTree one(files, kHash, first), again(files, kHash, second),
        other(files, sha1(as_bytes("other")), first);
    std::set<std::uint64_t> inodes;
    for (std::size_t i = 0; i < one.nodes().size(); ++i) {
        EXPECT_EQ(one.nodes()[i].inode, again.nodes()[i].inode);
        inodes.insert({one.nodes()[i].inode, other.nodes()[i].inode});
        EXPECT_EQ(one.nodes()[i].generation, again.nodes()[i].generation);
        EXPECT_NE(one.nodes()[i].generation, other.nodes()[i].generation);
        EXPECT_GE(one.nodes()[i].inode, InodeNumbers::kFirst);
        EXPECT_LT(one.nodes()[i].inode, std::uint64_t{1} << 63);
    }
    EXPECT_EQ(inodes.size(), 2 * one.nodes().size());
}

TEST(InodeTree, IsEmptyForAnEmptyList) {
    const InodeTree tree({}, kHash, *numbers());
    EXPECT_EQ(tree.nodes().size(), 1u);
    EXPECT_EQ(tree.nodes()[0].child_count, 0u);
}

TEST(InodeTree, BuildsALargeCollectionFast) {
    std::vector<std::pair<std::string, std::uint64_t>> files;
    for (int i = 0; i < 61189; ++i)
        files.emplace_back("t/dir" + std::to_string(i / 100) + "/file" + std::to_string(i) + ".dat", 100);
    const FileList list = file_list(files);
    const auto start = std::chrono::steady_clock::now();
    const InodeTree tree(list, kHash, *numbers());
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("61189 files: %.1f ms\n", took * 1000);
    EXPECT_EQ(tree.nodes().size(), 61189u + 612 + 1);
    EXPECT_LT(took, 2.0 * kSlowdown);
}

TEST(DistinctName, NumbersBeforeTheExtensionWithinTheLimit) {
    std::set<std::string> taken{"a.mkv", "a (2).mkv"};
    EXPECT_EQ(distinct_name("a.mkv", [&](const std::string& name) { return taken.contains(name); }),
              "a (3).mkv");
    EXPECT_EQ(distinct_name("b", [&](const std::string& name) { return taken.contains(name); }), "b");
    EXPECT_EQ(with_tag(std::string(255, 'x'), "(2)").size(), 255u);
    std::string euros;
    for (int i = 0; i < 85; ++i) euros += "\xe2\x82\xac";
    EXPECT_EQ(with_tag(euros, "(2)"), euros.substr(0, 249) + " (2)");
}

}  // namespace
}  // namespace btfs
