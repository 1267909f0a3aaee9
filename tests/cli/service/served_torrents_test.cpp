#include "cli/service/served_torrents.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <fstream>
#include <future>
#include <thread>

#include "cli/process/failure.hpp"
#include "tests/support/temporary_folder.hpp"

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Returns the file of a torrent of one file of 5 bytes.
std::string torrent_text(const std::string& name) {
    return "d4:infod6:lengthi5e4:name" + std::to_string(name.size()) + ':' + name +
           "12:piece lengthi16384e6:pieces20:" + std::string(20, 'x') + "ee";
}

TorrentSource torrent(const std::string& name) {
    const std::string text = torrent_text(name);
    auto source = parse_source(as_bytes(text));
    EXPECT_TRUE(source) << text;
    return std::move(*source);
}

struct World {
    World() : cache_dir(std::move(*CacheDir::open(folder.path / "cache"))) {}

    /// Locks a torrent in the cache, as another process does.
    std::unique_ptr<TorrentStore> hold(const TorrentSource& source) {
        const Metainfo& metainfo = *source.metainfo;
        auto store =
            cache_dir.open_torrent({metainfo.identity, metainfo.layout, metainfo.hashes}, pool, memory);
        EXPECT_TRUE(store);
        return std::move(*store);
    }

    TemporaryFolder folder;
    CacheDir cache_dir;
    DiskPool pool{1};
    PieceMemory memory;
    Engine engine{{}};
};

struct Serving : World {
    std::string failure_of_adding(Sources sources) {
        try {
            torrents.add(std::move(sources));
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "no failure";
    }

    const DataFolders no_data;
    const AddedSources added{folder.path / "added"};
    ServedTorrents torrents{{.engine = engine,
                             .cache_dir = cache_dir,
                             .pool = pool,
                             .memory = memory,
                             .data = no_data,
                             .peers = {},
                             .added = &added}};
};

TEST(ServedTorrents, ShowsTorrentsWhoseFilesAreKnown) {
    Serving serving;
    serving.torrents.add({.torrents = {torrent("b"), torrent("a")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].entry.name, "b");
    EXPECT_TRUE(reports[0].entry.visible() && reports[1].entry.visible());
}

TEST(ServedTorrents, ATorrentThatAnotherProcessHoldsLeavesTheOthersMounted) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    serving.torrents.add({.torrents = {torrent("held"), torrent("free")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].entry.name, "held");
    EXPECT_EQ(reports[0].entry.info_hash, torrent("held").identity.cache_key());
    EXPECT_THAT(reports[0].entry.problem, HasSubstr("another"));
    EXPECT_FALSE(reports[0].entry.visible());
    EXPECT_FALSE(reports[0].entry.handle) << "the engine would have no store for it";
    EXPECT_TRUE(reports[1].entry.visible());
}

TEST(ServedTorrents, WhatCannotBeOpenedIsLeftOutAlike) {
    Serving serving;
    const std::string key = torrent("broken").identity.cache_key();
    std::filesystem::create_directory(serving.folder.path / "cache" / (key + ".claims"));
    serving.torrents.add({.torrents = {torrent("broken"), torrent("whole")}, .published = {}, .urls = {}});
    const auto reports = serving.torrents.reports();
    EXPECT_THAT(reports.at(0).entry.problem, HasSubstr("broken: "));
    EXPECT_TRUE(reports.at(1).entry.visible());
}

TEST(ServedTorrents, FailsIfNothingIsLeft) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    EXPECT_THAT(serving.failure_of_adding({.torrents = {torrent("held")}, .published = {}, .urls = {}}),
                testing::AllOf(HasSubstr("held: "), HasSubstr("another")));
    Serving two;
    const auto held_a = two.hold(torrent("a")), held_b = two.hold(torrent("b"));
    EXPECT_THAT(
        two.failure_of_adding({.torrents = {torrent("a"), torrent("b")}, .published = {}, .urls = {}}),
        HasSubstr("not one of 2"));
}

TEST(ServedTorrents, WaitsForAUrlThoughTheTorrentBesideItFailed) {
    Serving serving;
    const auto held = serving.hold(torrent("held"));
    serving.torrents.add(
        {.torrents = {torrent("held")}, .published = {}, .urls = {"http://127.0.0.1:1/x?key"}});
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[1].entry.name, "http://127.0.0.1:1/x");
    EXPECT_FALSE(reports[1].entry.settled());
}

/// A mount that stands, with its worker and its engine.
struct Running : Serving {
    explicit Running(Sources sources = {}) {
        torrents.add(std::move(sources));
        engine.start();
        torrents.start();
    }

    static AddedSources::Source source(const std::string& name, bool pinned_whole = false) {
        const std::string text = torrent_text(name);
        const ByteView bytes = as_bytes(text);
        return {.content = {bytes.begin(), bytes.end()}, .label = "label", .pinned_whole = pinned_whole};
    }
    std::vector<std::string> names() {
        std::vector<std::string> names;
        for (const TorrentReport& report : torrents.reports()) names.push_back(report.entry.name);
        return names;
    }
    template <class F>
    static std::string failure_of(F f) {
        try {
            f();
        } catch (const Failure& failure) {
            return failure.what();
        }
        return "no failure";
    }
    /// Until the worker has done what came before, and what followed from that.
    template <class Condition>
    static bool becomes(Condition condition) {
        for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
        return condition();
    }
};

TEST(ServedTorrents, TorrentsAreAddedAndRemovedWhileTheMountStands) {
    Running running({.torrents = {torrent("first")}, .published = {}, .urls = {}});
    const AddReport added = running.torrents.add_source(Running::source("second"));
    EXPECT_EQ(added.name, "second");
    EXPECT_EQ(added.info_hash, torrent("second").identity.cache_key());
    EXPECT_FALSE(added.was_there);
    EXPECT_THAT(running.names(), ElementsAre("first", "second"));
    EXPECT_EQ(running.torrents.reports()[1].entry.label, "label");
    EXPECT_TRUE(running.torrents.filesystem().lookup(kRootNode, "second"));
    EXPECT_TRUE(running.torrents.add_source(Running::source("first")).was_there);

    EXPECT_EQ(running.torrents.remove("first").name, "first");
    EXPECT_EQ(running.torrents.remove(added.info_hash).name, "second");
    EXPECT_THAT(running.names(), IsEmpty());
    EXPECT_FALSE(running.torrents.filesystem().lookup(kRootNode, "second"));
    EXPECT_TRUE(Running::becomes([&] {  // another process may have it
        const auto store =
            running.cache_dir.open_torrent({torrent("second").identity, torrent("second").metainfo->layout,
                                            torrent("second").metainfo->hashes},
                                           running.pool, running.memory);
        return store.has_value();
    }));
}

TEST(ServedTorrents, WhatCannotBeAddedLeavesNothingBehind) {
    Running running;
    const auto held = running.hold(torrent("held"));
    EXPECT_THAT(Running::failure_of([&] { running.torrents.add_source(Running::source("held")); }),
                HasSubstr("another"));
    const ByteView junk = as_bytes("junk");
    EXPECT_THAT(Running::failure_of([&] {
                    running.torrents.add_source({.content = {junk.begin(), junk.end()}});
                }),
                HasSubstr("no torrent"));
    EXPECT_THAT(running.names(), IsEmpty());
    EXPECT_THAT(Running::failure_of([&] { running.torrents.remove("held"); }), HasSubstr("no torrent"));
}

TEST(ServedTorrents, AfterItsRemovalATorrentMayComeBackOnceItsFilesAreClosed) {
    Running running;
    running.torrents.add_source(Running::source("film"));
    Filesystem& filesystem = running.torrents.filesystem();
    Handle* const open = filesystem.open(filesystem.lookup(kRootNode, "film")->node, false).value();
    running.torrents.remove("film");
    EXPECT_THAT(Running::failure_of([&] { running.torrents.add_source(Running::source("film")); }),
                HasSubstr("still open"));
    filesystem.release(*open);
    EXPECT_TRUE(Running::becomes([&] {
        return Running::failure_of([&] { running.torrents.add_source(Running::source("film")); }) ==
               "no failure";
    }));
    EXPECT_THAT(running.names(), ElementsAre("film"));
}

TEST(ServedTorrents, APinnedSourceIsPinnedOnceItIsKnown) {
    Running running;
    running.torrents.add_source(Running::source("film", true));
    EXPECT_EQ(running.torrents.fetch("film", Fetching::unpinned).files, 1u);
    EXPECT_THAT(running.cache_dir.kept_pins(torrent("film").identity), IsEmpty());
    running.torrents.add_source(Running::source("other", true));
    EXPECT_THAT(running.cache_dir.kept_pins(torrent("other").identity), ElementsAre(FileRange{0, 0}));
}

TEST(ServedTorrents, OfTwoTorrentsWithOneNameTheInfoHashSaysWhichOneGoes) {
    Running running;
    const std::string unknown(40, '1'), other(40, '2');
    for (const std::string& hash : {unknown, other}) {
        const std::string link = "magnet:?xt=urn:btih:" + hash + "&dn=same";
        const ByteView bytes = as_bytes(link);
        running.torrents.add_source({.content = {bytes.begin(), bytes.end()}});
    }
    EXPECT_THAT(Running::failure_of([&] { running.torrents.remove("same"); }), HasSubstr("several"));
    EXPECT_EQ(running.torrents.remove(other).name, "same");
    EXPECT_EQ(running.torrents.reports().at(0).entry.info_hash, unknown);
}

TEST(ServedTorrents, AnEmptyWordNamesNoTorrent) {
    Running running;
    running.torrents.add_source(Running::source("film"));
    EXPECT_THAT(Running::failure_of([&] { running.torrents.remove(""); }), HasSubstr("no torrent"));
    EXPECT_THAT(Running::failure_of([&] { running.torrents.set_paused("", true); }), HasSubstr("no torrent"));
    EXPECT_THAT(running.names(), ElementsAre("film"));
    EXPECT_FALSE(running.torrents.reports().at(0).entry.paused);
}

TEST(ServedTorrents, WhatIsAddedIsKeptAndWhatIsRemovedForgotten) {
    Running running({.torrents = {torrent("named")}, .published = {}, .urls = {}});
    running.torrents.add_source(Running::source("film"));
    EXPECT_EQ(running.added.names().size(), 1u);
    EXPECT_TRUE(running.torrents.add_source(Running::source("named")).was_there);
    EXPECT_EQ(running.added.names().size(), 2u) << "later mounts may not have it on their command line";
    running.torrents.add_source(Running::source("film"));
    running.torrents.remove("named");
    running.torrents.remove("film");
    EXPECT_THAT(running.added.names(), IsEmpty());
    const ByteView junk = as_bytes("junk");
    Running::failure_of([&] { running.torrents.add_source({.content = {junk.begin(), junk.end()}}); });
    EXPECT_THAT(running.added.names(), IsEmpty());
}

TEST(ServedTorrents, WhatIsSetOfATorrentOfTheCommandLineIsKeptUntilItIsRemoved) {
    const std::string hash = torrent("film").identity.cache_key();
    Running running({.torrents = {torrent("film")}, .published = {}, .urls = {}});
    EXPECT_EQ(running.torrents.set_paused("film", true), 1u);
    EXPECT_EQ(running.torrents.set_paused(hash, true), 0u) << "it is paused already";
    EXPECT_TRUE(running.torrents.reports().at(0).entry.paused);
    EXPECT_TRUE(Running::becomes([&] { return running.torrents.reports().at(0).status->paused; }));
    running.torrents.change(running.torrents.reports().at(0).index, {.label = "new"});
    const AddedSources::Settings kept{.label = "new", .paused = true};
    EXPECT_EQ(running.added.read_settings(hash).value(), kept);
    EXPECT_EQ(running.torrents.set_all_paused(false), 1u);
    EXPECT_FALSE(running.added.read_settings(hash)->paused);
    EXPECT_THAT(Running::failure_of([&] { running.torrents.set_paused("other", true); }),
                HasSubstr("no torrent"));
    running.torrents.remove("film");
    EXPECT_FALSE(running.added.read_settings(hash));
}

TEST(ServedTorrents, AllArePausedThoughTheDiskDoesNotTakeItOfOne) {
    Running running;
    for (const char* name : {"one", "two", "three"}) running.torrents.add_source(Running::source(name));
    const std::string lost = AddedSources::name_of(Running::source("one").content);
    const std::string kept = AddedSources::name_of(Running::source("three").content);
    ASSERT_FALSE(running.added.forget(lost));
    EXPECT_THAT(Running::failure_of([&] { running.torrents.set_all_paused(true); }),
                HasSubstr("cannot be kept"));
    for (const TorrentReport& report : running.torrents.reports())
        EXPECT_TRUE(report.entry.paused) << report.entry.name;
    EXPECT_TRUE(running.added.read(kept)->paused);
    EXPECT_THAT(Running::failure_of([&] { running.torrents.set_all_paused(true); }), "no failure");
}

TEST(ServedTorrents, WhatWasSetOfATorrentInAnEarlierMountIsSetAgain) {
    const std::string hash = torrent("film").identity.cache_key();
    Serving serving;
    TorrentLimits limits;
    limits.seed_ratio_mode = LimitMode::none;
    ASSERT_FALSE(serving.added.keep_settings(hash, {.label = "old", .limits = limits, .paused = true}));
    serving.torrents.add({.torrents = {torrent("film"), torrent("other")}, .published = {}, .urls = {}});
    const RosterEntry entry = serving.torrents.reports().at(0).entry;
    EXPECT_EQ(entry.label, "old");
    EXPECT_EQ(entry.limits, limits);
    EXPECT_TRUE(entry.paused);
    EXPECT_FALSE(serving.torrents.reports().at(1).entry.paused);
    serving.engine.start();
    EXPECT_TRUE(Running::becomes([&] {
        const auto status = serving.torrents.reports().at(0).status;
        return status && status->paused;
    }));
}

/// One more mount of the same cache, which ends before it.
struct Remount {
    explicit Remount(Serving& serving, Sources sources = {})
        : torrents({.engine = engine,
                    .cache_dir = serving.cache_dir,
                    .pool = serving.pool,
                    .memory = serving.memory,
                    .data = serving.no_data,
                    .peers = {},
                    .added = &serving.added}) {
        torrents.add(std::move(sources));
    }
    void start() {
        engine.start();
        torrents.start();
        ASSERT_TRUE(Running::becomes([&] { return !torrents.takes_up_added(); }));
    }
    RosterEntry only() {
        const auto reports = torrents.reports();
        EXPECT_EQ(reports.size(), 1u);
        return reports.at(0).entry;
    }

    Engine engine{{}};
    ServedTorrents torrents;
};

TEST(ServedTorrents, ATorrentOfARecordAndTheCommandLineIsPausedFromTheStartOfAMount) {
    const std::string hash = torrent("film").identity.cache_key();
    const Sources film{.torrents = {torrent("film")}, .published = {}, .urls = {}};
    Serving serving;
    {
        Remount first(serving, film);
        first.start();
        EXPECT_TRUE(first.torrents.add_source(Running::source("film")).was_there);
        first.torrents.set_paused("film", true);
        EXPECT_TRUE(serving.added.read(serving.added.names().at(0))->paused);
    }
    {
        Remount second(serving, film);
        EXPECT_TRUE(second.only().paused) << "the engine has it before any record is read";
        EXPECT_EQ(second.only().label, "label");
        second.start();
        EXPECT_TRUE(second.only().paused);
    }
    {
        Remount without_it(serving);
        without_it.start();
        EXPECT_EQ(without_it.torrents.set_paused(hash, false), 1u);
    }
    {
        Remount third(serving, film);
        EXPECT_FALSE(third.only().paused) << "it was resumed in a mount that did not name it";
        third.start();
        EXPECT_FALSE(third.only().paused);
        third.torrents.remove(hash);
        EXPECT_FALSE(serving.added.read_settings(hash));
    }
}

TEST(ServedTorrents, ATorrentThatIsAddedOnceMoreStaysAsTheUserHasSetIt) {
    Running running({.torrents = {torrent("film")}, .published = {}, .urls = {}});
    AddedSources::Source again = Running::source("film");
    again.paused = true;
    again.limits.upload_limited = true;
    again.trackers = {{"http://127.0.0.1:1/x"}};
    EXPECT_TRUE(running.torrents.add_source(again).was_there);
    const RosterEntry entry = running.torrents.reports().at(0).entry;
    EXPECT_FALSE(entry.paused);
    EXPECT_EQ(entry.limits, TorrentLimits{});
    EXPECT_FALSE(entry.trackers);
    EXPECT_EQ(entry.label, "label") << "it had none";
    const auto kept = running.added.read(running.added.names().at(0));
    EXPECT_FALSE(kept->paused);
    EXPECT_EQ(kept->limits, TorrentLimits{});
    EXPECT_FALSE(kept->trackers);
}

TEST(ServedTorrents, FilesThatARecordIsToPinArePinnedOfATorrentOfTheCommandLine) {
    Serving serving;
    AddedSources::Source source = Running::source("film");
    source.pinned_files = {{0, 0}};
    ASSERT_FALSE(serving.added.keep(source));
    Remount mount(serving, {.torrents = {torrent("film")}, .published = {}, .urls = {}});
    mount.start();
    EXPECT_TRUE(mount.only().all_pinned);
    EXPECT_THAT(serving.cache_dir.kept_pins(torrent("film").identity), ElementsAre(FileRange{0, 0}));
    EXPECT_THAT(serving.added.read(serving.added.names().at(0))->pinned_files, IsEmpty());
}

TEST(ServedTorrents, ATorrentThatIsAddedAnewBeforeItsRecordIsReadIsAsTheUserHasSetIt) {
    Serving serving;
    AddedSources::Source kept = Running::source("film");
    kept.label = "mine";
    kept.paused = true;
    kept.limits.upload_limited = true;
    kept.trackers = {{"http://127.0.0.1:1/x"}};
    kept.added_ms = 5;
    ASSERT_FALSE(serving.added.keep(kept));
    Remount mount(serving);
    std::thread watched([&] { mount.torrents.add_source(Running::source("film")); });
    std::this_thread::sleep_for(100ms);  // the worker, which does not run yet, has that first
    mount.start();
    watched.join();
    const RosterEntry entry = mount.only();
    EXPECT_EQ(entry.label, "mine");
    EXPECT_TRUE(entry.paused);
    EXPECT_EQ(entry.limits, kept.limits);
    EXPECT_EQ(entry.trackers, kept.trackers);
    EXPECT_EQ(entry.added_ms, 5);
    EXPECT_EQ(serving.added.read(serving.added.names().at(0)).value(), kept);
}

TEST(ServedTorrents, WhatIsSetOfAMagnetLinkHoldsThoughItsTorrentFileIsAddedFirst) {
    Serving serving;
    const std::string link = "magnet:?xt=urn:btih:" + torrent("film").identity.cache_key();
    const ByteView bytes = as_bytes(link);
    AddedSources::Source kept{.content = {bytes.begin(), bytes.end()}, .label = "mine", .paused = true};
    kept.limits.upload_limited = true;
    kept.trackers = {{"http://127.0.0.1:1/x"}};
    ASSERT_FALSE(serving.added.keep(kept));
    AddedSources::Source file = Running::source("film");
    file.label = "";
    Remount mount(serving);
    std::thread watched([&] { mount.torrents.add_source(file); });
    std::this_thread::sleep_for(100ms);  // the worker, which does not run yet, has that first
    mount.start();
    watched.join();
    EXPECT_TRUE(mount.only().paused);
    ASSERT_EQ(serving.added.names().size(), 1u);
    auto record = serving.added.read(serving.added.names().at(0)).value();
    record.content = kept.content;  // the file's, if that was taken first
    EXPECT_EQ(record, kept);
}

TEST(ServedTorrents, ATorrentThatIsAddedOnceMoreGetsALabelOnlyIfItHasNone) {
    Running running;
    AddedSources::Source source = Running::source("film");
    source.label = "";
    running.torrents.add_source(source);
    for (const char* label : {"first", "second"}) {
        source.label = label;
        EXPECT_TRUE(running.torrents.add_source(source).was_there);
        EXPECT_EQ(running.torrents.reports().at(0).entry.label, "first");
        EXPECT_EQ(running.added.read(running.added.names().at(0))->label, "first");
    }
}

TEST(ServedTorrents, TellsThatASourceIsNotKept) {
    Running running({.torrents = {torrent("named")}, .published = {}, .urls = {}});
    EXPECT_TRUE(running.torrents.add_source(Running::source("film")).kept);
    std::filesystem::remove_all(running.folder.path / "added");
    std::ofstream(running.folder.path / "added") << "where the folder was";
    for (const char* name : {"other", "named"}) {
        const AddReport report = running.torrents.add_source(Running::source(name));
        EXPECT_FALSE(report.kept) << name;
        EXPECT_THAT(report.warning, HasSubstr("later mounts will not have it: ")) << name;
    }
    EXPECT_TRUE(running.torrents.filesystem().lookup(kRootNode, "other"));
}

TEST(ServedTorrents, AMountWithoutMemoryTellsThatASourceIsNotKept) {
    Serving serving;
    ServedTorrents torrents{{.engine = serving.engine,
                             .cache_dir = serving.cache_dir,
                             .pool = serving.pool,
                             .memory = serving.memory,
                             .data = serving.no_data,
                             .peers = {}}};
    serving.engine.start();
    torrents.start();
    const AddReport report = torrents.add_source(Running::source("film"));
    EXPECT_FALSE(report.kept);
    EXPECT_EQ(report.warning, "later mounts will not have it");
}

/// Makes the file into a folder that is not empty, so that the disk removes it no more.
void make_unremovable(const std::filesystem::path& path) {
    std::filesystem::remove(path);
    std::filesystem::create_directories(path / "file");
}

TEST(ServedTorrents, TellsThatTheNextMountHasATorrentAgainThatIsRemoved) {
    Running running;
    running.torrents.add_source(Running::source("film"));
    make_unremovable(running.added.path_of(running.added.names().at(0)));
    const RemoveReport report = running.torrents.remove("film");
    EXPECT_EQ(report.name, "film");
    EXPECT_THAT(report.warning, HasSubstr("the next mount will have it again: "));
    EXPECT_THAT(running.names(), IsEmpty());
}

TEST(ServedTorrents, ATorrentWhosePinsCannotEndStaysInThisMountAndInLaterOnes) {
    Running running;
    running.torrents.add_source(Running::source("film", true));
    const auto pins = running.folder.path / "cache" / (torrent("film").identity.cache_key() + ".pins");
    ASSERT_TRUE(std::filesystem::exists(pins));
    make_unremovable(pins);
    EXPECT_THAT(Running::failure_of([&] { running.torrents.remove("film"); }), HasSubstr("pins"));
    EXPECT_THAT(running.names(), ElementsAre("film"));
    EXPECT_EQ(running.added.names().size(), 1u);
}

struct Removal : Running {
    const std::string key = torrent("film").identity.cache_key();
    const std::filesystem::path claims = folder.path / "cache" / (key + ".claims");

    bool is_in_use() {
        const Metainfo metainfo = *torrent("film").metainfo;
        const auto store =
            cache_dir.open_torrent({metainfo.identity, metainfo.layout, metainfo.hashes}, pool, memory);
        return !store;
    }

    /// Removes a torrent with its content while one of its files is open.
    Handle* remove_open_torrent(ServedTorrents& from) {
        const Roster::Index index = from.add_source(source("film")).index;
        Filesystem& filesystem = from.filesystem();
        Handle* const open = filesystem.open(filesystem.lookup(kRootNode, "film")->node, false).value();
        from.remove(index, RemovedContent::dropped);
        EXPECT_TRUE(std::filesystem::exists(claims)) << "it is read still";
        return open;
    }
};

TEST(ServedTorrents, ContentThatIsDroppedGoesWithTheLastFileThatIsClosed) {
    Removal removal;
    Handle* const open = removal.remove_open_torrent(removal.torrents);
    removal.torrents.filesystem().release(*open);
    EXPECT_TRUE(Running::becomes([&] { return !std::filesystem::exists(removal.claims); }));
    EXPECT_TRUE(Running::becomes([&] { return removal.added.drops().empty(); }));
}

TEST(ServedTorrents, ContentThatIsDroppedGoesWithTheMountAtTheLatest) {
    Removal removal;
    {
        Remount mount(removal);
        mount.start();
        Handle* const open = removal.remove_open_torrent(mount.torrents);
        EXPECT_THAT(removal.added.drops(), ElementsAre(removal.key));
        mount.torrents.end();
        mount.torrents.filesystem().release(*open);
    }
    EXPECT_FALSE(std::filesystem::exists(removal.claims));
    EXPECT_THAT(removal.added.drops(), IsEmpty());
}

TEST(ServedTorrents, ContentThatAKilledMountWasToDropGoesWithTheNextMount) {
    Removal removal;
    removal.torrents.add_source(Running::source("film"));
    removal.torrents.remove("film");
    ASSERT_TRUE(Running::becomes([&] { return !removal.is_in_use(); }));
    ASSERT_TRUE(std::filesystem::exists(removal.claims));
    ASSERT_FALSE(removal.added.note_drop(removal.key));
    Remount next(removal);
    EXPECT_FALSE(std::filesystem::exists(removal.claims));
    EXPECT_THAT(removal.added.drops(), IsEmpty());
}

TEST(ServedTorrents, ContentThatAnotherMountUsesIsNotDroppedForAKilledOne) {
    Removal removal;
    const auto held = removal.hold(torrent("film"));
    ASSERT_FALSE(removal.added.note_drop(removal.key));
    { Remount next(removal); }
    EXPECT_TRUE(std::filesystem::exists(removal.claims));
    EXPECT_THAT(removal.added.drops(), IsEmpty()) << "it is that mount's by now";
}

TEST(ServedTorrents, ATorrentWhoseStoreFailsWhenItsMetadataComesIsTriedAgain) {
    const EngineOptions quiet{.lsd = false, .dht = {}};
    World swarm;
    Engine seeding{quiet};
    ASSERT_TRUE(seeding.open());
    const DataFolders no_data;
    ServedTorrents seed{{.engine = seeding,
                         .cache_dir = swarm.cache_dir,
                         .pool = swarm.pool,
                         .memory = swarm.memory,
                         .data = no_data,
                         .peers = {}}};
    seed.add({.torrents = {torrent("film")}, .published = {}, .urls = {}});
    seeding.start();
    const std::string link = "magnet:?xt=urn:btih:" + torrent("film").identity.cache_key() +
                             "&x.pe=127.0.0.1:" + std::to_string(seeding.port());
    const ByteView bytes = as_bytes(link);

    Serving serving;
    auto held = serving.hold(torrent("film"));
    Engine engine{quiet};
    ServedTorrents torrents{{.engine = engine,
                             .cache_dir = serving.cache_dir,
                             .pool = serving.pool,
                             .memory = serving.memory,
                             .data = serving.no_data,
                             .peers = {},
                             .added = &serving.added}};
    engine.start();
    torrents.start();
    torrents.add_source({.content = {bytes.begin(), bytes.end()}});
    ASSERT_TRUE(Running::becomes([&] { return !torrents.reports().at(0).entry.problem.empty(); }));
    const RosterEntry failed = torrents.reports().at(0).entry;
    EXPECT_THAT(failed.problem, HasSubstr("another"));
    EXPECT_FALSE(failed.handle) << "peers would be used for nothing";
    EXPECT_THAT(Running::failure_of([&] {
                    torrents.add_source({.content = {bytes.begin(), bytes.end()}});
                }),
                HasSubstr("another"));
    ASSERT_EQ(torrents.reports().size(), 1u) << "it stays to be seen, and to be removed";
    held.reset();
    EXPECT_FALSE(torrents.add_source({.content = {bytes.begin(), bytes.end()}}).was_there);
    ASSERT_EQ(torrents.reports().size(), 1u);
    EXPECT_TRUE(torrents.reports().at(0).entry.visible());
    EXPECT_EQ(serving.added.names().size(), 1u);
}

TEST(ServedTorrents, ContentsHaveThePathsOfTheMount) {
    const std::string second =
        "d4:infod5:filesld6:lengthi0e4:pathl1:zeed6:lengthi5e4:pathl1:aeed6:lengthi0e4:pathl1:beee4:name4:"
        "film12:piece lengthi16384e6:pieces20:" +
        std::string(20, 'x') + "ee";
    const ByteView bytes = as_bytes(second);
    Running running;
    const Roster::Index one = running.torrents.add_source(Running::source("film")).index;
    const Roster::Index two = running.torrents.add_source({.content = {bytes.begin(), bytes.end()}}).index;
    const auto contents = running.torrents.contents({one, two});
    EXPECT_EQ(contents.at(one).files.at(0).path, running.torrents.name_of(one));
    const std::string folder = running.torrents.name_of(two);
    EXPECT_NE(folder, running.torrents.name_of(one));
    std::vector<std::string> paths;
    for (const ContentReport::File& file : contents.at(two).files) paths.push_back(file.path);
    EXPECT_THAT(paths, ElementsAre(folder + "/z", folder + "/a", folder + "/b"));
}

/// Sends one torrent file over HTTP when it is let.
class SlowDownload {
  public:
    explicit SlowDownload(const std::string& file)
        : answer_("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(file.size()) +
                  "\r\nConnection: close\r\n\r\n" + file) {
        acceptor_.async_accept(socket_, [this](boost::system::error_code error) {
            if (!error) taken_.set_value();
        });
        thread_ = std::thread([this] { io_.run_for(20s); });
    }
    ~SlowDownload() {
        io_.stop();
        thread_.join();
    }
    std::string url() {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/film.torrent";
    }
    void let() {
        ASSERT_EQ(taken_.get_future().wait_for(10s), std::future_status::ready);
        boost::asio::post(io_, [this] {
            boost::asio::async_write(socket_, boost::asio::buffer(answer_),
                                     [this](boost::system::error_code, std::size_t) { read_rest(); });
        });
    }

  private:
    /// Until the other side closes.
    void read_rest() {
        socket_.async_read_some(boost::asio::buffer(request_),
                                [this](boost::system::error_code error, std::size_t) {
                                    if (!error) read_rest();
                                });
    }

    const std::string answer_;
    std::array<char, 4096> request_{};
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> until_stopped_{
        io_.get_executor()};
    boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    boost::asio::ip::tcp::socket socket_{io_};
    std::promise<void> taken_;
    std::thread thread_;
};

TEST(ServedTorrents, WhatIsChangedWhileATorrentFileIsFetchedLeavesTheRestOfWhatWasKept) {
    const std::string hash = torrent("film").identity.cache_key();
    SlowDownload download(torrent_text("film"));
    Serving serving;
    AddedSources::Settings kept{.label = "old", .paused = true, .trackers = {{{"http://127.0.0.1:1/x"}}}};
    kept.limits.upload_limited = true;
    ASSERT_FALSE(serving.added.keep_settings(hash, kept));
    Remount mount(serving, {.torrents = {}, .published = {}, .urls = {download.url()}});
    mount.start();
    const Roster::Index index = mount.torrents.reports().at(0).index;
    mount.torrents.change(index, {.label = "new"});
    download.let();
    ASSERT_TRUE(Running::becomes([&] { return mount.only().visible(); }));
    kept.label = "new";
    EXPECT_EQ(serving.added.read_settings(hash).value(), kept);
    EXPECT_TRUE(mount.only().paused);
    EXPECT_EQ(mount.only().limits, kept.limits);
    EXPECT_EQ(mount.only().trackers, kept.trackers);
    EXPECT_EQ(mount.only().label, "new");
}

TEST(ServedTorrents, LimitsAreKeptWhereALaterMountNamesTheTorrentToo) {
    Serving serving;
    AddedSources::Source source = Running::source("film");
    source.limits.seed_ratio_mode = LimitMode::own;
    source.limits.seed_ratio = 1.5;
    ASSERT_FALSE(serving.added.keep(source));
    serving.torrents.add({.torrents = {torrent("film")}, .published = {}, .urls = {}});
    serving.engine.start();
    serving.torrents.start();
    ASSERT_TRUE(Running::becomes([&] { return !serving.torrents.takes_up_added(); }));
    const auto reports = serving.torrents.reports();
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].entry.limits, source.limits);
    serving.torrents.change(reports[0].index, {.label = "other"});
    const auto kept = serving.added.read(serving.added.names().at(0));
    EXPECT_EQ(kept->limits, source.limits);
    EXPECT_EQ(kept->label, "other");
}

TEST(ServedTorrents, StaleLinksGoThoughNothingIsShown) {
    Serving serving;
    const auto held = serving.hold(torrent("film"));
    ASSERT_FALSE(serving.added.keep(Running::source("film")));
    const std::filesystem::path root = std::filesystem::canonical(serving.folder.path);
    std::filesystem::create_directories(root / "library" / "tv");
    Library library(root / "library", root / "mnt");
    const std::filesystem::path stale = root / "library" / "tv" / "gone";
    std::filesystem::create_symlink(root / "mnt" / "gone", stale);
    ServedTorrents torrents{{.engine = serving.engine,
                             .cache_dir = serving.cache_dir,
                             .pool = serving.pool,
                             .memory = serving.memory,
                             .data = serving.no_data,
                             .peers = {},
                             .added = &serving.added,
                             .library = &library}};
    serving.engine.start();
    torrents.start();
    EXPECT_TRUE(Running::becomes([&] { return !std::filesystem::is_symlink(stale); }));
}

TEST(ServedTorrents, ATorrentThatIsShownHasItsPinsAndItsLink) {
    Serving serving;
    const std::filesystem::path root = std::filesystem::canonical(serving.folder.path);
    Library library(root / "library", root / "mnt");
    ServedTorrents torrents{{.engine = serving.engine,
                             .cache_dir = serving.cache_dir,
                             .pool = serving.pool,
                             .memory = serving.memory,
                             .data = serving.no_data,
                             .peers = {},
                             .library = &library}};
    serving.engine.start();
    torrents.start();
    std::atomic<bool> is_over = false;
    std::size_t half_done = 0;
    std::thread client([&] {
        while (!is_over)
            for (const TorrentReport& report : torrents.reports())
                if (report.entry.visible() &&
                    (report.entry.library_folder.empty() || !report.entry.all_pinned))
                    ++half_done;
    });
    for (int i = 0; i < 20; ++i) torrents.add_source(Running::source("film " + std::to_string(i), true));
    is_over = true;
    client.join();
    EXPECT_EQ(half_done, 0u);
}

TEST(ServedTorrents, OfTwoSourcesOfOneTorrentOneIsKept) {
    Running running;
    running.torrents.add_source(Running::source("film"));
    const std::string link = "magnet:?xt=urn:btih:" + torrent("film").identity.cache_key();
    const ByteView bytes = as_bytes(link);
    EXPECT_TRUE(running.torrents.add_source({.content = {bytes.begin(), bytes.end()}}).was_there);
    EXPECT_EQ(running.added.names().size(), 1u);
    running.torrents.remove("film");
    EXPECT_THAT(running.added.names(), IsEmpty());
}

TEST(ServedTorrents, AWholeTorrentIsPinnedOnceAndNotAgainAtEachMount) {
    Running running;
    running.torrents.add_source(Running::source("film", true));
    EXPECT_FALSE(running.added.read(running.added.names().at(0))->pinned_whole);
    running.torrents.fetch("film", Fetching::unpinned);
    running.torrents.add_source(Running::source("film", true));
    EXPECT_THAT(running.cache_dir.kept_pins(torrent("film").identity), ElementsAre(FileRange{0, 0}));
    running.torrents.remove("film");
    EXPECT_THAT(running.cache_dir.kept_pins(torrent("film").identity), IsEmpty());
}

TEST(ServedTorrents, FilesThatWereChosenBeforeTheyWereKnownArePinnedByALaterMount) {
    // "a", padding, "b": the second file that is listed is the third of the torrent.
    const std::string info =
        "d5:filesld6:lengthi5e4:pathl1:aeed4:attr1:p6:lengthi16379e4:pathl4:.pad5:16379eed6:lengthi5e4:"
        "pathl1:b"
        "eee4:name6:series12:piece lengthi16384e6:pieces40:" +
        std::string(40, 'x') + "e";
    const Metainfo metainfo = parse_info(as_bytes(info)).value();
    const std::string link = "magnet:?xt=urn:btih:" + metainfo.identity.cache_key();
    const ByteView bytes = as_bytes(link);
    Running first;
    const AddReport report = first.torrents.add_source({.content = {bytes.begin(), bytes.end()}});
    first.torrents.change(report.index, {.pin = {.some = {1}}});
    EXPECT_THAT(first.cache_dir.kept_pins(metainfo.identity), IsEmpty());
    first.torrents.end();
    first.engine.stop();

    const ByteView info_bytes = as_bytes(info);
    ASSERT_FALSE(first.cache_dir.keep_info(metainfo.identity, {info_bytes.begin(), info_bytes.end()}));
    Engine engine{{}};
    ServedTorrents later{{.engine = engine,
                          .cache_dir = first.cache_dir,
                          .pool = first.pool,
                          .memory = first.memory,
                          .data = first.no_data,
                          .peers = {},
                          .added = &first.added}};
    engine.start();
    later.start();
    ASSERT_TRUE(Running::becomes([&] { return later.reports().size() == 1 && !later.takes_up_added(); }));
    EXPECT_THAT(first.cache_dir.kept_pins(metainfo.identity), ElementsAre(FileRange{2, 2}));
    EXPECT_THAT(first.added.read(first.added.names().at(0))->pinned_files, IsEmpty());
}

TEST(ServedTorrents, WhatWasAddedEarlierAndCannotBeServedStaysToBeSeenAndTriedAgain) {
    Running running;
    auto held = running.hold(torrent("film"));
    running.added.keep(Running::source("film"));
    Serving& later = running;
    ServedTorrents torrents{{.engine = later.engine,
                             .cache_dir = later.cache_dir,
                             .pool = later.pool,
                             .memory = later.memory,
                             .data = later.no_data,
                             .peers = {},
                             .added = &later.added}};
    torrents.start();
    ASSERT_TRUE(
        Running::becomes([&] { return torrents.reports().size() == 1 && !torrents.takes_up_added(); }));
    EXPECT_THAT(torrents.reports()[0].entry.problem, HasSubstr("another"));
    held.reset();
    EXPECT_FALSE(torrents.add_source(Running::source("film")).was_there);
    ASSERT_EQ(torrents.reports().size(), 1u);
    EXPECT_TRUE(torrents.reports()[0].entry.visible());
    torrents.remove("film");
    EXPECT_THAT(torrents.reports(), IsEmpty());
    EXPECT_THAT(later.added.names(), IsEmpty());
}

}  // namespace
}  // namespace btfs::cli
