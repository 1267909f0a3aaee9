#include "engine/webseed/piece_urls.hpp"

#include <gtest/gtest.h>

namespace btfs::webseed {
namespace {

constexpr std::uint64_t kPieceLength = 32 * 1024;

TEST(PieceUrls, NameTheTorrentThePieceAndTheRangeUnlessItIsWhole) {
    const Layout layout(kPieceLength, {{0, 2 * kPieceLength + 100, false}});
    Sha1Digest hash;
    hash.bytes[0] = std::byte{0x9c};
    hash.bytes[1] = std::byte{'a'};
    std::string escaped = "%9C%61";
    for (int i = 2; i < 20; ++i) escaped += "%00";

    const PieceUrls urls("http://h/seed.php", hash, layout);
    EXPECT_EQ(urls.url({kPieceLength, 2 * kPieceLength}),
              "http://h/seed.php?info_hash=" + escaped + "&piece=1");
    EXPECT_EQ(urls.url({kPieceLength + 5, kPieceLength + 10}),
              "http://h/seed.php?info_hash=" + escaped + "&piece=1&ranges=5-9");
    EXPECT_EQ(urls.url({2 * kPieceLength, 2 * kPieceLength + 100}),
              "http://h/seed.php?info_hash=" + escaped + "&piece=2");
    EXPECT_EQ(PieceUrls("http://h/?a=b#c", hash, layout).url({0, kPieceLength}),
              "http://h/?a=b&info_hash=" + escaped + "&piece=0");
}

TEST(LayoutWithoutFiles, IsThatOfTheSamePiecesOrNone) {
    const auto many =
        layout_without_files(Layout(kPieceLength, {{0, 40'000, false}, {40'000, 50'000, false}}));
    ASSERT_TRUE(many);
    EXPECT_EQ(*many, Layout(kPieceLength, {{0, 90'000, false}}));
    EXPECT_FALSE(layout_without_files(Layout(kPieceLength, {{0, 40'000, false}, {40'000, 100, true}})));
    EXPECT_FALSE(layout_without_files(
        Layout(kPieceLength, {{0, 40'000, false}, {2 * kPieceLength, 50'000, false}}, PieceCut::each_file)));
}

}  // namespace
}  // namespace btfs::webseed
