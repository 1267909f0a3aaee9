#include "cache/adopted/adopted_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "cache/adopted/data_folders.hpp"
#include "cache/disk/linux_files.hpp"
#include "tests/cache/support/store_world.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 64 * 1024;

/// Says of each piece: C of complete files, t there, . not there.
std::string picture(const AdoptedFiles* found) {
    if (!found) return "none";
    std::string text;
    const AdoptedFiles::Pieces& pieces = found->pieces();
    for (PieceIndex p(0); p.value() < pieces.there.size(); p = p.next())
        text += pieces.complete.test(p) ? 'C' : pieces.there.test(p) ? 't' : '.';
    return text;
}

/// Files of 2 1/2, 1/2 and 2 pieces.
struct AdoptedFilesTest : testing::Test {
    test::TempDir dir;
    Layout layout{kPiece, {{0, 5 * kPiece / 2}, {5 * kPiece / 2, kPiece / 2}, {3 * kPiece, 2 * kPiece}}};
    std::vector<std::string> names{"a", "sub/b", "c"};

    void SetUp() override {
        std::filesystem::create_directory(dir.path() / "sub");
        write("a", 5 * kPiece / 2);
        write("sub/b", kPiece / 2);
        write("c", 2 * kPiece);
    }
    std::filesystem::path at(const std::string& name) const { return dir.path() / name; }
    void write(const std::string& name, std::size_t size) const {
        std::ofstream(at(name), std::ios::binary | std::ios::trunc) << std::string(size, 'x');
    }
    std::string look(bool unfinished = false) const {
        std::shared_ptr<Files> folder = LinuxFiles::open_folder(dir.path()).value();
        return picture(AdoptedFiles::find({folder, unfinished}, layout, names).get());
    }
};

TEST_F(AdoptedFilesTest, CompleteFilesAreFoundByNameAndSize) {
    EXPECT_EQ(look(), "CCCCC");
    EXPECT_EQ(look(true), "ttttt") << "aria2 has not finished";
}

TEST_F(AdoptedFilesTest, UnfinishedFilesHaveOtherNames) {
    std::filesystem::rename(at("a"), at("a.part"));
    std::filesystem::rename(at("c"), at("c.!qB"));
    EXPECT_EQ(look(), "ttttt");
    std::filesystem::resize_file(at("c.!qB"), kPiece + 1);
    EXPECT_EQ(look(), "tttt.");
    write("c", 0);  // an empty file of the final name hides nothing
    EXPECT_EQ(look(), "tttt.");
    write("c", 2 * kPiece);
    EXPECT_EQ(look(), "tttCC") << "the final name counts first";
}

TEST_F(AdoptedFilesTest, FilesMayBeMissing) {
    std::filesystem::remove(at("sub/b"));
    EXPECT_EQ(look(), "CC.CC") << "the third piece has a part of it";
    std::filesystem::remove(at("a"));
    EXPECT_EQ(look(), "...CC");
    std::filesystem::remove(at("c"));
    EXPECT_EQ(look(), "none");
}

TEST_F(AdoptedFilesTest, HolesAreMissing) {
    std::filesystem::resize_file(at("c"), 0);
    std::filesystem::resize_file(at("c"), 2 * kPiece);
    EXPECT_EQ(look(), "CCC..");
    {
        const FileDescriptor file(open(at("c").c_str(), O_WRONLY));
        const std::string piece(kPiece, 'x');
        ASSERT_EQ(pwrite(file.get(), piece.data(), kPiece, kPiece), kPiece);
    }
    EXPECT_EQ(look(), "CCC.t");
    {  // space that was taken and not written
        const FileDescriptor file(open(at("c").c_str(), O_WRONLY | O_TRUNC));
        if (fallocate(file.get(), 0, 0, 2 * kPiece) != 0) GTEST_SKIP() << "the file system cannot do that";
    }
    EXPECT_TRUE(look() == "CCC.." || look() == "CCCCC") << "not every file system tells; the proof does";
}

TEST_F(AdoptedFilesTest, AFileOfAnotherSizeCountsAsFarAsItGoes) {
    write("c", 2 * kPiece + 1);
    EXPECT_EQ(look(), "CCCtt");
    write("c", 2 * kPiece - 1);
    EXPECT_EQ(look(), "CCCt.");
}

TEST_F(AdoptedFilesTest, SymbolicLinksAreNotFollowed) {
    std::filesystem::rename(at("c"), at("elsewhere"));
    std::filesystem::create_symlink(at("elsewhere"), at("c"));
    EXPECT_EQ(look(), "CCC..");
    std::filesystem::rename(at("sub"), at("moved"));
    std::filesystem::create_directory_symlink(at("moved"), at("sub"));
    EXPECT_EQ(look(), "CC...");
    std::filesystem::remove(at("a"));
    std::filesystem::create_symlink("a", at("a"));  // a loop
    EXPECT_EQ(look(), "none");
}

TEST_F(AdoptedFilesTest, HardLinksAreFilesLikeOthers) {
    std::filesystem::create_hard_link(at("c"), at("other"));
    EXPECT_EQ(look(), "CCCCC");
}

TEST_F(AdoptedFilesTest, WhatIsNoRegularFileIsNotThereAndNothingWaitsForIt) {
    std::filesystem::remove(at("a"));
    ASSERT_EQ(mkfifo(at("a").c_str(), 0600), 0);  // to open it for reading waits for a writer
    std::filesystem::remove(at("sub/b"));
    std::filesystem::create_directory(at("sub/b"));
    EXPECT_EQ(look(), "...CC");
    std::filesystem::remove(at("c"));
    if (mknod(at("c").c_str(), S_IFCHR | 0600, makedev(1, 5)) != 0)  // as /dev/zero
        GTEST_SKIP() << "a device can be made by root alone";
    EXPECT_EQ(look(), "none");
}

TEST_F(AdoptedFilesTest, AFileThatMayNotBeReadIsNotThere) {
    auto disk = std::make_shared<test::FaultFiles>(LinuxFiles::open_folder(dir.path()).value());
    for (const test::DiskCall call : {test::DiskCall::open, test::DiskCall::status, test::DiskCall::seek}) {
        disk->fail(call, EACCES, "c");
        EXPECT_EQ(picture(AdoptedFiles::find({disk}, layout, names).get()), "CCC..");
    }
    disk->fail(test::DiskCall::seek, EINVAL);  // a file system that knows no holes
    EXPECT_EQ(picture(AdoptedFiles::find({disk}, layout, names).get()), "CCCCC");
}

TEST_F(AdoptedFilesTest, ExtentsBeyondTheBoundAreNotLookedFor) {
    {
        const FileDescriptor file(open(at("c").c_str(), O_WRONLY | O_TRUNC));
        for (off_t offset = 0; offset < 8 * kPiece; offset += kPiece)
            ASSERT_EQ(pwrite(file.get(), "x", 1, offset), 1);
    }
    LinuxFiles files;
    const auto file = files.open(at("c"), {});
    EXPECT_EQ(data_extents(**file, 8 * kPiece, 100).value().size(), 8u);
    const auto some = data_extents(**file, 8 * kPiece, 3).value();
    ASSERT_EQ(some.size(), 3u);
    EXPECT_EQ(some.back().begin, 2 * kPiece);
}

// ---- DataFolders ----

struct DataFoldersTest : testing::Test {
    test::TempDir dir;
    const Layout layout{kPiece, {{0, kPiece}, {kPiece, 0, true}, {kPiece, kPiece}}};
    const FileList files{entry("film/a", kPiece), entry("film/.pad/0", 0), entry("film/extras/b", kPiece)};

    static FileEntry entry(const std::string& path, std::uint64_t size) {
        FileEntry file;
        file.path = path;
        file.size = size;
        file.pad = size == 0;
        return file;
    }

    std::filesystem::path make(const std::string& folder, std::size_t size = kPiece) const {
        std::filesystem::create_directories(dir.path() / folder / "extras");
        for (const char* name : {"a", "extras/b"})
            std::ofstream(dir.path() / folder / name, std::ios::binary) << std::string(size, 'x');
        return dir.path() / folder;
    }
    std::string find(const std::vector<std::string>& folders) const {
        DataFolders data;
        for (const std::string& folder : folders) EXPECT_FALSE(data.add(dir.path() / folder));
        return picture(data.find("film", files, layout).get());
    }
};

TEST_F(DataFoldersTest, ATorrentLiesBelowItsNameOrIsTheFolderItself) {
    make("downloads/film");
    EXPECT_EQ(find({"downloads"}), "CC");
    EXPECT_EQ(find({"downloads/film"}), "CC");
    EXPECT_EQ(find({"downloads/film/"}), "CC");
    make("more", kPiece);
    std::filesystem::create_directory(dir.path() / "more/film");
    EXPECT_EQ(find({"more"}), "none") << "the torrent's folder is there, and empty";
}

TEST_F(DataFoldersTest, TheFirstFolderThatHasTheTorrentCounts) {
    std::filesystem::create_directory(dir.path() / "empty");
    make("part/film", kPiece / 2 * 3);  // as if longer: never complete
    make("whole/film");
    EXPECT_EQ(find({"empty", "part", "whole"}), "tt");
    EXPECT_EQ(find({"empty", "whole", "part"}), "CC");
    EXPECT_EQ(find({"empty"}), "none");
    EXPECT_EQ(find({}), "none");
}

TEST_F(DataFoldersTest, AControlFileOfAria2SaysThatNothingIsComplete) {
    make("downloads/film");
    std::ofstream(dir.path() / "downloads/film.aria2") << "control";
    EXPECT_EQ(find({"downloads"}), "tt");
    EXPECT_EQ(find({"downloads/film"}), "tt");
    EXPECT_EQ(find({"downloads/film/"}), "tt");
}

TEST_F(DataFoldersTest, ATorrentOfOneFileLiesBesideOthers) {
    std::ofstream(dir.path() / "film.mkv", std::ios::binary) << std::string(kPiece, 'x');
    DataFolders data;
    ASSERT_FALSE(data.add(dir.path()));
    const FileList one{entry("film.mkv", kPiece)};
    const Layout of_one{kPiece, {{0, kPiece}}};
    EXPECT_EQ(picture(data.find("film.mkv", one, of_one).get()), "C");
    std::filesystem::rename(dir.path() / "film.mkv", dir.path() / "film.mkv.part");
    EXPECT_EQ(picture(data.find("film.mkv", one, of_one).get()), "t");
}

TEST_F(DataFoldersTest, AFolderThatCannotBeOpenedIsAnError) {
    DataFolders data;
    EXPECT_EQ(data.add(dir.path() / "none"), system_error(ENOENT));
    std::ofstream(dir.path() / "file") << "x";
    EXPECT_EQ(data.add(dir.path() / "file"), system_error(ENOTDIR));
    make("film");
    std::filesystem::create_directory_symlink(dir.path() / "film", dir.path() / "link");
    EXPECT_FALSE(data.add(dir.path() / "link")) << "the user named it";
    EXPECT_EQ(picture(data.find("film", files, layout).get()), "CC");
}

}  // namespace
}  // namespace btfs
