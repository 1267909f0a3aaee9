#include "cli/cached_torrents.hpp"

#include <gmock/gmock.h>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A cache directory, and torrents of one file of 16 KiB in it.
struct CachedTorrentsTest : testing::Test {
    TemporaryFolder folder;

    CacheDir dir() const { return CacheDir::open(folder.path).value(); }
    /// Puts a torrent there, of which nothing is had; returns its info-hash.
    std::string put(const std::string& name, bool with_info = true) const {
        const std::string info = "d6:lengthi16384e4:name" + std::to_string(name.size()) + ':' + name +
                                 "12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + "e";
        const std::string key = sha1(as_bytes(info)).hex();
        folder.write(key + ".data", "content");
        if (with_info) folder.write(key + ".info", info);
        return key;
    }
    std::vector<std::string> chosen(const std::vector<std::string>& words) const {
        std::vector<std::string> labels;
        for (const NamedTorrent& torrent : choose(list_cache(dir()), words))
            labels.push_back(torrent.label());
        return labels;
    }
    std::string failure_of(const std::vector<std::string>& words) const {
        try {
            chosen(words);
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "no failure";
    }
};

TEST_F(CachedTorrentsTest, AreListedByName) {
    put("b");
    put("a");
    const NamedCatalog catalog = list_cache(dir());
    ASSERT_EQ(catalog.torrents.size(), 2u);
    EXPECT_EQ(catalog.torrents[0].name, "a");
    EXPECT_EQ(catalog.torrents[0].size, 16384u);
    EXPECT_EQ(catalog.torrents[0].bytes_had(), 0u);
    EXPECT_TRUE(catalog.torrents[0].is_lost()) << "no sidecar says what of it is verified";
}

TEST_F(CachedTorrentsTest, WithoutARightDescriptionTheInfoHashIsTheName) {
    const std::string bare = put("bare", false), wrong = put("wrong"), broken = put("broken");
    folder.write(wrong + ".info", "d4:name4:evile");
    folder.write(broken + ".info", "");
    EXPECT_THAT(chosen({}), testing::UnorderedElementsAre(bare, wrong, broken));
    EXPECT_FALSE(list_cache(dir()).torrents[0].name);
}

TEST_F(CachedTorrentsTest, EmptyFilesThatAMountHasLeftAreNoTorrents) {
    folder.write(std::string(40, 'a') + ".claims", "");
    EXPECT_THAT(chosen({}), IsEmpty());
}

TEST_F(CachedTorrentsTest, AreChosenByNameHashOrItsBeginning) {
    const std::string a = put("a"), b = put("b");
    EXPECT_THAT(chosen({"b"}), ElementsAre("b"));
    EXPECT_THAT(chosen({b, "a"}), ElementsAre("a", "b"));
    EXPECT_THAT(chosen({b.substr(0, 8), b}), ElementsAre("b"));
    EXPECT_THAT(failure_of({b.substr(0, 7)}), HasSubstr("is not in the cache"));
    EXPECT_THAT(failure_of({"a", "c"}), HasSubstr("c: is not in the cache"));
}

TEST_F(CachedTorrentsTest, ANameOfSeveralChoosesNone) {
    const std::string key = put("same");
    const std::string info =
        "d6:lengthi5e4:name4:same12:piece lengthi16384e6:pieces20:" + std::string(20, 'y') + "e";
    const std::string other = sha1(as_bytes(info)).hex();
    folder.write(other + ".data", "content");
    folder.write(other + ".info", info);
    EXPECT_THAT(failure_of({"same"}), HasSubstr("names 2 torrents"));
    EXPECT_THAT(chosen({key}), ElementsAre("same"));
}

TEST_F(CachedTorrentsTest, ACommandMakesNoCacheDirectory) {
    EXPECT_THROW(open_cache_dir(folder.path / "nowhere"), Failure);
    EXPECT_FALSE(std::filesystem::exists(folder.path / "nowhere"));
    EXPECT_NO_THROW(open_cache_dir(folder.path));
}

}  // namespace
}  // namespace btfs::cli
