#include "engine/metainfo/metainfo.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <limits>
#include <string>

#include "engine/metainfo/bencode.hpp"
#include "engine/metainfo/safe_path.hpp"
#include "tests/support/sanitized.hpp"

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

// Returns an entry of `files`: its length, its path, and more keys that sort behind "path".
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
        "4:info" + Info{.more = "7:private" + num(1) + "6:source" + str("lab \xff")}.text() +
        "5:nodesl"
        "l" +
        str("router.example") + num(6881) +
        "e"
        "l" +
        str("x") + num(0) + "ee" + "8:url-list" + str("http://seed/") + "e";
    auto result = parse_torrent(as_bytes(torrent));
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_THAT(result->trackers,
                ElementsAre(ElementsAre("http://a/ann", "udp://b:1", "bad url"), ElementsAre("http://c")));
    EXPECT_EQ(result->comment, "hi \xef\xbf\xbd");
    EXPECT_EQ(result->created_by, "lab");
    EXPECT_EQ(result->source, "lab \xef\xbf\xbd");
    EXPECT_EQ(result->creation_date, 1700000000);
    EXPECT_TRUE(result->is_private);
    EXPECT_THAT(result->dht_nodes, ElementsAre(HostPort{"router.example", 6881}));
    EXPECT_THAT(result->web_seeds, ElementsAre("http://seed/"));
}

TEST(Metainfo, HttpSeedsAreAList) {
    const std::string torrent = "d9:httpseeds" +
                                ("l" + str("http://a/seed.php") + str("http://b/?x") + num(1)) + "e4:info" +
                                Info{}.text() + 'e';
    auto result = parse_torrent(as_bytes(torrent));
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_THAT(result->http_seeds, ElementsAre("http://a/seed.php", "http://b/?x"));
    EXPECT_TRUE(result->web_seeds.empty());
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
        {"d8:announce3:abce", Errc::torrent_no_info},
        {"d4:infoli1eee", Errc::torrent_no_info},
        {"li1ee", Errc::torrent_no_info},
        {"d4:info" + std::string(2'000'000, 'l') + std::string(2'000'000, 'e') + 'e', Errc::bencode_too_deep},
        {"d4:info99999999999999999999:xe", Errc::bencode_truncated},
        {"d4:infod6:lengthi" + std::string(40, '9') + "e12:piece lengthi16384eee", Errc::torrent_bad_length},
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

TEST(Metainfo, WhatFollowsATorrentIsIgnored) {
    const std::string good = "d4:info" + Info{}.text() + 'e';
    const Identity identity = parse_torrent(as_bytes(good))->identity;
    for (const std::string& more : {"\n"s, "\r\n"s, " "s, "\0"s, "garbage"s, "<!-- served in 3 ms -->"s, "e"s,
                                    good, std::string(100'000, '\xff')}) {
        auto torrent = parse_torrent(as_bytes(good + more));
        ASSERT_TRUE(torrent) << more.substr(0, 30);
        EXPECT_EQ(torrent->identity, identity);
    }
    EXPECT_EQ(parse_info(as_bytes(Info{}.text() + '\n')).error(), Errc::bencode_trailing_data)
        << "the info-hash covers all of what peers sent";
}

TEST(Metainfo, AFileWithoutAUsableNameGetsOneAndTheOthersKeepTheirs) {
    const std::string good = file(500, {"a"});
    EXPECT_THAT(paths(parse({.files = file(500, {}) + good}).value()), ElementsAre("file/_", "file/a"));
    EXPECT_THAT(paths(parse({.files = "d6:lengthi500ee" + good}).value()), ElementsAre("file/_", "file/a"));
    EXPECT_THAT(paths(parse({.files = "d6:lengthi500e4:pathi7ee" + good}).value()),
                ElementsAre("file/_", "file/a"));
    EXPECT_THAT(paths(parse({.files = "d6:lengthi500e4:pathl1:di1e1:xee" + good}).value()),
                ElementsAre("file/d/_/x", "file/a"));
    EXPECT_THAT(paths(parse({.files = "d6:lengthi500e4:path1:be" + good}).value()),
                ElementsAre("file/b", "file/a"));
    EXPECT_THAT(paths(parse({.files = file(0, {}) + file(0, {""}) + file(1000, {"_"})}).value()),
                ElementsAre("file/_", "file/_ (2)", "file/_ (3)"));
}

TEST(Metainfo, AnEntryThatLeavesTheLayoutUndefinedIsAnError) {
    const std::string good = file(500, {"a"});
    EXPECT_EQ(error_of({.files = "i1e" + good}), Errc::bencode_wrong_type);
    EXPECT_EQ(error_of({.files = "d4:pathl1:bee" + good}), Errc::torrent_bad_length);
    for (const char* length : {"i-1e", "i007e", "i-0e", "i18446744073709551615e", "3:500"})
        EXPECT_EQ(error_of({.files = "d6:length"s + length + "4:pathl1:bee" + good}),
                  Errc::torrent_bad_length)
            << length;
    EXPECT_EQ(error_of({.piece_length = "i016384e"}), Errc::torrent_bad_piece_length);
}

TEST(Metainfo, AttributesThatMeanNothingAreIgnored) {
    auto torrent = parse({.files = "d4:attri5e6:lengthi500e4:pathl1:aee" + file(500, {"b"},
                                                                                "?\xff"
                                                                                "xzz")});
    ASSERT_TRUE(torrent);
    EXPECT_FALSE(torrent->files[0].executable);
    EXPECT_TRUE(torrent->files[1].executable);
}

TEST(Metainfo, NumbersThatNobodyNeedsMayBeAnything) {
    for (const char* odd : {"i18446744073709551615e", "i-0e", "i007e", "i99999999999999999999999999e"}) {
        const std::string torrent = "d5:a num"s + odd + "13:creation date" + odd + "4:infod5:a num" + odd +
                                    "6:lengthi1000e12:meta version" + odd +
                                    "4:name1:f12:piece lengthi16384e6:pieces20:hhhhhhhhhhhhhhhhhhhh" +
                                    "6:sourcel" + odd + "ee5:nodesll1:h" + odd + "eee";
        auto result = parse_torrent(as_bytes(torrent));
        ASSERT_TRUE(result) << odd << ' ' << result.error().message();
        EXPECT_EQ(result->layout.total_size(), 1000u);
        EXPECT_TRUE(result->dht_nodes.empty());
    }
}

TEST(Metainfo, ACreationDateIsKeptAsItWasSaid) {
    const auto date = [](const std::string& said) {
        return parse_torrent(as_bytes("d13:creation date" + said + "4:info" + Info{}.text() + 'e'))
            ->creation_date;
    };
    EXPECT_EQ(date("i1700000000000e"), 1'700'000'000'000);
    EXPECT_EQ(date("i-5e"), -5);
    EXPECT_EQ(date("i1221000000000e"), 1'221'000'000'000) << "the year 40661";
    EXPECT_EQ(date("i18446744073709551615e"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(date("i-18446744073709551615e"), std::numeric_limits<std::int64_t>::min());
    EXPECT_FALSE(date("4:2024"));
}

TEST(Metainfo, PrivateIsWhateverIsNotZero) {
    for (const char* value : {"i1e", "i2e", "i-1e", "i01e", "i18446744073709551615e"})
        EXPECT_TRUE(parse({.more = "7:private"s + value})->is_private) << value;
    for (const char* value : {"i0e", "i-0e", "1:0", "le"})
        EXPECT_FALSE(parse({.more = "7:private"s + value})->is_private) << value;
}

TEST(Metainfo, AListOfUrlsInPlaceOfTiersIsReadToo) {
    auto result = parse_torrent(as_bytes("d13:announce-listl" + str("http://a/x y|z") + "l" +
                                         str("udp://b:1") + "ee4:info" + Info{}.text() + 'e'));
    ASSERT_TRUE(result);
    EXPECT_THAT(result->trackers, ElementsAre(ElementsAre("http://a/x y|z"), ElementsAre("udp://b:1")));
}

// Parses a torrent whose `encoding`, if any, is outside of the info dictionary, as creators put it.
Result<Metainfo> parse_encoded(const std::string& encoding, const Info& info) {
    const std::string outer = encoding.empty() ? "" : "8:encoding" + str(encoding);
    return parse_torrent(as_bytes("d" + outer + "4:info" + info.text() + 'e'));
}

const std::string kGbk = "\xc4\xe3\xba\xc3", kGbkRead = "\u4f60\u597d";
const std::string kSjis = "\x83\x5c\x83\x74\x83\x67", kSjisRead = "\u30bd\u30d5\u30c8";  // 0x5c inside

TEST(Metainfo, TheUtf8NamesOfOldCreatorsCount) {
    auto torrent = parse({.files = file(1000, {"\xb2"}, {}, "10:path.utf-8l" + str("\xc3\xa9") + 'e'),
                          .more = "10:name.utf-8" + str("n\xc3\xa9")});
    ASSERT_TRUE(torrent);
    EXPECT_THAT(paths(*torrent), ElementsAre("n\xc3\xa9/\xc3\xa9"));
}

TEST(Metainfo, Utf8NamesThatDoNotFitTheOthersAreIgnored) {
    const auto path = [](const std::string& more) {
        return paths(parse({.files = file(1000, {"d", "raw"}, {}, more)}).value()).at(0);
    };
    EXPECT_EQ(path("10:path.utf-8l1:D1:Fe"), "file/D/F");
    EXPECT_EQ(path("10:path.utf-8l1:Fe"), "file/d/raw") << "another number of names";
    EXPECT_EQ(path("10:path.utf-8l1:D1:E1:Fe"), "file/d/raw");
    EXPECT_EQ(path("10:path.utf-8le"), "file/d/raw");
    EXPECT_EQ(path("10:path.utf-8l1:Di1ee"), "file/d/raw");
    EXPECT_EQ(path("10:path.utf-8l1:D1:\xff"
                   "e"),
              "file/d/raw");
    EXPECT_EQ(path("10:path.utf-83:D/F"), "file/d/raw");
    EXPECT_EQ(paths(parse({.files = "d6:lengthi1000e10:path.utf-8l1:D1:Fee"}).value()).at(0), "file/D/F");
    EXPECT_EQ(parse({.name = "raw", .more = "10:name.utf-8" + str("\xff")})->name, "raw");
}

TEST(Metainfo, NamesAreReadByTheEncodingThatTheTorrentNames) {
    const auto read = [](const std::string& encoding, const std::string& name) {
        auto torrent = parse_encoded(encoding, {.files = file(1000, {name, "a.txt"}), .name = name});
        return paths(torrent.value()).at(0);
    };
    for (const char* gbk : {"GBK", "gb2312", "GB18030", "cp936", "windows-936"})
        EXPECT_EQ(read(gbk, kGbk), kGbkRead + '/' + kGbkRead + "/a.txt") << gbk;
    for (const char* sjis : {"Shift_JIS", "shift-jis", "SJIS", "CP932"})
        EXPECT_EQ(read(sjis, kSjis), kSjisRead + '/' + kSjisRead + "/a.txt") << sjis;
    EXPECT_EQ(read("Big5", "\xa4\xa4"), "\u4e2d/\u4e2d/a.txt");
    EXPECT_EQ(read("EUC-KR", "\xc7\xd1"), "\ud55c/\ud55c/a.txt");
    EXPECT_EQ(read("windows-1251", "\xcf"), "\u041f/\u041f/a.txt");
    EXPECT_EQ(read("KOI8-R", "\xf0"), "\u041f/\u041f/a.txt");
    EXPECT_EQ(read("GBK", "\u4f60"), "\u4f60/\u4f60/a.txt") << "UTF-8 in spite of what the torrent says";
    EXPECT_EQ(read("GBK", "\xc4\xe3\xff"), read("", "\xc4\xe3\xff")) << "is no GBK either";
    const std::string by_number = "d8:codepagei936e4:info" + Info{.name = kGbk}.text() + 'e';
    EXPECT_EQ(parse_torrent(as_bytes(by_number))->name, kGbkRead);
}

TEST(Metainfo, OnlyTheBeginningOfAnEncodingsNameIsLookedAt) {
    EXPECT_NE(parse_encoded("GBK" + std::string(28, ' ') + "x", {.name = kGbk})->name, kGbkRead);
    EXPECT_EQ(parse_encoded("GBK" + std::string(29, ' ') + "x", {.name = kGbk})->name, kGbkRead);
    EXPECT_EQ(parse_encoded("GBK" + std::string(1'000'000, ' '), {.name = kGbk})->name, kGbkRead);
}

TEST(Metainfo, WithoutAUsableEncodingNamesAreStable) {
    const std::string fallback = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    for (const char* encoding :
         {"", "UTF-8", "nonsense", "ISO-2022-CN-EXT", "../../tmp/evil", "UTF-7", "UTF-16"})
        for (int mount = 0; mount < 2; ++mount)
            EXPECT_EQ(parse_encoded(encoding, {.name = kGbk})->name, fallback) << encoding;
    const std::string as_file = "d8:encoding"s + str("GBK") + "7:comment" + str(kGbk) + "4:info" +
                                Info{.name = kGbk, .more = "10:name.utf-8" + str("ok")}.text() + 'e';
    EXPECT_EQ(parse_torrent(as_bytes(as_file))->name, "ok");
    EXPECT_EQ(parse_torrent(as_bytes(as_file))->comment, kGbkRead);
}

TEST(Metainfo, ControlCharactersOfConvertedNamesAreReplaced) {
    EXPECT_EQ(parse_encoded("windows-1251", {.name = "a\x01/\xcf"})->name, "a__\u041f");
    EXPECT_EQ(parse({.name = "exe.\u202egpj"})->name, "exe._gpj");
}

TEST(Metainfo, MoreFilesThanTheLimitAreRefused) {
    std::string files;
    for (std::size_t i = 0; i <= kMaxFiles; ++i) files += "de";
    EXPECT_EQ(error_of({.files = files}), Errc::torrent_too_many_files);
}

TEST(Metainfo, MoreValuesThanTheLimitAreRefused) {
    std::string values;
    for (std::uint32_t i = 0; i <= kMaxTorrentValues; ++i) values += "le";
    EXPECT_EQ(error_of({.more = "1:zl" + values + 'e'}), Errc::bencode_too_large);
    values.resize(values.size() - 2 * 100);  // what else the torrent has
    EXPECT_FALSE(error_of({.more = "1:zl" + values + 'e'}));
}

TEST(Metainfo, HundredsOfThousandsOfFilesAreRead) {
    constexpr std::int64_t kCount = 200'000;
    std::string files;
    for (std::int64_t i = 0; i < kCount; ++i)
        files += file(100, {"folder " + std::to_string(i % 1000), std::to_string(i)}, "x");
    const auto torrent = parse({.files = files, .pieces = kCount * 100 / 16384 + 1});
    ASSERT_TRUE(torrent) << torrent.error().message();
    EXPECT_EQ(torrent->files.size(), static_cast<std::size_t>(kCount));
    EXPECT_EQ(torrent->files.back().path, "file/folder 999/199999");
}

TEST(Metainfo, MorePiecesOrBlocksThanTheCacheHasPlacesForAreRefused) {
    EXPECT_FALSE(error_of({.length = num(kMaxPieces), .piece_length = num(1), .pieces = kMaxPieces}));
    EXPECT_EQ(error_of({.length = num(kMaxPieces + 1), .piece_length = num(1), .pieces = kMaxPieces + 1}),
              Errc::torrent_too_many_pieces);
    const std::uint64_t most = kMaxBlocks / (kMaxPieceLength / kBlockSize);
    EXPECT_FALSE(error_of({.length = num(static_cast<std::int64_t>(most * kMaxPieceLength)),
                           .piece_length = num(kMaxPieceLength),
                           .pieces = most}));
    EXPECT_EQ(error_of({.length = num(static_cast<std::int64_t>((most + 1) * kMaxPieceLength)),
                        .piece_length = num(kMaxPieceLength),
                        .pieces = most + 1}),
              Errc::torrent_too_many_pieces);
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
    EXPECT_EQ(pads, "-p-p-p-");  // a whole piece of padding counts as content
    EXPECT_TRUE(torrent->layout.has_padding());
    EXPECT_EQ(torrent->files[6].path, "file/.pad/77");
    EXPECT_EQ(torrent->layout.payload(PieceIndex(0), 0).size, 10000u);
}

std::string link(std::vector<std::string> at, std::vector<std::string> to) {
    std::string target = "12:symlink pathl";
    for (const auto& name : to) target += str(name);
    return file(0, std::move(at), "l", target + 'e');
}

// Returns the target of a symlink in a torrent with the files "d/x" and "a"; "-" if the symlink is left out.
std::string target_of(const std::string& entry) {
    auto torrent = parse({.files = file(500, {"d", "x"}) + file(500, {"a"}) + entry});
    if (!torrent) return torrent.error().message();
    EXPECT_THAT(paths(*torrent), testing::Contains("file/d/x"));
    const FileEntry& last = torrent->files.back();
    EXPECT_EQ(last.pad, !last.is_symlink());
    return last.is_symlink() ? last.symlink_target : "-";
}

TEST(Metainfo, SymlinksAreRelativeToTheTorrentsFolder) {
    EXPECT_EQ(target_of(link({"l"}, {"d", "x"})), "d/x");
    EXPECT_EQ(target_of(link({"d", "l"}, {"d", "x"})), "x");
    EXPECT_EQ(target_of(link({"e", "f", "l"}, {"d", "x"})), "../../d/x");
    EXPECT_EQ(target_of(link({"d", "l"}, {"d"})), ".");
    EXPECT_EQ(target_of(link({"d", "e", "l"}, {"d"})), "..");
    EXPECT_EQ(target_of(link({"dd", "l"}, {"d", "x"})), "../d/x");
    EXPECT_EQ(target_of(link({"l"}, {"d", "..", "d", ".", "x"})), "d/x");
}

TEST(Metainfo, ASymlinkThatLeavesItsFolderButNotTheTorrentLeadsThere) {
    EXPECT_EQ(target_of(link({"d", "l"}, {"..", "a"})), "../a");
    EXPECT_EQ(target_of(link({"d", "e", "l"}, {"..", "x"})), "../x");
    EXPECT_EQ(target_of(link({"d", "l"}, {"x"})), "x") << "no file of the torrent's folder has that name";
    EXPECT_EQ(target_of(link({"d", "l"}, {"../a"})), "../a");
    EXPECT_EQ(target_of(link({"l"}, {"d/x"})), "d/x");
    EXPECT_EQ(target_of(file(0, {"d", "l"}, "l", "12:symlink path" + str("../a"))), "../a");
}

TEST(Metainfo, ADanglingSymlinkDangles) {
    EXPECT_EQ(target_of(link({"l"}, {"none"})), "none");
    EXPECT_EQ(target_of(link({"d", "l"}, {"none", "of", "these"})), "../none/of/these");
    EXPECT_EQ(target_of(link({"d", "l"}, {"..", "none"})), "../none");
    EXPECT_EQ(target_of(link({"l"}, {"l"})), "l") << "a loop is the reader's ELOOP";
}

TEST(Metainfo, ASymlinkThatLeavesTheTorrentOrLeadsNowhereIsLeftOutAlone) {
    for (auto bad : std::vector<std::vector<std::string>>{{".."},
                                                          {"d", "..", "..", "x"},
                                                          {"../../etc/passwd"},
                                                          {"", "etc", "passwd"},
                                                          {"/etc/passwd"},
                                                          {""},
                                                          {}})
        EXPECT_EQ(target_of(link({"l"}, bad)), "-");
    EXPECT_EQ(target_of(link({"d", "l"}, {"..", "..", "etc"})), "-");
    EXPECT_EQ(target_of(file(0, {"l"}, "l")), "-") << "without a target";
    EXPECT_EQ(target_of(file(0, {"l"}, "l", "12:symlink pathi1e")), "-");
    EXPECT_EQ(target_of(file(0, {"l"}, "l", "12:symlink pathli1eei5e0:")).substr(0, 4), "not ");
}

TEST(Metainfo, ALinkToANameThatWasMadeSafeLeadsToTheSafeName) {
    auto torrent = parse({.files = file(1000, {"d", "a/b"}) + link({"l"}, {"d", "a/b"})});
    EXPECT_EQ(torrent->files.back().symlink_target, "d/a_b");
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
    EXPECT_LT(took, 2.0 * kSlowdown);
}

}  // namespace
}  // namespace btfs
