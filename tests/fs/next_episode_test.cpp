#include "fs/next_episode.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "tests/support/fake_demand_sink.hpp"
#include "tests/support/fake_read_side.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

constexpr std::uint64_t kSize = 1000;
using Files = std::vector<std::pair<std::string, std::uint64_t>>;

struct Library {
    void add(const Files& files) {
        const FileList& list = lists.emplace_back(test::file_list(files));
        const Sha1Digest hash = sha1(as_bytes(files.front().first + std::to_string(lists.size())));
        const Slot slot = root.free_slot(hash);
        root.add(slot,
                 std::make_shared<const MountedTorrent>(TorrentContent{hash, list, cache, sink, 0}, numbers));
        torrents.push_back(*root.torrent(slot));
    }
    void add(const std::string& file) { add({{file, kSize}}); }
    /// The name of the file that follows the first one of the first torrent; empty: none.
    std::string next() {
        const auto nodes = torrents.front()->tree.nodes();
        NodeIndex file = 0;
        while (nodes[file].kind != NodeKind::file) ++file;
        const auto found = next_episode(root, *torrents.front(), file);
        return found ? std::string(found->torrent->tree.nodes()[found->file].name) : "";
    }

    test::FakeReadSide cache{kSize, 1024};
    test::FakeDemandSink sink;
    InodeNumbers numbers;
    MountRoot root;
    std::deque<FileList> lists;
    std::vector<std::shared_ptr<const MountedTorrent>> torrents;
};

TEST(NextEpisode, IsFoundAmongAllTorrents) {
    Library library;
    library.add("Show.S01E04.mkv");
    EXPECT_EQ(library.next(), "");
    library.add("Show.S01E03.mkv");
    library.add("Other.S01E05.mkv");
    library.add("Show.S01E06.mkv");
    EXPECT_EQ(library.next(), "");
    library.add({{"Show S01E05/info.nfo", 10}, {"Show S01E05/show.s01e05.mkv", kSize}});
    EXPECT_EQ(library.next(), "show.s01e05.mkv");
}

TEST(NextEpisode, OfTheSameGroupIsPreferred) {
    for (const bool other_first : {true, false}) {
        Library library;
        library.add("Show.S01E04.x264-ONE.mkv");
        const std::string other = "Show.S01E05.x264-TWO.mkv", same = "Show.S01E05.x264-ONE.mkv";
        library.add(other_first ? other : same);
        library.add(other_first ? same : other);
        EXPECT_EQ(library.next(), same);
    }
}

TEST(NextEpisode, SamplesAndTorrentsOfManyFilesArePassedOver) {
    Library library;
    library.add("Show.S01E04.mkv");
    library.add({{"Show.S01E05.mkv", kSize / 10}});
    Files many;
    for (std::size_t i = 5; i < 5 + kMostFilesOfAnEpisode; ++i)
        many.emplace_back("all/Show.S01E" + std::to_string(i) + ".mkv", kSize);
    library.add(many);
    EXPECT_EQ(library.next(), "");
    library.add("Show S01E05.mkv");
    EXPECT_EQ(library.next(), "Show S01E05.mkv");
}

}  // namespace
}  // namespace btfs
