#include "cli/service/added_sources.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <memory>

#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Bytes bytes_of(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

AddedSources::Source source(std::string_view content, std::int64_t added_ms) {
    return {.content = bytes_of(content), .label = "films", .pinned_whole = true, .added_ms = added_ms};
}

struct AddedSourcesTest : ::testing::Test {
    TemporaryFolder folder;
    const fs::path path = AddedSources::folder_of(folder.path / "state" / "mounts", "/mnt/my films");
    const AddedSources added{path};

    /// All that can be read.
    static std::vector<std::pair<std::string, AddedSources::Source>> load(const AddedSources& from) {
        std::vector<std::pair<std::string, AddedSources::Source>> all;
        for (const std::string& name : from.names())
            if (auto read = from.read(name)) all.emplace_back(name, std::move(*read));
        return all;
    }
    static std::string name(std::string_view content) { return AddedSources::name_of(as_bytes(content)); }
    fs::path file_of(std::string_view content) const { return path / (name(content) + ".source"); }
};

TEST_F(AddedSourcesTest, WhatIsKeptIsLoadedInTheOrderInWhichItWasAdded) {
    EXPECT_THAT(load(added), IsEmpty());
    EXPECT_FALSE(added.keep(source("b", 1)));
    EXPECT_FALSE(added.keep(source("a", 2)));
    EXPECT_FALSE(added.keep(source("a", 3))) << "the same bytes are the same source";
    EXPECT_THAT(load(AddedSources(path)),
                ElementsAre(Pair(name("b"), source("b", 1)), Pair(name("a"), source("a", 3))));
    EXPECT_FALSE(added.forget(name("b")));
    EXPECT_FALSE(added.forget(name("b")));
    EXPECT_THAT(load(added), ElementsAre(Pair(name("a"), source("a", 3))));
}

/// Files of the kernel, that count how often folders are synced.
class CountingFiles final : public Files {
  public:
    std::size_t folder_syncs = 0;

    Result<std::unique_ptr<File>> open(const fs::path& name, const OpenHow& how) override {
        return files_.open(name, how);
    }
    Result<FileStatus> status(const fs::path& name) override { return files_.status(name); }
    Error rename(const fs::path& from, const fs::path& to) override { return files_.rename(from, to); }
    Error remove(const fs::path& name) override { return files_.remove(name); }
    Error sync_folder_of(const fs::path& name) override {
        ++folder_syncs;
        return files_.sync_folder_of(name);
    }
    Result<std::vector<std::string>> list() override { return files_.list(); }
    Result<std::uint64_t> bytes_free() override { return files_.bytes_free(); }
    Result<std::uint64_t> bytes_in_all() override { return files_.bytes_in_all(); }

  private:
    LinuxFiles files_;
};

TEST_F(AddedSourcesTest, WhatIsForgottenStaysForgottenAfterALossOfPower) {
    const auto files = std::make_shared<CountingFiles>();
    const AddedSources counted(path, files);
    const std::string hash(40, '1');
    EXPECT_FALSE(counted.keep(source("a", 1)));
    EXPECT_FALSE(counted.keep_settings(hash, {.label = "x"}));
    EXPECT_EQ(files->folder_syncs, 2u);
    EXPECT_FALSE(counted.forget(name("a")));
    EXPECT_EQ(files->folder_syncs, 3u);
    EXPECT_FALSE(counted.forget(name("a")));
    EXPECT_EQ(files->folder_syncs, 3u) << "there was nothing to forget";
    EXPECT_FALSE(counted.keep_settings(hash, {}));
    EXPECT_EQ(files->folder_syncs, 4u);
}

TEST_F(AddedSourcesTest, NotesOfWhatIsToBeDroppedAreNoSources) {
    const std::string key(40, 'a');
    EXPECT_THAT(added.drops(), IsEmpty());
    EXPECT_FALSE(added.note_drop(key));
    EXPECT_THAT(added.drops(), ElementsAre(key));
    EXPECT_THAT(added.names(), IsEmpty());
    EXPECT_FALSE(added.forget_drop(key));
    EXPECT_FALSE(added.forget_drop(key));
    EXPECT_THAT(added.drops(), IsEmpty());
}

TEST_F(AddedSourcesTest, ThatASourceIsPinnedCanBeTakenBack) {
    EXPECT_FALSE(added.keep(source("a", 1)));
    EXPECT_FALSE(added.set_pinned(name("a"), false, {}));
    EXPECT_FALSE(load(added).at(0).second.pinned_whole);
    EXPECT_EQ(load(added).at(0).second.label, "films");
    EXPECT_TRUE(added.set_pinned(name("b"), false, {}));
}

TEST_F(AddedSourcesTest, SomeFilesThatAreToBePinnedAreKept) {
    const Pins files{{0, 3}, {7, 7}, {9, 0xffff'ffff}};
    EXPECT_FALSE(added.keep(source("a", 1)));
    EXPECT_FALSE(added.set_pinned(name("a"), false, files));
    EXPECT_EQ(load(added).at(0).second.pinned_files, files);
    EXPECT_FALSE(added.set_pinned(name("a"), true, {}));
    EXPECT_THAT(load(added).at(0).second.pinned_files, IsEmpty());
}

TEST_F(AddedSourcesTest, AListOfFilesThatIsDamagedPinsNone) {
    EXPECT_FALSE(added.keep(source("a", 1)));
    for (const char* files : {"i1e", "li5ei3ee", "li-1ei3ee", "li1ei4294967296ee", "l1:ae"}) {
        std::ofstream(file_of("a")) << "d5:addedi1e5:files" << files << "5:label0:6:pinnedi0e6:source1:ae";
        ASSERT_EQ(load(added).size(), 1u) << files;
        EXPECT_THAT(load(added).at(0).second.pinned_files, IsEmpty()) << files;
    }
}

TEST_F(AddedSourcesTest, LabelsAndLimitsAreChangedInPlace) {
    EXPECT_FALSE(added.keep(source("a", 1)));
    TorrentLimits limits;
    limits.seed_ratio_mode = LimitMode::own;
    limits.seed_ratio = 1.25;
    limits.upload_limited = true;
    limits.upload_kB = 500;
    limits.bandwidth_priority = -1;
    limits.peer_limit = 30;
    EXPECT_FALSE(added.change(name("a"), [&](AddedSources::Source& changed) {
        changed.label = "series";
        changed.limits = limits;
    }));
    EXPECT_EQ(load(added).at(0).second.label, "series");
    EXPECT_EQ(load(added).at(0).second.limits, limits);
    EXPECT_TRUE(added.change(name("b"), [](AddedSources::Source&) {}));
}

TEST_F(AddedSourcesTest, APausedSourceIsPausedUntilItIsResumed) {
    AddedSources::Source paused = source("a", 1);
    paused.paused = true;
    paused.trackers = {{"http://a/x"}};
    EXPECT_FALSE(added.keep(paused));
    EXPECT_EQ(load(added).at(0).second, paused);
    EXPECT_FALSE(added.change(name("a"), [](AddedSources::Source& changed) {
        changed.paused = false;
        changed.trackers.reset();
    }));
    EXPECT_EQ(load(added).at(0).second, source("a", 1));
}

TEST_F(AddedSourcesTest, SettingsOfATorrentAreKeptByItsInfoHashAndAreNoSource) {
    const std::string hash(40, 'a'), other(40, 'b');
    EXPECT_EQ(added.read_settings(hash).error(), std::errc::no_such_file_or_directory);
    AddedSources::Settings settings{.label = "films", .paused = true};
    settings.limits.upload_limited = true;
    settings.limits.upload_kB = 7;
    settings.trackers = {{"http://a/x", "udp://b:1"}, {"http://c/y"}};
    EXPECT_FALSE(added.keep_settings(hash, settings));
    EXPECT_EQ(AddedSources(path).read_settings(hash).value(), settings);
    EXPECT_THAT(added.names(), IsEmpty());
    EXPECT_FALSE(added.keep_settings(hash, {}));
    EXPECT_FALSE(fs::exists(path / (hash + ".settings"))) << "the defaults need no file";
    EXPECT_FALSE(added.keep_settings(hash, {}));
    std::ofstream(path / (other + ".settings")) << "d5:label5:fil";
    EXPECT_EQ(added.read_settings(other).error(), std::errc::io_error);
}

TEST_F(AddedSourcesTest, AsManyTrackersAsATorrentMayHaveAreReadAgain) {
    const std::string hash(40, 'a');
    AddedSources::Settings settings{.trackers = {{}}};
    for (int i = 0; i < 100; ++i) settings.trackers->push_back({"http://a/" + std::string(2039, 'x')});
    settings.trackers->erase(settings.trackers->begin());
    EXPECT_FALSE(added.keep_settings(hash, settings));
    EXPECT_EQ(added.read_settings(hash).value(), settings);
}

TEST_F(AddedSourcesTest, AFileThatIsCutAnywhereCostsItsOwnSourceAloneAndStays) {
    EXPECT_FALSE(added.keep(source("whole", 1)));
    EXPECT_FALSE(added.keep(source("damaged", 2)));
    const fs::path damaged = file_of("damaged");
    std::ifstream in(damaged, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t size = 0; size < content.size(); ++size) {
        std::ofstream(damaged, std::ios::binary) << content.substr(0, size);
        ASSERT_THAT(load(added), ElementsAre(Pair(name("whole"), source("whole", 1)))) << size;
        ASSERT_TRUE(fs::exists(damaged));
    }
    for (std::size_t at = 0; at < content.size(); ++at) {
        std::string changed = content;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        std::ofstream(damaged, std::ios::binary) << changed;
        for (const auto& [kept_as, loaded] : load(added))  // a changed label or time is not noticed
            ASSERT_EQ(kept_as, AddedSources::name_of(loaded.content)) << at;
    }
}

TEST_F(AddedSourcesTest, FilesAreTheUsersAlone) {
    EXPECT_FALSE(added.keep(source("a", 1)));
    constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
    EXPECT_EQ(fs::status(path).permissions() & kOthers, fs::perms::none);
    EXPECT_EQ(fs::status(file_of("a")).permissions() & kOthers, fs::perms::none);
}

TEST_F(AddedSourcesTest, AFolderThatCannotBeWrittenIsAnError) {
    std::ofstream(folder.path / "state") << "a file, where a folder should be";
    EXPECT_TRUE(added.keep(source("a", 1)));
    EXPECT_THAT(load(added), IsEmpty());
}

TEST(AddedSources, EachMountpointHasAFolderOfItsOwn) {
    const auto folder_of = [](const fs::path& mountpoint) {
        return AddedSources::folder_of("/state", mountpoint);
    };
    EXPECT_EQ(folder_of("/mnt/x"), "/state/%2Fmnt%2Fx");
    EXPECT_NE(folder_of("/mnt/x/y"), folder_of("/mnt/x%2Fy"));
    const std::string longest(300, 'x');
    EXPECT_LE(folder_of("/" + longest).filename().string().size(), 255u);
    EXPECT_NE(folder_of("/" + longest), folder_of("/" + longest + "y"));
}

}  // namespace
}  // namespace btfs::cli
