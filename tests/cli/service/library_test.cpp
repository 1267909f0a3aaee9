#include "cli/service/library.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <utility>

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

    /// Places a torrent of one file.
    fs::path place(Library::Index torrent, const std::string& name, const std::vector<std::string>& labels) {
        return library.place(torrent, name, labels, [&] { return std::vector<std::string>{name}; });
    }

    TemporaryFolder folder;
    const fs::path mount = fs::canonical(folder.path) / "mnt";
    const fs::path path = fs::canonical(folder.path) / "library";
    Library library{path, mount};
};

TEST_F(LibraryTest, LinksATorrentUnderEachOfItsLabels) {
    EXPECT_EQ(place(0, "film", {"films", "new"}), path / "films");
    EXPECT_EQ(link(path / "films" / "film"), mount / "film");
    EXPECT_EQ(link(path / "new" / "film"), mount / "film");
    EXPECT_EQ(place(0, "film", {"new"}), path / "new");
    EXPECT_FALSE(fs::is_symlink(path / "films" / "film"));
    EXPECT_TRUE(fs::is_directory(path / "films")) << "the folder of a category stays";
    EXPECT_EQ(place(0, "film (2)", {"new"}), path / "new");
    EXPECT_EQ(link(path / "new" / "film (2)"), mount / "film (2)");
    EXPECT_FALSE(fs::is_symlink(path / "new" / "film"));
    library.take_out(0);
    EXPECT_TRUE(fs::is_empty(path / "new"));
    EXPECT_TRUE(place(1, "other", {}).empty());
}

TEST_F(LibraryTest, OfATorrentOfManyFilesEachHasALink) {
    const auto files = [] { return std::vector<std::string>{"show/s01/e01", "show/s01/e02", "show/notes"}; };
    EXPECT_EQ(library.place(0, "show", {"tv"}, files), path / "tv");
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(path / "tv" / "show" / "s01")));
    EXPECT_EQ(link(path / "tv" / "show" / "s01" / "e02"), mount / "show/s01/e02");
    std::ofstream(path / "tv" / "show" / "mine") << "a user's";
    library.take_out(0);
    EXPECT_FALSE(fs::exists(fs::symlink_status(path / "tv" / "show" / "s01")));
    EXPECT_TRUE(fs::is_regular_file(path / "tv" / "show" / "mine"));
    fs::remove(path / "tv" / "show" / "mine");
    library.place(0, "show", {"tv"}, files);
    library.take_out(0);
    EXPECT_TRUE(fs::is_empty(path / "tv"));
}

TEST_F(LibraryTest, ATorrentOfTooManyFilesIsLinkedAsAFolderAndMayChange) {
    const auto many = [] {
        std::vector<std::string> files;
        for (std::size_t i = 0; i <= Library::kMostLinks; ++i) files.push_back("show/" + std::to_string(i));
        return files;
    };
    EXPECT_EQ(library.place(0, "show", {"tv"}, many), path / "tv");
    EXPECT_EQ(link(path / "tv" / "show"), mount / "show");
    Library next(path, mount);
    EXPECT_EQ(next.place(0, "show", {"tv"}, [] { return std::vector<std::string>{"show/a"}; }), path / "tv");
    EXPECT_EQ(link(path / "tv" / "show" / "a"), mount / "show/a");
}

TEST_F(LibraryTest, ANameThatGoesFromOneTorrentToAnotherKeepsItsLink) {
    const auto files = [](const std::string& name) { return std::vector<std::string>{name + "/a"}; };
    library.place(0, "show", {"tv"}, [&] { return files("show"); });
    library.place(1, "show (2)", {"tv"}, [&] { return files("show (2)"); });
    // The first one has gone; its name is the second's, or the two have changed names.
    EXPECT_EQ(library.place(1, "show", {"tv"}, [&] { return files("show"); }), path / "tv");
    EXPECT_EQ(link(path / "tv" / "show" / "a"), mount / "show/a");
    EXPECT_FALSE(fs::exists(path / "tv" / "show (2)"));
    library.take_out(0);
    EXPECT_EQ(link(path / "tv" / "show" / "a"), mount / "show/a") << "it is the second's";
    library.place(0, "show (2)", {"tv"}, [&] { return files("show (2)"); });
    EXPECT_EQ(link(path / "tv" / "show (2)" / "a"), mount / "show (2)/a");
    library.take_out(1);
    EXPECT_FALSE(fs::exists(path / "tv" / "show"));
}

TEST_F(LibraryTest, ATorrentWithAFileInTooManyFoldersIsLinkedAsAFolder) {
    std::string deep = "show", deepest = "other";
    for (int i = 0; i < Library::kDeepest; ++i) deep += "/d", deepest += i == 0 ? "" : "/d";
    EXPECT_EQ(library.place(0, "show", {"tv"}, [&] { return std::vector{deep + "/file"}; }), path / "tv");
    EXPECT_EQ(link(path / "tv" / "show"), mount / "show");
    library.place(1, "other", {"tv"}, [&] { return std::vector{deepest + "/file"}; });
    EXPECT_EQ(link(path / "tv" / deepest / "file"), mount / deepest / "file");
    library.take_out(0);
    library.take_out(1);
    EXPECT_TRUE(fs::is_empty(path / "tv"));
}

TEST_F(LibraryTest, WhatIsNotItsOwnStays) {
    fs::create_directories(path / "films");
    std::ofstream(path / "films" / "file") << "a user's";
    fs::create_symlink("/somewhere/else", path / "films" / "link");
    EXPECT_TRUE(place(0, "file", {"films"}).empty());
    EXPECT_TRUE(place(1, "link", {"films"}).empty());
    library.take_out(0);
    library.take_out(1);
    library.remove_stale({});
    EXPECT_TRUE(fs::is_regular_file(path / "films" / "file"));
    EXPECT_EQ(link(path / "films" / "link"), "/somewhere/else");
    // A link that somebody has put in place of ours.
    place(2, "mine", {"films"});
    fs::remove(path / "films" / "mine");
    fs::create_symlink("/theirs", path / "films" / "mine");
    library.take_out(2);
    EXPECT_EQ(link(path / "films" / "mine"), "/theirs");
}

TEST_F(LibraryTest, LinksThatAnEarlierMountHasLeftGo) {
    fs::create_directories(path / "films");
    fs::create_symlink(mount / "gone", path / "films" / "gone");
    fs::create_symlink(mount / "here", path / "films" / "here");
    EXPECT_EQ(place(0, "here", {"films"}), path / "films");
    fs::create_directories(path / "films" / "show" / "s01");
    fs::create_symlink(mount / "show/s01/e01", path / "films" / "show" / "s01" / "e01");
    library.remove_stale({"here"});
    EXPECT_FALSE(fs::exists(fs::symlink_status(path / "films" / "show")));
    EXPECT_FALSE(fs::is_symlink(path / "films" / "gone"));
    EXPECT_EQ(link(path / "films" / "here"), mount / "here");
}

TEST_F(LibraryTest, LinksThatItDidNotMakeStay) {
    // Directly in the folder; imported by a program below it; to a torrent that is in the mount.
    fs::create_symlink(mount / "top", path / "top");
    fs::create_directories(path / "Series" / "Show" / "Season 1");
    fs::create_symlink(mount / "show/e01", path / "Series" / "Show" / "Season 1" / "e01");
    fs::create_directory(path / "tv");
    fs::create_symlink(mount / "unlabelled", path / "tv" / "unlabelled");
    library.remove_stale({"unlabelled"});
    EXPECT_EQ(link(path / "top"), mount / "top");
    EXPECT_EQ(link(path / "Series" / "Show" / "Season 1" / "e01"), mount / "show/e01");
    EXPECT_EQ(link(path / "tv" / "unlabelled"), mount / "unlabelled");
}

TEST_F(LibraryTest, ItsOwnFolderStaysWhateverLiesInIt) {
    fs::create_symlink(mount / "top", path / "top");
    library.remove_stale({});
    fs::remove(path / "top");
    library.remove_stale({});
    EXPECT_TRUE(fs::is_directory(path));
}

TEST_F(LibraryTest, ALinkThatIsRightIsNotMadeAgain) {
    const auto made = [&] {
        struct stat status {};
        EXPECT_EQ(lstat((path / "films" / "film").c_str(), &status), 0);
        return std::pair(status.st_ino, status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec);
    };
    place(0, "film", {"films"});
    const auto before = made();
    Library next(path, mount);
    EXPECT_EQ(next.place(0, "film", {"films"}, [] { return std::vector<std::string>{"film"}; }),
              path / "films");
    EXPECT_EQ(made(), before);
}

TEST_F(LibraryTest, NothingIsMadeOrRemovedBehindASymlink) {
    const fs::path elsewhere = fs::canonical(folder.path) / "elsewhere";
    fs::create_directory(elsewhere);
    fs::create_symlink(mount / "gone", elsewhere / "gone");
    fs::create_directory_symlink(elsewhere, path / "films");
    fs::create_directories(path / "tv");
    fs::create_directory_symlink(elsewhere, path / "tv" / "show");
    EXPECT_TRUE(place(0, "film", {"films"}).empty());
    EXPECT_TRUE(library.place(1, "show", {"tv"}, [] { return std::vector<std::string>{"show/a"}; }).empty());
    library.remove_stale({});
    EXPECT_EQ(link(elsewhere / "gone"), mount / "gone");
    EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere), {}), 1);
    EXPECT_EQ(link(path / "tv" / "show"), elsewhere);
    // A label's folder that is replaced while links are in it.
    place(2, "gone", {"new"});
    fs::remove_all(path / "new");
    fs::create_directory_symlink(elsewhere, path / "new");
    library.take_out(2);
    EXPECT_EQ(link(elsewhere / "gone"), mount / "gone");
}

TEST_F(LibraryTest, ALinkInTooManyFoldersIsNotLookedFor) {
    const auto make = [&](int folders) {
        fs::path inner = "n" + std::to_string(folders);
        for (int i = 1; i < folders; ++i) inner /= "d";
        fs::create_directories(path / "tv" / inner);
        fs::create_symlink(mount / inner / "file", path / "tv" / inner / "file");
        return path / "tv" / inner / "file";
    };
    const fs::path found = make(Library::kDeepest), too_deep = make(Library::kDeepest + 1);
    library.remove_stale({});
    EXPECT_FALSE(fs::is_symlink(found));
    EXPECT_TRUE(fs::is_symlink(too_deep));
}

TEST_F(LibraryTest, ALabelThatCannotNameAFolderHasNoLink) {
    for (const char* label : {"..", ".", "a/b", ""}) EXPECT_TRUE(place(0, "film", {label}).empty()) << label;
    EXPECT_TRUE(fs::is_empty(path));
}

TEST_F(LibraryTest, IsRefusedInsideTheMountAndAroundIt) {
    EXPECT_THROW(Library(mount / "library", mount), Failure);
    EXPECT_THROW(Library(mount, mount), Failure);
    EXPECT_THROW(Library(folder.path, mount), Failure);
}

}  // namespace
}  // namespace btfs::cli
