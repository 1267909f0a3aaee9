#include "engine/metainfo/create.hpp"

#include <gmock/gmock.h>

#include "engine/metainfo/metainfo.hpp"

namespace btfs {
namespace {

TEST(Create, PieceLengthGivesOneToTwoThousandPieces) {
    EXPECT_EQ(choose_piece_length(1), 16u * 1024);
    EXPECT_EQ(choose_piece_length(std::uint64_t{1} << 30), 1u << 20);
    EXPECT_EQ(choose_piece_length(std::uint64_t{1} << 50), 16u << 20);
    for (std::uint64_t size = 40'000'000; size < 30'000'000'000; size += size / 7) {
        const std::uint64_t pieces = size / choose_piece_length(size);
        EXPECT_GE(pieces, 990u) << size;
        EXPECT_LE(pieces, 2000u) << size;
    }
}

TEST(PieceHasher, CutsHoweverItIsFed) {
    Bytes content(100);
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i);
    for (std::size_t step : {1, 7, 32, 64, 100}) {
        PieceHasher hasher(32);
        for (std::size_t at = 0; at < content.size(); at += step)
            hasher.update(ByteView(content).subspan(at, std::min(step, content.size() - at)));
        const auto hashes = hasher.finish();
        ASSERT_EQ(hashes.size(), 4u);
        EXPECT_EQ(hashes[1], sha1(ByteView(content).subspan(32, 32)));
        EXPECT_EQ(hashes[3], sha1(ByteView(content).subspan(96)));
    }
    EXPECT_TRUE(PieceHasher(32).finish().empty());
}

NewTorrent folder() {
    return {.name = "set",
            .piece_length = 16384,
            .files = {{{"a"}, 20000, true}, {{"d", "b"}, 5}, {{"d", "empty"}, 0}},
            .trackers = {{"http://a", "udp://b:1"}, {"http://c"}},
            .web_seeds = {"http://w/"},
            .is_private = true,
            .creation_date = 5,
            .comment = "c",
            .created_by = "btfs"};
}

TEST(Create, WhatIsWrittenReadsBackTheSame) {
    const std::vector<Sha1Digest> hashes{sha1(as_bytes("one")), sha1(as_bytes("two"))};
    const NewTorrent made = folder();
    auto bytes = write_torrent(made, hashes);
    ASSERT_TRUE(bytes);
    auto read = parse_torrent(*bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->name, "set");
    ASSERT_EQ(read->files.size(), 3u);
    EXPECT_EQ(read->files[1].path, "set/d/b");
    EXPECT_TRUE(read->files[0].executable);
    EXPECT_EQ(read->hashes.v1(PieceIndex(1)), hashes[1]);
    EXPECT_EQ(read->trackers, made.trackers);
    EXPECT_EQ(read->web_seeds, made.web_seeds);
    EXPECT_TRUE(read->is_private);
    EXPECT_EQ(read->creation_date, 5);
    EXPECT_EQ(read->comment + read->created_by, "cbtfs");
}

TEST(Create, ASingleFileHasNoFolder) {
    NewTorrent torrent{.name = "f.bin", .piece_length = 16384, .files = {{{}, 9}}};
    const std::vector<Sha1Digest> hashes(1);
    auto bytes = write_torrent(torrent, hashes);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(parse_torrent(*bytes).value().files.front().path, "f.bin");
}

TEST(Create, RefusesWhatWouldNotReadBack) {
    const std::vector<Sha1Digest> hashes(2);
    NewTorrent torrent = folder();
    EXPECT_EQ(write_torrent(torrent, std::span(hashes).first(1)).error(), Errc::torrent_bad_piece_hashes);
    torrent.files[1].path = {"a"};
    EXPECT_EQ(write_torrent(torrent, hashes).error(), Errc::torrent_bad_path);
    torrent.files[1].path = {".."};
    EXPECT_EQ(write_torrent(torrent, hashes).error(), Errc::torrent_bad_path);
    torrent = folder();
    torrent.name = "a/b";
    EXPECT_EQ(write_torrent(torrent, hashes).error(), Errc::torrent_bad_path);
    torrent = folder();
    torrent.piece_length = 0;
    EXPECT_EQ(write_torrent(torrent, hashes).error(), Errc::torrent_bad_piece_length);
    EXPECT_EQ(write_torrent({.name = "e", .piece_length = 16384, .files = {{{"e"}, 0}}}, {}).error(),
              Errc::torrent_empty);
}

}  // namespace
}  // namespace btfs
