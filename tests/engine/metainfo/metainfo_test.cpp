#include "engine/metainfo/metainfo.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <string>

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/safe_path.hpp"

namespace btfs {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;

std::string str(std::string_view text) {
    return std::to_string(text.size()) + ':' + std::string(text);
}
std::string num(std::int64_t value) {
    return 'i' + std::to_string(value) + 'e';
}

// One entry of `files`: its length, its path, and more keys that sort behind "path".
std::string file(std::int64_t length, std::vector<std::string> path, std::string_view attr = {},
                 std::string more = {}) {
    std::string out = "d";
    if (!attr.empty()) out += "4:attr" + str(attr);
    out += "6:length" + num(length) + "4:pathl";
    for (const auto& name : path) out += str(name);
    return out + 'e' + more + 'e';
}

struct Info {
    std::string files = {};  // of a torrent of many files
    std::string length = num(1000);
    std::string name = "file";
    std::string piece_length = num(16384);
    std::size_t pieces = 1;
    std::string more = {};

    std::string text() const {
        std::string out = "d";
        out += files.empty() ? "6:length" + length : "5:filesl" + files + 'e';
        out += "4:name" + str(name) + "12:piece length" + piece_length;
        return out + "6:pieces" + str(std::string(pieces * 20, 'h')) + more + 'e';
    }
};

Result<Metainfo> parse(const Info& info) {
    return parse_torrent(as_bytes("d4:info" + info.text() + 'e'));
}
Error error_of(const Info& info) {
    auto result = parse(info);
    return result ? Error{} : result.error();
}
std::vector<std::string> paths(const Metainfo& metainfo) {
    std::vector<std::string> out;
    for (const FileEntry& entry : metainfo.files) out.push_back(entry.path);
    return out;
}

TEST(Metainfo, ReadsASingleFile) {
    auto torrent = parse({.length = num(40000), .pieces = 3});
    ASSERT_TRUE(torrent);
    EXPECT_EQ(torrent->name, "file");
    EXPECT_THAT(paths(*torrent), ElementsAre("file"));
    EXPECT_EQ(torrent->layout.total_size(), 40000u);
    EXPECT_EQ(torrent->layout.piece_count(), 3u);
    EXPECT_EQ(torrent->hashes.size(), 3u);
    EXPECT_EQ(torrent->hashes.v1(PieceIndex(2)), Sha1Digest::from(as_bytes("hhhhhhhhhhhhhhhhhhhh")));
    const std::string info = Info{.length = num(40000), .pieces = 3}.text();
    EXPECT_EQ(torrent->identity.v1, sha1(as_bytes(info)));
    EXPECT_FALSE(torrent->identity.v2);
    EXPECT_EQ(as_text(*torrent->info_bytes), info);
    EXPECT_EQ(parse_info(as_bytes(info)).value().identity, torrent->identity);
}

TEST(Metainfo, ReadsManyFilesInOrder) {
    auto torrent =
        parse({.files = file(20000, {"a"}, "x") + file(0, {"d", "empty"}, "h") + file(5000, {"d", "b"}),
               .pieces = 2});
    ASSERT_TRUE(torrent);
    EXPECT_THAT(paths(*torrent), ElementsAre("file/a", "file/d/empty", "file/d/b"));
    EXPECT_TRUE(torrent->files[0].executable);
    EXPECT_TRUE(torrent->files[1].hidden);
    EXPECT_EQ(torrent->files[2].offset_in_torrent, 20000u);
    EXPECT_EQ(torrent->layout.files()[2].range(), (ByteRange{20000, 25000}));
}

TEST(Metainfo, ReadsWhatSurroundsTheInfo) {
    const std::string torrent =
        "d8:announce" + str("http://one/announce") +
        "13:announce-listl"
        "l" +
        str("http://a/ann") + str("udp://b:1") + str("http://a/ann") + str("bad url") +
        "e"
        "l" +
        str("") +
        "e"
        "l" +
        str(" http://c ") +
        "e"
        "e" +
        "7:comment" + str("hi \xff") + "10:created by" + str("lab") + "13:creation date" + num(1700000000) +
        "4:info" + Info{.more = "7:private" + num(1)}.text() +
        "5:nodesl"
        "l" +
        str("router.example") + num(6881) +
        "e"
        "l" +
        str("x") + num(0) + "ee" + "8:url-list" + str("http://seed/") + "e";
    auto result = parse_torrent(as_bytes(torrent));
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_THAT(result->trackers,
                ElementsAre(ElementsAre("http://a/ann", "udp://b:1"), ElementsAre("http://c")));
    EXPECT_EQ(result->comment, "hi \xef\xbf\xbd");
    EXPECT_EQ(result->created_by, "lab");
    EXPECT_EQ(result->creation_date, 1700000000);
    EXPECT_TRUE(result->is_private);
    EXPECT_THAT(result->dht_nodes, ElementsAre(HostPort{"router.example", 6881}));
    EXPECT_THAT(result->web_seeds, ElementsAre("http://seed/"));
}

TEST(Metainfo, AnnounceCountsWhereThereIsNoList) {
    auto result =
        parse_torrent(as_bytes("d8:announce8:http://a13:announce-listle4:info" + Info{}.text() + 'e'));
    ASSERT_TRUE(result);
    EXPECT_THAT(result->trackers, ElementsAre(ElementsAre("http://a")));
    EXPECT_FALSE(result->creation_date);
}

TEST(Metainfo, SizesAndPiecesMustFit) {
    EXPECT_EQ(error_of({.length = num(-1)}), Errc::torrent_bad_length);
    EXPECT_EQ(error_of({.length = num(0), .pieces = 0}), Errc::torrent_empty);
    EXPECT_EQ(error_of({.length = num(std::int64_t{1} << 62)}), Errc::torrent_bad_piece_hashes);
    EXPECT_EQ(error_of({.length = str("x")}), Errc::torrent_bad_length);
    for (auto bad :
         {std::int64_t{0}, std::int64_t{-16384}, std::int64_t{kMaxPieceLength} + 1, std::int64_t{1} << 62})
        EXPECT_EQ(error_of({.piece_length = num(bad)}), Errc::torrent_bad_piece_length);
    EXPECT_FALSE(error_of({.piece_length = num(kMaxPieceLength)}));
    for (std::size_t pieces : {0, 2, 50})
        EXPECT_EQ(error_of({.pieces = pieces}), Errc::torrent_bad_piece_hashes);
    EXPECT_FALSE(error_of({.length = num(16384)}));
    EXPECT_EQ(error_of({.length = num(16385)}), Errc::torrent_bad_piece_hashes);
    EXPECT_EQ(error_of({.files = file(-500, {"a"}) + file(1500, {"b"})}), Errc::torrent_bad_length);
    std::string huge;
    for (int i = 0; i < 8; ++i) huge += file(std::int64_t{1} << 62, {"f" + std::to_string(i)});
    EXPECT_EQ(error_of({.files = huge}), Errc::torrent_bad_length);
    EXPECT_EQ(error_of({.files = file(0, {"a"}) + file(0, {"b"}), .pieces = 0}), Errc::torrent_empty);
    EXPECT_EQ(error_of({.files = file(1000, {"a"}, "p")}), Errc::torrent_empty);
}

TEST(Metainfo, WhatIsNoTorrentIsAnError) {
    const std::string good = "d4:info" + Info{}.text() + 'e';
    const std::vector<std::pair<std::string, Errc>> cases{
        {"", Errc::bencode_truncated},
        {"\x7f"
         "ELF\0\1\2"s,
         Errc::bencode_syntax},
        {good.substr(0, good.size() / 2), Errc::bencode_truncated},
        {good + "garbage", Errc::bencode_trailing_data},
        {"d8:announce3:abce", Errc::torrent_no_info},
        {"d4:infoli1eee", Errc::torrent_no_info},
        {"li1ee", Errc::torrent_no_info},
        {"d4:info" + std::string(2'000'000, 'l') + std::string(2'000'000, 'e') + 'e', Errc::bencode_too_deep},
        {"d4:info99999999999999999999:xe", Errc::bencode_truncated},
        {"d4:infod6:lengthi" + std::string(40, '9') + "eee", Errc::bencode_integer_out_of_range},
        {"d4:infod6:lengthi5e4:name1:f12:piece lengthi16384eee", Errc::torrent_bad_piece_hashes},
        {"d4:infod6:lengthi5e4:name1:f12:piece lengthi16384e6:pieces19:0123456789012345678ee",
         Errc::torrent_bad_piece_hashes},
    };
    for (const auto& [text, error] : cases)
        EXPECT_EQ(parse_torrent(as_bytes(text)).error(), error) << text.substr(0, 80);
    EXPECT_EQ(parse_torrent(Bytes(kMaxTorrentFileSize + 1)).error(), Errc::torrent_too_large);
    EXPECT_EQ(parse_info(as_bytes("le")).error(), Errc::torrent_no_info);
}

TEST(Metainfo, BadNamesAreMadeSafe) {
    for (auto name : {"", ".", ".."}) {
        auto torrent = parse({.name = name});
        ASSERT_TRUE(torrent);
        EXPECT_EQ(torrent->name, torrent->identity.v1->hex());
    }
    EXPECT_EQ(parse({.name = "/etc/passwd"}).value().name, "_etc_passwd");
    EXPECT_EQ(parse({.name = "a\0b"s}).value().name, "a_b");
    EXPECT_EQ(parse({.name = std::string(5000, 'n')}).value().name.size(), kMaxNameSize);
    EXPECT_TRUE(is_safe_name(parse({.name = "\xff\xfe\x80"
                                            "bad"})
                                 .value()
                                 .name));
    EXPECT_THAT(paths(parse({.files = file(1000, {"..", "..", "escape"})}).value()),
                ElementsAre("file/__/__/escape"));
    EXPECT_THAT(paths(parse({.files = file(1000, {"a/../../b"})}).value()), ElementsAre("file/a_.._.._b"));
    EXPECT_THAT(paths(parse({.files = file(500, {"", "x"}) + file(500, {"y"})}).value()),
                ElementsAre("file/_/x", "file/y"));
    EXPECT_THAT(paths(parse({.files = file(500, {"same"}) + file(500, {"same"})}).value()),
                ElementsAre("file/same", "file/same (2)"));
    EXPECT_THAT(paths(parse({.files = file(500, {"a"}) + file(500, {"a", "b"})}).value()),
                ElementsAre("file/a", "file/a (2)/b"));
}

TEST(Metainfo, AFileWithoutANameIsAnError) {
    EXPECT_EQ(error_of({.files = file(1000, {})}), Errc::torrent_bad_path);
    EXPECT_EQ(error_of({.files = "d6:lengthi1000ee"}), Errc::torrent_bad_path);
    EXPECT_EQ(error_of({.files = "d6:lengthi1000e4:pathli1eee"}), Errc::torrent_bad_path);
    EXPECT_EQ(error_of({.files = "i1e"}), Errc::bencode_wrong_type);
}

TEST(Metainfo, TheUtf8NamesOfOldCreatorsCount) {
    auto torrent = parse({.files = file(1000, {"\xb2"}, {}, "10:path.utf-8l" + str("\xc3\xa9") + 'e'),
                          .more = "10:name.utf-8" + str("n\xc3\xa9")});
    ASSERT_TRUE(torrent);
    EXPECT_THAT(paths(*torrent), ElementsAre("n\xc3\xa9/\xc3\xa9"));
}

TEST(Metainfo, PadFilesBecomePadExtents) {
    auto torrent =
        parse({.files = file(10000, {"a"}) + file(6384, {".pad", "6384"}, "p") + file(10000, {"b"}) +
                        file(6384, {".pad", "6384"}) + file(16000, {"c"}) +
                        file(384, {"_____padding_file_2_if you see this file"}) + file(16384, {".pad", "77"}),
               .pieces = 4});
    ASSERT_TRUE(torrent);
    std::string pads;
    for (const FileEntry& entry : torrent->files) pads += entry.pad ? 'p' : '-';
    EXPECT_EQ(pads, "-p-p-p-");  // the last one would fill a piece: it is content
    EXPECT_TRUE(torrent->layout.has_padding());
    EXPECT_EQ(torrent->files[6].path, "file/.pad/77");
    EXPECT_EQ(torrent->layout.payload(PieceIndex(0), 0).size, 10000u);
}

TEST(Metainfo, SymlinksStayInside) {
    const auto link = [](std::vector<std::string> at, std::vector<std::string> to) {
        std::string target = "12:symlink pathl";
        for (const auto& name : to) target += str(name);
        return file(0, std::move(at), "l", target + 'e');
    };
    const auto target = [&](const std::string& entry) {
        auto torrent = parse({.files = file(1000, {"d", "a/b"}) + entry});
        return torrent ? torrent->files.back().symlink_target : torrent.error().message();
    };
    const std::string refused = Error(Errc::torrent_bad_symlink).message();
    EXPECT_EQ(target(link({"l"}, {"d", "a/b"})), refused);  // a '/' in a target is no name
    EXPECT_EQ(target(link({"l"}, {"d", "x"})), "d/x");
    EXPECT_EQ(target(link({"d", "l"}, {"d", "x"})), "x");
    EXPECT_EQ(target(link({"e", "f", "l"}, {"d", "x"})), "../../d/x");
    EXPECT_EQ(target(link({"d", "l"}, {"d"})), ".");
    EXPECT_EQ(target(link({"d", "e", "l"}, {"d"})), "..");
    EXPECT_EQ(target(link({"dd", "l"}, {"d", "x"})), "../d/x");
    EXPECT_EQ(target(link({"l"}, {"d", "..", "d", ".", "x"})), "d/x");
    for (auto bad : std::vector<std::vector<std::string>>{
             {".."}, {"d", "..", "..", "x"}, {"", "etc", "passwd"}, {"/etc/passwd"}, {}})
        EXPECT_EQ(target(link({"l"}, bad)), refused);
    EXPECT_EQ(target(file(0, {"l"}, "l")), refused);
}

TEST(Metainfo, HybridsAreReadAsV1AndKeepBothHashes) {
    auto torrent = parse({.more = "9:file treede12:meta versioni2e"});
    ASSERT_TRUE(torrent);
    EXPECT_EQ(torrent->identity.v2, sha256(*torrent->info_bytes));
    EXPECT_TRUE(torrent->identity.v1);
}

TEST(Metainfo, WhatIsV2OnlyIsRefused) {
    for (const std::string leaf : {"6:lengthi1000e11:pieces root5:short", "6:lengthi1000e"}) {
        const std::string info =
            "d9:file treed1:fd0:d" + leaf + "eee12:meta versioni2e4:name1:f12:piece lengthi16384ee";
        EXPECT_EQ(parse_torrent(as_bytes("d4:info" + info + 'e')).error(), Errc::torrent_unsupported_version);
    }
    EXPECT_EQ(error_of({.more = "12:meta versioni3e"}), Errc::torrent_unsupported_version);
}

TEST(Metainfo, ALargeCollectionLoadsFast) {
    constexpr int kFiles = 61189;
    std::string files;
    for (int i = 0; i < kFiles; ++i)
        files += file(4096, {"dir" + std::to_string(i / 100), "file" + std::to_string(i) + ".dat"});
    const std::string torrent =
        "d4:info" + Info{.files = files, .piece_length = num(1 << 20), .pieces = 240}.text() + 'e';
    ASSERT_TRUE(parse_torrent(as_bytes(torrent)));
    const auto start = std::chrono::steady_clock::now();
    auto result = parse_torrent(as_bytes(torrent));
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->files.size(), std::size_t{kFiles});
    RecordProperty("milliseconds", std::to_string(took * 1000));
    std::printf("%d files: %.1f ms\n", kFiles, took * 1000);
    EXPECT_LT(took, 2.0);
}

}  // namespace
}  // namespace btfs
