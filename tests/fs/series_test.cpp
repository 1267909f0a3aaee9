#include "fs/series.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

using Files = std::vector<std::pair<std::string, std::uint64_t>>;

/// The name of the file that follows in a torrent; empty: none.
std::string next_among(const std::string& file, const Files& files) {
    InodeNumbers numbers;
    const InodeTree tree(test::file_list(files), sha1(as_bytes("t")), numbers);
    const auto nodes = tree.nodes();
    const auto self = std::ranges::find(nodes, file, [&](const Node& node) {
        std::string path(node.name);
        for (NodeIndex at = tree.index_of(node); at != 0; at = nodes[at].parent)
            path = std::string(nodes[nodes[at].parent].name) + '/' + path;
        return path;
    });
    EXPECT_NE(self, nodes.end());
    const auto next = next_in_series(tree, tree.index_of(*self));
    return next ? std::string(nodes[*next].name) : "";
}

std::string next_of(const std::string& file, const std::vector<std::string>& names) {
    Files files;
    for (const std::string& name : names) files.emplace_back("t/" + name, 100);
    return next_among("t/" + file, files);
}

TEST(Series, EpisodesFollowByNumber) {
    const std::vector<std::string> names{"Show S01E10 - Ten.mkv", "Show S01E9 - Nine.mkv", "Show S01E11.mkv",
                                         "Show S02E01.mkv", "Show S01E10 - Ten.srt"};
    EXPECT_EQ(next_of("Show S01E9 - Nine.mkv", names), "Show S01E10 - Ten.mkv");
    EXPECT_EQ(next_of("Show S01E10 - Ten.mkv", names), "Show S01E11.mkv");
    EXPECT_EQ(next_of("Show S01E11.mkv", names), "Show S02E01.mkv") << "the next season";
    EXPECT_EQ(next_of("Show S02E01.mkv", names), "");
}

TEST(Series, TracksAndPartsFollowToo) {
    EXPECT_EQ(next_of("01 Dawn.flac", {"01 Dawn.flac", "02 Noon.FLAC", "03 Dusk.flac"}), "02 Noon.FLAC");
    EXPECT_EQ(next_of("Film CD1.avi", {"Film CD1.avi", "film cd2.avi"}), "film cd2.avi");
}

TEST(Series, FilmsThatStandTogetherAreNone) {
    EXPECT_EQ(next_of("Alien 1979.mkv", {"Alien 1979.mkv", "Brazil 1985.mkv"}), "");
    EXPECT_EQ(next_of("Film.mkv", {"Film.mkv", "Film extras.mkv"}), "");
}

TEST(Series, AnotherKindAnotherFolderAndSamplesAreNotNext) {
    EXPECT_EQ(next_of("E1.mkv", {"E1.mkv", "E2.srt", "E3"}), "");
    EXPECT_EQ(next_of("1/E1.mkv", {"1/E1.mkv", "2/E2.mkv", "E3.mkv"}), "");
    EXPECT_EQ(
        next_among("t/E1.mkv", {{"t/E1.mkv", 100}, {"t/E2.mkv", 0}, {"t/E3.mkv", 19}, {"t/E4.mkv", 20}}),
        "E4.mkv");
}

TEST(Series, AFileThatIsItsTorrentHasNoNext) {
    EXPECT_EQ(next_among("E1.mkv", {{"E1.mkv", 100}}), "");
}

}  // namespace
}  // namespace btfs
