#include "fs/drop_folder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fs/errno_map.hpp"

namespace btfs {
namespace {

constexpr std::size_t kMax = 1000;
constexpr pid_t kWriter = 7, kSharer = 8, kHidden = 0;

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
    EXPECT_FALSE(file->write(4, as_bytes("efg"), kWriter));
    EXPECT_EQ(text_of(*file), std::string("\0\0\0\0efg", 7));
    EXPECT_FALSE(file->write(0, as_bytes("abcd"), kWriter));
    EXPECT_EQ(text_of(*file), "abcdefg");
    EXPECT_FALSE(file->resize(2));
    EXPECT_EQ(file->size(), 2u);
    EXPECT_TRUE(file->read(2, 5).empty());
    EXPECT_EQ(file->read(1, 5).size(), 1u);
}

TEST(DropFolder, AFileEndsAtItsBound) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a", 5);
    EXPECT_EQ(file->write(3, as_bytes("xyz"), kWriter), fs_error::too_large());
    EXPECT_EQ(file->write(~std::uint64_t{0}, as_bytes("xyz"), kWriter), fs_error::too_large());
    EXPECT_EQ(file->resize(6), fs_error::too_large());
    EXPECT_EQ(file->size(), 0u);
    EXPECT_FALSE(file->write(2, as_bytes("xyz"), kWriter));
}

TEST(DropFolder, AllFilesTogetherEndAtTheirs) {
    DropFolder folder(10, 20);
    auto first = make(folder, "a", 2 * DropFolder::kMaxBytes);
    const auto second = make(folder, "b");
    ASSERT_FALSE(first->resize(DropFolder::kMaxBytes - 1));
    EXPECT_FALSE(second->write(0, as_bytes("x"), kWriter));
    EXPECT_EQ(second->write(1, as_bytes("y"), kWriter), fs_error::no_space());
    EXPECT_FALSE(first->resize(10));
    EXPECT_FALSE(second->write(1, as_bytes("y"), kWriter));
    ASSERT_FALSE(first->resize(DropFolder::kMaxBytes - 2));
    EXPECT_EQ(second->write(2, as_bytes("z"), kWriter), fs_error::no_space());
    first.reset();
    EXPECT_FALSE(second->write(2, as_bytes("z"), kWriter));
}

TEST(DropFolder, MemoryOfAFileThatWasCutShortIsLetGo) {
    DropFolder folder(10, 1000);
    std::vector<std::shared_ptr<DroppedFile>> files;
    for (int i = 0; i < 100; ++i) {
        files.push_back(make(folder, std::to_string(i), DropFolder::kMaxBytes));
        ASSERT_FALSE(files.back()->resize(DropFolder::kMaxBytes / 2)) << i;
        (void)files.back()->write(0, as_bytes("x"), kWriter);
        ASSERT_FALSE(files.back()->resize(1));
        const auto content = files.back()->begin_taking();
        ASSERT_EQ(content->size(), 1u);
        EXPECT_LE(content->capacity(), 2u) << "what counts is what is held";
    }
    EXPECT_GE(folder.room(), DropFolder::kMaxBytes - 200);
}

TEST(DropFolder, AFileThatGrowsCountsWithTheMemoryThatItHasInAdvance) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a", 3 * 4096);
    const std::string page(4096, 'x');
    for (std::uint64_t at = 0; at < 3; ++at) ASSERT_FALSE(file->write(at * 4096, as_bytes(page), kWriter));
    EXPECT_EQ(folder.room(), DropFolder::kMaxBytes - 3 * 4096);
    EXPECT_EQ(file->begin_taking()->capacity(), 3u * 4096);
}

TEST(DropFolder, WhatIsTakenIsWhatWasWrittenSinceTheLastTime) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a");
    EXPECT_FALSE(file->begin_taking()) << "nothing was written";
    (void)file->write(0, as_bytes("x"), kWriter);
    const auto first = file->begin_taking();
    ASSERT_TRUE(first);
    EXPECT_FALSE(file->begin_taking());
    EXPECT_FALSE(file->write(1, as_bytes("y"), kWriter)) << "while the content is being taken";
    const auto second = file->begin_taking();
    ASSERT_TRUE(second) << "the whole file, again";
    EXPECT_FALSE(file->resize(0));
    EXPECT_EQ(as_text(*first), "x");
    EXPECT_EQ(as_text(*second), "xy");
    EXPECT_EQ(file->size(), 0u);
    (void)file->write(0, as_bytes("z"), kWriter);
    file->discard();
    EXPECT_FALSE(file->begin_taking());
    EXPECT_EQ(file->size(), 0u) << "nothing of it comes with the next byte";
}

TEST(DropFolder, ContentThatIsTakenCountsUntilItIsLetGo) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a", DropFolder::kMaxBytes);
    ASSERT_FALSE(file->resize(DropFolder::kMaxBytes - 100));
    (void)file->write(0, as_bytes("x"), kWriter);
    auto taken = file->begin_taking();
    EXPECT_FALSE(file->resize(10));
    EXPECT_LE(folder.room(), 100u);
    taken.reset();
    EXPECT_EQ(folder.room(), DropFolder::kMaxBytes - 10);
}

TEST(DropFolder, TheLastProcessToWriteIsKnown) {
    DropFolder folder(10, 20);
    const auto file = make(folder, "a");
    EXPECT_FALSE(file->may_have_written(kWriter));
    EXPECT_FALSE(file->may_have_written(kHidden)) << "nobody has written";
    (void)file->write(0, as_bytes("x"), kSharer);
    (void)file->write(1, as_bytes("x"), kWriter);
    EXPECT_TRUE(file->may_have_written(kWriter));
    EXPECT_FALSE(file->may_have_written(kSharer));
    EXPECT_TRUE(file->may_have_written(kHidden));
    (void)file->write(0, as_bytes("x"), kHidden);
    EXPECT_TRUE(file->may_have_written(kSharer));
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

TEST(DropFolder, ATemporaryFileIsThereUntilNobodyHasHeldItForAWhile) {
    TimePoint now{};
    DropFolder folder(10, 20, [&] { return now; });
    auto held = folder.create("held", kMax, DropFolder::Kind::temporary).value();
    const NodeId node = folder.create("let go", kMax, DropFolder::Kind::temporary).value()->node();
    EXPECT_EQ(folder.list().size(), 2u);
    now += DropFolder::kTemporaryLifetime;
    EXPECT_EQ(folder.list(), std::vector{held});
    EXPECT_EQ(folder.find(node), nullptr);
    held.reset();
    now += DropFolder::kTemporaryLifetime / 2;
    ASSERT_TRUE(folder.find("held"));
    folder.find("held")->unlist();
    EXPECT_TRUE(folder.list().empty());
    EXPECT_FALSE(folder.find(NodeId{10}));
}

TEST(DropFolder, NamesThatRsyncWritesFirstAreKnown) {
    EXPECT_EQ(name_behind_temporary(".x.torrent.Ab12Cd"), "x.torrent");
    EXPECT_EQ(name_behind_temporary("..x.torrent.AAAAAA"), ".x.torrent");
    for (const std::string_view name :
         {"", ".", ".......", "x.torrent", ".x.torrent", "x.torrent.Ab12Cd", ".x.torrent.Ab12C",
          ".x.torrent.Ab12Cde", ".x.torrent.Ab-2Cd", "..Ab12Cd"})
        EXPECT_EQ(name_behind_temporary(name), "") << name;
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
