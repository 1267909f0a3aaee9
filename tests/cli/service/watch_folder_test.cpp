#include "cli/service/watch_folder.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <utility>

#include "cli/process/failure.hpp"
#include "cli/process/worker.hpp"
#include "cli/text/link_lines.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct WatchFolderTest : ::testing::Test {
    TemporaryFolder folder;
    const fs::path inbox = folder.path / "inbox";

    WatchFolderTest() { fs::create_directory(inbox); }

    /// Takes all that does not begin with "bad".
    WatchFolder::Add add() {
        return [this](const Bytes& content) {
            std::lock_guard lock(mutex);
            ++tries;
            if (as_text(content).starts_with("bad"))
                throw Failure("no torrent", make_error_code(Errc::bencode_syntax));
            if (as_text(content).starts_with("later") && !disk_has_room)
                throw Failure("disk", make_error_code(Errc::storage_full));
            added.emplace_back(as_text(content));
            return are_kept.load();
        };
    }
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(inbox / name) << text;
    }
    void age(const std::string& name, Duration by) const {
        fs::last_write_time(inbox / name, fs::last_write_time(inbox / name) - by);
    }
    std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(inbox)) names.push_back(entry.path().filename());
        return names;
    }
    std::size_t files_with(std::string_view suffix) const {
        std::size_t count = 0;
        for (const std::string& name : files()) count += name.ends_with(suffix) ? 1 : 0;
        return count;
    }
    std::vector<std::string> so_far() {
        std::lock_guard lock(mutex);
        return added;
    }
    template <class Condition>
    static bool becomes(Condition condition) {
        for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
        return condition();
    }

    std::mutex mutex;
    std::vector<std::string> added;  // guarded by mutex
    int tries = 0;                   // guarded by mutex
    std::atomic<bool> are_kept = true, disk_has_room = false;
};

TEST_F(WatchFolderTest, WhatIsThereAndWhatComesIsAddedAndRenamed) {
    write("a.torrent", "a");
    write("notes.txt", "n");
    write(".hidden.torrent", "h");
    WatchFolder watch(inbox, WatchMode::rename, add());
    ASSERT_TRUE(becomes([&] { return so_far().size() == 1; }));
    write("b.torrent", "b");
    std::ofstream(folder.path / "c") << "c";
    fs::rename(folder.path / "c", inbox / "c.torrent");
    ASSERT_TRUE(becomes([&] { return so_far().size() == 3; }));
    EXPECT_THAT(so_far(), UnorderedElementsAre("a", "b", "c"));
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "c.torrent.added"); }));
    EXPECT_THAT(files(), UnorderedElementsAre("a.torrent.added", "b.torrent.added", "c.torrent.added",
                                              "notes.txt", ".hidden.torrent"));
}

TEST_F(WatchFolderTest, EachLineOfAMagnetFileIsALink) {
    write("links.magnet", "magnet:?one\r\n\n  magnet:?two\n");
    WatchFolder watch(inbox, WatchMode::remove, add());
    ASSERT_TRUE(becomes([&] { return files().empty(); }));
    EXPECT_THAT(so_far(), ElementsAre("magnet:?one", "magnet:?two"));
}

TEST_F(WatchFolderTest, ALineThatCannotBeUsedCostsNoOther) {
    write("links.magnet", "magnet:?one\nbad\nmagnet:?two\n");
    age("links.magnet", 2 * WatchFolder::kUnfinished);
    WatchFolder watch(inbox, WatchMode::rename, add());
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "links.magnet.failed"); }));
    EXPECT_THAT(so_far(), ElementsAre("magnet:?one", "magnet:?two"));
}

TEST_F(WatchFolderTest, ALastLineThatMayGoOnIsWaitedFor) {
    write("links.magnet", "magnet:?on");
    WatchFolder watch(inbox, WatchMode::rename, add(), 20ms);
    std::this_thread::sleep_for(100ms);
    EXPECT_THAT(so_far(), IsEmpty());
    write("links.magnet", "magnet:?one\n");
    EXPECT_TRUE(becomes([&] { return so_far().size() == 1; }));
    EXPECT_THAT(so_far(), ElementsAre("magnet:?one"));
}

TEST_F(WatchFolderTest, WhatIsLeftIsAddedAgainOnlyIfItChanges) {
    write("a.torrent", "a");
    WatchFolder watch(inbox, WatchMode::leave, add(), 20ms);
    ASSERT_TRUE(becomes([&] { return so_far().size() == 1; }));
    std::this_thread::sleep_for(100ms);
    EXPECT_THAT(so_far(), ElementsAre("a"));
    write("a.torrent", "another");
    EXPECT_TRUE(becomes([&] { return so_far().size() == 2; }));
    EXPECT_THAT(files(), ElementsAre("a.torrent"));
}

TEST_F(WatchFolderTest, AFileThatIsNotWrittenToItsEndIsTriedAgain) {
    write("a.torrent", "bad, yet");
    WatchFolder watch(inbox, WatchMode::rename, add(), 20ms);
    ASSERT_TRUE(becomes([&] {
        std::lock_guard lock(mutex);
        return tries >= 2;
    }));
    EXPECT_THAT(files(), ElementsAre("a.torrent"));
    write("a.torrent", "good");
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "a.torrent.added"); }));
    EXPECT_THAT(so_far(), ElementsAre("good"));
}

TEST_F(WatchFolderTest, JunkIsSetAsideAndHoldsNothingUp) {
    for (const char* name : {"a.torrent", "b.magnet", "d.torrent"}) {
        write(name, std::string(name).starts_with('b') ? "\n \n" : "bad");
        age(name, 2 * WatchFolder::kUnfinished);
    }
    fs::create_directory(inbox / "folder.torrent");
    write("e.torrent", "good");
    WatchFolder watch(inbox, WatchMode::rename, add());
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "e.torrent.added"); }));
    EXPECT_THAT(files(), UnorderedElementsAre("a.torrent.failed", "b.magnet.failed", "d.torrent.failed",
                                              "e.torrent.added", "folder.torrent"));
}

TEST_F(WatchFolderTest, AFileWhoseSourceIsNotKeptStays) {
    are_kept = false;
    write("a.torrent", "a");
    for (const WatchMode mode : {WatchMode::rename, WatchMode::remove}) {
        WatchFolder watch(inbox, mode, add(), 20ms);
        ASSERT_TRUE(becomes([&] { return !so_far().empty(); }));
        std::this_thread::sleep_for(100ms);
        EXPECT_THAT(files(), ElementsAre("a.torrent"));
        EXPECT_THAT(std::exchange(added, {}), ElementsAre("a")) << "it is not added again and again";
    }
    write("links.magnet", "magnet:?one\nmagnet:?two\n");
    WatchFolder watch(inbox, WatchMode::remove, add(), 20ms);
    ASSERT_TRUE(becomes([&] { return so_far().size() == 3; }));
    EXPECT_THAT(files(), UnorderedElementsAre("a.torrent", "links.magnet"));
}

TEST_F(WatchFolderTest, AFailureThatMayPassLeavesTheFileToBeTriedAgain) {
    write("a.torrent", "later");
    write("links.magnet", "later\nbad\nmagnet:?one\n");
    age("a.torrent", 2 * WatchFolder::kUnfinished);
    age("links.magnet", 2 * WatchFolder::kUnfinished);
    WatchFolder watch(inbox, WatchMode::rename, add(), 20ms);
    ASSERT_TRUE(becomes([&] {
        std::lock_guard lock(mutex);
        return tries >= 8;
    }));
    EXPECT_THAT(files(), UnorderedElementsAre("a.torrent", "links.magnet"));
    disk_has_room = true;
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "a.torrent.added"); }));
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "links.magnet.failed"); })) << "one link is bad";
}

TEST_F(WatchFolderTest, WhatIsLeftIsTriedAgainAfterAFailureThatMayPass) {
    write("a.torrent", "later");
    age("a.torrent", 2 * WatchFolder::kUnfinished);
    WatchFolder watch(inbox, WatchMode::leave, add(), 20ms);
    ASSERT_TRUE(becomes([&] {
        std::lock_guard lock(mutex);
        return tries > 0;
    }));
    disk_has_room = true;
    EXPECT_TRUE(becomes([&] { return !so_far().empty(); }));
}

TEST_F(WatchFolderTest, AMagnetFileOfTooManyLinksIsSetAsideUnread) {
    std::string many;
    for (std::size_t i = 0; i <= kMaxLinks; ++i) many += "a\n";
    write("many.magnet", many);
    write("large.magnet", "magnet:?one\n" + std::string(kMaxLinkFile, '\n'));
    for (const char* name : {"many.magnet", "large.magnet"}) age(name, 2 * WatchFolder::kUnfinished);
    WatchFolder watch(inbox, WatchMode::rename, add());
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "many.magnet.failed"); }));
    EXPECT_TRUE(becomes([&] { return fs::exists(inbox / "large.magnet.failed"); }));
    EXPECT_THAT(so_far(), IsEmpty());
}

TEST_F(WatchFolderTest, TenThousandFilesAreTaken) {
    constexpr std::size_t kMany = 10'000;
    static_assert(kMany > 2 * WatchFolder::kMostAtOnce);
    for (std::size_t i = 0; i < kMany; ++i) write(std::to_string(i) + ".torrent", "a");
    WatchFolder watch(inbox, WatchMode::rename, add());
    // The disk of a busy machine may take its time.
    for (int i = 0; i < 300 && files_with(WatchFolder::kAddedSuffix) < kMany; ++i)
        std::this_thread::sleep_for(100ms);
    EXPECT_EQ(so_far().size(), kMany);
    EXPECT_EQ(files_with(WatchFolder::kAddedSuffix), kMany);
}

TEST_F(WatchFolderTest, TakesNothingMoreOnceTheMountEnds) {
    for (int i = 0; i < 1000; ++i) write(std::to_string(i) + ".torrent", "a");
    std::atomic<int> calls = 0;
    const auto ended = [&](const Bytes&) -> bool {
        ++calls;
        throw WorkerEnded("the mount is ending");
    };
    { WatchFolder watch(inbox, WatchMode::rename, ended, 20ms); }
    EXPECT_LE(calls, 1);
    WatchFolder watch(inbox, WatchMode::rename, ended, 20ms);
    ASSERT_TRUE(becomes([&] { return calls > 0; }));
    std::this_thread::sleep_for(100ms);
    EXPECT_LE(calls, 2);
    EXPECT_EQ(files().size(), 1000u);
}

TEST_F(WatchFolderTest, AFolderThatComesLaterIsWatchedToo) {
    fs::remove(inbox);
    WatchFolder watch(inbox, WatchMode::leave, add(), 20ms);
    std::this_thread::sleep_for(50ms);
    EXPECT_THAT(so_far(), IsEmpty());
    fs::create_directory(inbox);
    write("a.torrent", "a");
    EXPECT_TRUE(becomes([&] { return so_far().size() == 1; }));
    fs::remove_all(inbox);
    std::this_thread::sleep_for(50ms);
    fs::create_directory(inbox);
    write("b.torrent", "b");
    EXPECT_TRUE(becomes([&] { return so_far().size() == 2; }));
}

}  // namespace
}  // namespace btfs::cli
