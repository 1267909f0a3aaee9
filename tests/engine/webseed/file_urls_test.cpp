#include "engine/webseed/file_urls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace btfs::webseed {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> paths_of(std::string_view info) {
    return url_paths(as_bytes(info));
}

TEST(UrlPaths, OfOneFileIsItsName) {
    EXPECT_THAT(paths_of("d6:lengthi5e4:name5:a b%ce"), ElementsAre("a%20b%25c"));
    EXPECT_TRUE(is_single_file(as_bytes(std::string_view("d6:lengthi5e4:name1:ae"))));
}

TEST(UrlPaths, OfManyFilesAreBelowTheFolderAndEscapedByPart) {
    const std::string_view info =
        "d5:filesld6:lengthi1e4:pathl3:x/y3:z#?eed6:lengthi1e4:pathl4:\xc3\xbc.\xff"
        "eee4:name1:te";
    EXPECT_THAT(paths_of(info), ElementsAre("t/x%2Fy/z%23%3F", "t/%C3%BC.%FF"));
    EXPECT_FALSE(is_single_file(as_bytes(info)));
}

TEST(UrlPaths, PreferUtf8Names) {
    EXPECT_THAT(paths_of("d5:filesld4:pathl1:?e10:path.utf-8l2:\xc3\xbc"
                         "eee4:name1:n10:name.utf-81:ue"),
                ElementsAre("u/%C3%BC"));
}

TEST(UrlPaths, NoUrlLeadsOutOfTheFolder) {
    EXPECT_THAT(paths_of("d5:filesld4:pathl2:..1:aeed4:pathl1:.eed4:pathl0:eed4:pathl1:aeee4:name1:te"),
                ElementsAre("", "", "", "t/a"));
    EXPECT_THAT(paths_of("d5:filesld4:pathl1:aeee4:name2:..e"), ElementsAre(""));
}

TEST(UrlPaths, OfWhatIsNoDictionaryAreNone) {
    EXPECT_TRUE(paths_of("").empty());
    EXPECT_TRUE(paths_of("d4:name").empty());
}

TEST(FileUrls, ASingleFileIsAtTheUrlItselfUnlessThatIsAFolder) {
    const std::vector<std::string> paths{"film%20a.mkv"};
    EXPECT_EQ(FileUrls("http://h/x.mkv", paths, true).url(FileIndex(0)), "http://h/x.mkv");
    EXPECT_EQ(FileUrls("http://h/dir/", paths, true).url(FileIndex(0)), "http://h/dir/film%20a.mkv");
}

TEST(FileUrls, OfManyFilesTheUrlIsAFolderWithOrWithoutSlash) {
    const std::vector<std::string> paths{"t/a", ""};
    EXPECT_EQ(FileUrls("http://h/dir", paths, false).url(FileIndex(0)), "http://h/dir/t/a");
    EXPECT_EQ(FileUrls("http://h/dir/", paths, false).url(FileIndex(0)), "http://h/dir/t/a");
    EXPECT_EQ(FileUrls("http://h/dir/", paths, false).url(FileIndex(1)), "");
}

TEST(WebSeedUrl, IsHttpOrHttpsWithAHost) {
    EXPECT_TRUE(is_web_seed_url("http://h"));
    EXPECT_TRUE(is_web_seed_url("https://h/a b"));
    EXPECT_FALSE(is_web_seed_url("ftp://h/a"));
    EXPECT_FALSE(is_web_seed_url("http:///a"));
    EXPECT_FALSE(is_web_seed_url("a"));
}

}  // namespace
}  // namespace btfs::webseed
