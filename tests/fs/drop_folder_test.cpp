#include "fs/drop_folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fs/errno_map.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMax = 1000;

std::shared_ptr<DroppedFile> make(DropFolder& folder, std::string_view name, std::size_t max_size = kMax) {
    return folder.create(name, max_size).value();
}

std::string text_of(const DroppedFile& file) {
    const Bytes bytes = file.read(0, kMax);
    return std::string(as_text(bytes));
}

TEST(DropFolder, AFileIsWrittenAnywhereAndAGapIsZeros) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a");
    EXPECT_FALSE(file->write(4, as_bytes("efg")));
    EXPECT_EQ(text_of(*file), std::string("\0\0\0\0efg", 7));
    EXPECT_FALSE(file->write(0, as_bytes("abcd")));
    EXPECT_EQ(text_of(*file), "abcdefg");
    EXPECT_FALSE(file->resize(2));
    EXPECT_EQ(file->size(), 2u);
    EXPECT_TRUE(file->read(2, 5).empty());
    EXPECT_EQ(file->read(1, 5).size(), 1u);
}

TEST(DropFolder, AFileEndsAtItsBound) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a", 5);
    EXPECT_EQ(file->write(3, as_bytes("xyz")), fs_error::too_large());
    EXPECT_EQ(file->write(~std::uint64_t{0}, as_bytes("xyz")), fs_error::too_large());
    EXPECT_EQ(file->resize(6), fs_error::too_large());
    EXPECT_EQ(file->size(), 0u);
    EXPECT_FALSE(file->write(2, as_bytes("xyz")));
}

TEST(DropFolder, AllFilesTogetherEndAtTheirs) {
    DropFolder folder(10, 20);
    auto first = make(folder, "a", 2 * DropFolder::kMaxBytes);
    const auto second = make(folder, "b");
    ASSERT_FALSE(first->resize(DropFolder::kMaxBytes - 1));
    EXPECT_FALSE(second->write(0, as_bytes("x")));
    EXPECT_EQ(second->write(1, as_bytes("y")), fs_error::no_space());
    EXPECT_FALSE(first->resize(10));
    EXPECT_FALSE(second->write(1, as_bytes("y")));
    ASSERT_FALSE(first->resize(DropFolder::kMaxBytes - 2));
    EXPECT_EQ(second->write(2, as_bytes("z")), fs_error::no_space());
    first.reset();
    EXPECT_FALSE(second->write(2, as_bytes("z")));
}

TEST(DropFolder, WhatIsTakenIsWhatWasWrittenSinceTheLastTime) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a");
    EXPECT_FALSE(file->begin_taking()) << "nothing was written";
    (void)file->write(0, as_bytes("x"));
    ASSERT_TRUE(file->begin_taking());
    EXPECT_FALSE(file->begin_taking());
    EXPECT_EQ(file->write(1, as_bytes("y")), fs_error::busy());
    EXPECT_EQ(file->resize(0), fs_error::busy());
    EXPECT_EQ(as_text(file->content()), "x");
    file->taken();
    EXPECT_FALSE(file->begin_taking());
    EXPECT_FALSE(file->write(1, as_bytes("y")));
    EXPECT_TRUE(file->begin_taking()) << "the whole file, again";
    EXPECT_EQ(as_text(file->content()), "xy");
    file->taken();
    (void)file->write(2, as_bytes("z"));
    file->discard();
    EXPECT_FALSE(file->begin_taking());
}

TEST(DropFolder, AFileIsThereWhileItIsHeldAndListedUntilItIsTaken) {
    DropFolder folder(10, 20);
    auto b = make(folder, "b");
    const auto a = make(folder, "a");
    EXPECT_EQ(folder.list(), (std::vector{a, b}));
    EXPECT_EQ(folder.create("a", kMax).error(), fs_error::exists());
    EXPECT_EQ(folder.find("a"), a);
    EXPECT_EQ(folder.find(b->node()), b);
    a->unlist();
    EXPECT_EQ(folder.list(), std::vector{b});
    EXPECT_EQ(folder.find("a"), nullptr);
    EXPECT_EQ(folder.find(a->node()), a) << "it is open";
    EXPECT_NE(make(folder, "a")->node(), a->node());
    const NodeId node = b->node();
    b.reset();
    EXPECT_EQ(folder.find(node), nullptr);
    EXPECT_TRUE(folder.list().empty());
    EXPECT_GT(make(folder, "b")->node(), node) << "nodes are given once";
}

TEST(DropFolder, OpenFilesAndNodesAreBounded) {
    DropFolder folder(0, DropFolder::kMaxFiles + 2);
    std::vector<std::shared_ptr<DroppedFile>> files;
    for (std::size_t i = 0; i < DropFolder::kMaxFiles; ++i) files.push_back(make(folder, std::to_string(i)));
    EXPECT_EQ(folder.create("another", kMax).error(), fs_error::no_space());
    files.clear();
    EXPECT_TRUE(folder.create("another", kMax));
    EXPECT_TRUE(folder.create("the last", kMax));
    EXPECT_EQ(folder.create("no node is left", kMax).error(), fs_error::no_space());
}

}  // namespace
}  // namespace btfs
