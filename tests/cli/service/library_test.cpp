#include "cli/service/library.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;

struct LibraryTest : ::testing::Test {
    LibraryTest() { fs::create_directory(mount); }

    fs::path link(const fs::path& at) const {
        std::error_code error;
        const fs::path target = fs::read_symlink(at, error);
        return error ? fs::path() : target;
    }

    TemporaryFolder folder;
    const fs::path mount = fs::canonical(folder.path) / "mnt";
    const fs::path path = fs::canonical(folder.path) / "library";
    Library library{path, mount};
};

TEST_F(LibraryTest, LinksATorrentUnderEachOfItsLabels) {
    EXPECT_EQ(library.place(0, "film", {"films", "new"}), path / "films");
    EXPECT_EQ(link(path / "films" / "film"), mount / "film");
    EXPECT_EQ(link(path / "new" / "film"), mount / "film");
    EXPECT_EQ(library.place(0, "film", {"new"}), path / "new");
    EXPECT_FALSE(fs::is_symlink(path / "films" / "film"));
    EXPECT_TRUE(fs::is_directory(path / "films")) << "the folder of a category stays";
    EXPECT_EQ(library.place(0, "film (2)", {"new"}), path / "new");
    EXPECT_EQ(link(path / "new" / "film (2)"), mount / "film (2)");
    EXPECT_FALSE(fs::is_symlink(path / "new" / "film"));
    library.take_out(0);
    EXPECT_TRUE(fs::is_empty(path / "new"));
    EXPECT_TRUE(library.place(1, "other", {}).empty());
}

TEST_F(LibraryTest, WhatIsNotItsOwnStays) {
    fs::create_directories(path / "films");
    std::ofstream(path / "films" / "file") << "a user's";
    fs::create_symlink("/somewhere/else", path / "films" / "link");
    EXPECT_TRUE(library.place(0, "file", {"films"}).empty());
    EXPECT_TRUE(library.place(1, "link", {"films"}).empty());
    library.take_out(0);
    library.take_out(1);
    library.remove_stale();
    EXPECT_TRUE(fs::is_regular_file(path / "films" / "file"));
    EXPECT_EQ(link(path / "films" / "link"), "/somewhere/else");
    // A link that somebody has put in place of ours.
    library.place(2, "mine", {"films"});
    fs::remove(path / "films" / "mine");
    fs::create_symlink("/theirs", path / "films" / "mine");
    library.take_out(2);
    EXPECT_EQ(link(path / "films" / "mine"), "/theirs");
}

TEST_F(LibraryTest, LinksThatAnEarlierMountHasLeftGo) {
    fs::create_directories(path / "films");
    fs::create_symlink(mount / "gone", path / "films" / "gone");
    fs::create_symlink(mount / "here", path / "films" / "here");
    EXPECT_EQ(library.place(0, "here", {"films"}), path / "films");
    library.remove_stale();
    EXPECT_FALSE(fs::is_symlink(path / "films" / "gone"));
    EXPECT_EQ(link(path / "films" / "here"), mount / "here");
}

TEST_F(LibraryTest, ALabelThatCannotNameAFolderHasNoLink) {
    for (const char* label : {"..", ".", "a/b", ""})
        EXPECT_TRUE(library.place(0, "film", {label}).empty()) << label;
    EXPECT_TRUE(fs::is_empty(path));
}

TEST_F(LibraryTest, IsRefusedInsideTheMountAndAroundIt) {
    EXPECT_THROW(Library(mount / "library", mount), Failure);
    EXPECT_THROW(Library(mount, mount), Failure);
    EXPECT_THROW(Library(folder.path, mount), Failure);
}

}  // namespace
}  // namespace btfs::cli
