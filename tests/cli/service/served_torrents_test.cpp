#include "cli/service/served_torrents.hpp"

#include <gmock/gmock.h>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::HasSubstr;

/// Returns a torrent of one file of 5 bytes.
TorrentSource torrent(const std::string& name) {
    const std::string text = "d4:infod6:lengthi5e4:name" + std::to_string(name.size()) + ':' + name +
                             "12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + "ee";
    auto source = parse_source(as_bytes(text));
    EXPECT_TRUE(source) << text;
    return std::move(*source);
}

struct World {
    World() : cache_dir(std::move(*CacheDir::open(folder.path / "cache"))) {}

    /// Locks a torrent in the cache, as another process does.
    std::unique_ptr<TorrentStore> hold(const TorrentSource& source) {
        const Metainfo& metainfo = *source.metainfo;
        auto store =
            cache_dir.open_torrent({metainfo.identity, metainfo.layout, metainfo.hashes}, pool, memory);
        EXPECT_TRUE(store);
        return std::move(*store);
    }

    TemporaryFolder folder;
    CacheDir cache_dir;
    DiskPool pool{1};
    PieceMemory memory;
    Engine engine{{}};
};

struct Serving : World {
    std::string failure_of_adding(Sources sources) {
        try {
            torrents.add(std::move(sources));
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "no failure";
    }

    const DataFolders no_data;
    ServedTorrents torrents{{engine, cache_dir, pool, memory, no_data, {}}};
};

TEST(ServedTorrents, ShowsTorrentsWhoseFilesAreKnown) {
    Serving serving;
    serving.torrents.add({.torrents = {torrent("b"), torrent("a")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].entry.name, "b");
    EXPECT_TRUE(reports[0].entry.visible() && reports[1].entry.visible());
}

TEST(ServedTorrents, ATorrentThatAnotherProcessHoldsLeavesTheOthersMounted) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    serving.torrents.add({.torrents = {torrent("held"), torrent("free")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].entry.name, "held");
    EXPECT_EQ(reports[0].entry.info_hash, torrent("held").identity.cache_key());
    EXPECT_THAT(reports[0].entry.problem, HasSubstr("another"));
    EXPECT_FALSE(reports[0].entry.visible());
    EXPECT_FALSE(reports[0].entry.handle) << "the engine would have no store for it";
    EXPECT_TRUE(reports[1].entry.visible());
}

TEST(ServedTorrents, WhatCannotBeOpenedIsLeftOutAlike) {
    Serving serving;
    const std::string key = torrent("broken").identity.cache_key();
    std::filesystem::create_directory(serving.folder.path / "cache" / (key + ".claims"));
    serving.torrents.add({.torrents = {torrent("broken"), torrent("whole")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    EXPECT_THAT(reports.at(0).entry.problem, HasSubstr("broken: "));
    EXPECT_TRUE(reports.at(1).entry.visible());
}

TEST(ServedTorrents, FailsIfNothingIsLeft) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    EXPECT_THAT(serving.failure_of_adding({.torrents = {torrent("held")}, .published = {}, .urls = {}}),
                testing::AllOf(HasSubstr("held: "), HasSubstr("another")));
    Serving two;
    const auto held_a = two.hold(torrent("a")), held_b = two.hold(torrent("b"));
    EXPECT_THAT(
        two.failure_of_adding({.torrents = {torrent("a"), torrent("b")}, .published = {}, .urls = {}}),
        HasSubstr("not one of 2"));
}

TEST(ServedTorrents, WaitsForAUrlThoughTheTorrentBesideItFailed) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    serving.torrents.add(
        {.torrents = {torrent("held")}, .published = {}, .urls = {"http://127.0.0.1:1/x?key"}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[1].entry.name, "http://127.0.0.1:1/x");
    EXPECT_FALSE(reports[1].entry.settled());
}

}  // namespace
}  // namespace btfs::cli
