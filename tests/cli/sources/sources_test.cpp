#include "cli/sources/sources.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr const char* kHash = "0123456789abcdef0123456789abcdef01234567";

/// Returns a torrent file for one file of 5 bytes.
std::string torrent(const std::string& name, const std::string& tracker = {}, bool is_private = false) {
    const std::string announce =
        tracker.empty() ? "" : "8:announce" + std::to_string(tracker.size()) + ':' + tracker;
    return "d" + announce + "4:infod6:lengthi5e4:name" + std::to_string(name.size()) + ':' + name +
           "12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + (is_private ? "7:privatei1e" : "") +
           "ee";
}

TorrentSource parsed(const std::string& text) {
    auto source = parse_source(as_bytes(text));
    EXPECT_TRUE(source) << text;
    return std::move(*source);
}

std::string magnet_of(const TorrentSource& source, const std::string& more) {
    return "magnet:?xt=urn:btih:" + source.identity.v1->hex() + more;
}

struct Folder : TemporaryFolder {
    Sources load() const { return load_sources({{path.string(), std::nullopt}}); }
};

std::string failure(const std::function<void()>& action) {
    try {
        action();
    } catch (const Failure& what) {
        return what.what();
    }
    return "no failure";
}

TEST(Sources, WordsBecomeIndependentOfTheFolder) {
    const auto words = settle_words({"a.torrent", "/b", kHash, "http://host/x", "magnet:?xt=urn:btih:0"});
    EXPECT_EQ(words[0].text, (fs::current_path() / "a.torrent").string());
    EXPECT_EQ(words[1].text, "/b");
    EXPECT_EQ(words[2].text, kHash);
    EXPECT_EQ(words[3].text, "http://host/x");
    EXPECT_EQ(words[4].text, "magnet:?xt=urn:btih:0");
    EXPECT_EQ(settle_words({" https://host/a b.torrent\n"})[0].text, "https://host/a b.torrent");
    EXPECT_EQ(settle_words({" magnet:?xt=urn:btih:0 "})[0].text, "magnet:?xt=urn:btih:0");
    EXPECT_EQ(settle_words({" a"})[0].text, (fs::current_path() / " a").string()) << "a file's own name";
}

TEST(Sources, FileUrlsArePaths) {
    EXPECT_EQ(settle_words({"file:///srv/a%20b.torrent"})[0].text, "/srv/a b.torrent");
    EXPECT_EQ(settle_words({" file:///srv/a b.torrent\n"})[0].text, "/srv/a b.torrent");
    EXPECT_EQ(settle_words({"file://localhost/srv/a"})[0].text, "/srv/a");
    EXPECT_EQ(settle_words({"FILE:///srv/50%.torrent"})[0].text, "/srv/50%.torrent") << "was not encoded";
    EXPECT_EQ(settle_words({"file:///srv/a%00b"})[0].text, "/srv/a%00b") << "no path has a zero byte";
    EXPECT_THAT(failure([] { settle_words({"file://nas/srv/a"}); }),
                testing::HasSubstr("on another machine"));
}

TEST(Sources, OfALongLinkThatIsWrongTheBeginningIsShown) {
    const std::string link = "magnet:?xt=urn:btih:" + std::string(10'000, '0');
    const std::string shown = failure([&] { load_sources({{link, std::nullopt}}); });
    EXPECT_THAT(shown, testing::StartsWith(link.substr(0, 200) + ": "));
    EXPECT_LT(shown.size(), 300u);
}

TEST(Sources, StdinMayBeATorrentAMagnetAHashOrAUrl) {
    const auto load = [](const std::string& text) {
        const ByteView content = as_bytes(text);
        return load_sources({{"-", Bytes(content.begin(), content.end())}});
    };
    EXPECT_EQ(load(torrent("film")).torrents.at(0).metainfo->name, "film");
    EXPECT_EQ(load("\n " + std::string(kHash) + "\n").torrents.at(0).identity.cache_key(), kHash);
    EXPECT_EQ(load("magnet:?xt=urn:btih:" + std::string(kHash) + "&dn=film\n").torrents.at(0).name, "film");
    EXPECT_THAT(load("https://host/file.torrent\n").urls, ElementsAre("https://host/file.torrent"));
    for (const char* text : {"", "d", "hello", "ftp://host/"})
        EXPECT_THAT(failure([&] { load(text); }), HasSubstr("stdin")) << text;
}

TEST(Sources, AFoldersTorrentsComeInTheOrderOfTheirNames) {
    const Folder folder;
    folder.write("b.torrent", torrent("first"));
    folder.write("c.torrent", torrent("second"));
    folder.write("a.torrent", "nonsense");
    folder.write(".d.torrent", torrent("hidden"));
    folder.write("e.txt", torrent("something else"));
    fs::create_directory(folder.path / "f.torrent");
    const Sources sources = folder.load();
    ASSERT_THAT(sources.torrents, SizeIs(2));
    EXPECT_EQ(sources.torrents[0].name, "first");
    EXPECT_EQ(sources.torrents[1].name, "second");
}

TEST(Sources, AFolderOfNoTorrentsIsAFailure) {
    const Folder folder;
    EXPECT_THAT(failure([&] { folder.load(); }), HasSubstr("no *.torrent"));
    folder.write("a.torrent", "nonsense");
    EXPECT_THAT(failure([&] { folder.load(); }), HasSubstr("not one"));
}

TEST(Sources, NamesOfOneTorrentAddUp) {
    Sources sources;
    const TorrentSource file = parsed(torrent("film", "http://one/"));
    sources.add(parsed(magnet_of(file, "&dn=else&tr=http://two/&x.pe=10.0.0.1:1")));
    sources.add(file);
    sources.add(parsed(magnet_of(file, "&tr=http://two/&tr=http://three/&x.pe=10.0.0.1:1&x.pe=10.0.0.2:2")));
    ASSERT_THAT(sources.torrents, SizeIs(1));
    const TorrentSource& one = sources.torrents[0];
    EXPECT_EQ(one.name, "film");
    EXPECT_TRUE(one.metainfo);
    EXPECT_THAT(one.trackers, ElementsAre(ElementsAre("http://one/"), ElementsAre("http://two/"),
                                          ElementsAre("http://three/")));
    EXPECT_THAT(one.peers, ElementsAre(HostPort{"10.0.0.1", 1}, HostPort{"10.0.0.2", 2}));
}

TEST(Sources, SelectionsOfOneTorrentAddUpAndWhoSelectsNothingMeansAll) {
    Sources sources;
    const TorrentSource file = parsed(torrent("film"));
    sources.add(parsed(magnet_of(file, "&so=1")));
    sources.add(parsed(magnet_of(file, "&so=3-4")));
    EXPECT_THAT(sources.torrents.at(0).selected_files, ElementsAre(FileRange{1, 1}, FileRange{3, 4}));
    sources.add(parsed(magnet_of(file, "")));
    EXPECT_TRUE(sources.torrents.at(0).selected_files.empty());
    sources.add(parsed(magnet_of(file, "&so=1")));
    EXPECT_TRUE(sources.torrents.at(0).selected_files.empty());
}

TEST(Sources, WhatAPublisherNamesIsNotKnownYet) {
    const std::string link = "magnet:?xs=urn:btpk:" + std::string(64, 'a');
    const Sources sources = load_sources(
        {{link, {}}, {link + "&dn=again", {}}, {link + "&s=6e", {}}, {link + "&xt=urn:btih:" + kHash, {}}});
    ASSERT_THAT(sources.published, SizeIs(2));
    EXPECT_EQ(sources.published[0].published->link(), link);
    EXPECT_EQ(sources.published[1].published->salt, "n");
    EXPECT_THAT(sources.torrents, SizeIs(1)) << "its hash is known";
    EXPECT_EQ(sources.count(), 3u);
    EXPECT_EQ(sources.published[0].name, link);
}

TEST(Sources, APrivateTorrentKeepsToItsOwnTrackers) {
    Sources sources;
    const TorrentSource file = parsed(torrent("film", "http://one/", true));
    sources.add(file);
    sources.add(parsed(magnet_of(file, "&tr=http://two/&x.pe=10.0.0.1:1")));
    EXPECT_THAT(sources.torrents.at(0).trackers, ElementsAre(ElementsAre("http://one/")));
    EXPECT_TRUE(sources.torrents[0].peers.empty());
}

TEST(Sources, AUrlCountsOnce) {
    const Sources sources =
        load_sources({{"http://host/a", {}}, {"http://host/b", {}}, {"http://host/a", {}}});
    EXPECT_THAT(sources.urls, ElementsAre("http://host/a", "http://host/b"));
}

}  // namespace
}  // namespace btfs::cli
