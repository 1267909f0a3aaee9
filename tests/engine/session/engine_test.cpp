#include "engine/session/engine.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>

#include "tests/support/memory_storage.hpp"
#include "tests/support/torrent_files.hpp"

namespace btfs {
namespace {

using namespace std::chrono_literals;

EngineOptions on_this_machine() {
    EngineOptions options;
    options.lsd = false;
    options.background = true;
    return options;
}

/// Two engines on this machine, a seeder and one that fetches from it.
struct EngineTest : ::testing::Test {
    const Layout layout = test::layout_of(test::file_list({{"film", 8 * kBlockSize}}), kBlockSize);
    const std::vector<std::byte> content = testing::make_content(layout.total_size());
    Engine seeder{on_this_machine()}, leecher{on_this_machine()};

    EngineTest() {
        EXPECT_TRUE(seeder.open() && leecher.open());
        seeder.start();
        leecher.start();
    }
    ~EngineTest() override {
        leecher.stop();
        seeder.stop();
    }

    std::unique_ptr<testing::MemoryStorage> store(bool full) const {
        return std::make_unique<testing::MemoryStorage>(layout, content, full,
                                                        [](const auto& event) { event(); });
    }
    TorrentSpec spec(std::string_view name, Storage& storage) const {
        TorrentSpec spec;
        spec.name = name;
        spec.identity.v1 = sha1(as_bytes(name));
        spec.content.emplace(KnownContent{layout, storage});
        return spec;
    }
    TorrentSpec spec_with_seeder(std::string_view name, Storage& storage) const {
        TorrentSpec with = spec(name, storage);
        with.peers = {{"127.0.0.1", seeder.port()}};
        return with;
    }

    static std::optional<TorrentStatus> status(Engine& engine, TorrentHandle torrent) {
        std::promise<std::optional<TorrentStatus>> answer;
        engine.ask_status([&](const TorrentStatuses& all) {
            const TorrentStatus* const found = all.find(torrent);
            answer.set_value(found ? std::optional(*found) : std::nullopt);
        });
        return answer.get_future().get();
    }
    static void remove(Engine& engine, TorrentHandle torrent) {
        std::promise<void> removed;
        engine.remove(torrent, [&] { removed.set_value(); });
        removed.get_future().get();
    }
    /// Waits until the status is as it should be, ten seconds at most.
    template <class Wanted>
    static bool becomes(Engine& engine, TorrentHandle torrent, Wanted wanted) {
        for (int i = 0; i < 1000; ++i, std::this_thread::sleep_for(10ms))
            if (const auto now = status(engine, torrent); now && wanted(*now)) return true;
        return false;
    }
    static bool is_complete(const TorrentStatus& status) {
        return status.content && status.content->left == 0;
    }
};

TEST_F(EngineTest, WhatIsRemovedIsClosedAndTheOthersGoOn) {
    auto seeded = store(true), seeded_other = store(true), fetched = store(false),
         fetched_other = store(false);
    const TorrentHandle removed = seeder.add(spec("removed", *seeded));
    const TorrentHandle other = seeder.add(spec("other", *seeded_other));
    const TorrentHandle of_removed = leecher.add(spec_with_seeder("removed", *fetched));
    ASSERT_TRUE(becomes(leecher, of_removed, is_complete));

    remove(seeder, removed);
    seeded.reset();  // which the engine does not use any more
    EXPECT_FALSE(status(seeder, removed));
    EXPECT_TRUE(status(seeder, other));
    EXPECT_TRUE(becomes(leecher, of_removed, [](const TorrentStatus& now) { return now.peers == 0; }));

    const auto totals = [&] {
        std::promise<TransferTotals> answer;
        leecher.ask_status([&](const TorrentStatuses& all) { answer.set_value(all.totals); });
        return answer.get_future().get();
    };
    EXPECT_EQ(totals().received.sum(), layout.total_size());
    const TorrentHandle of_other = leecher.add(spec_with_seeder("other", *fetched_other));
    EXPECT_TRUE(becomes(leecher, of_other, is_complete));
    remove(leecher, of_removed);
    remove(leecher, of_other);
    EXPECT_EQ(totals().received.sum(), 2 * layout.total_size()) << "removed ones count";
    remove(seeder, other);
}

TEST_F(EngineTest, AfterItsRemovalATorrentIsAddedAsANewOne) {
    auto seeded = store(true), again = store(true), fetched = store(false);
    const TorrentHandle first = seeder.add(spec("film", *seeded));
    remove(seeder, first);
    seeded.reset();
    const TorrentHandle second = seeder.add(spec("film", *again));
    EXPECT_NE(first, second);
    const TorrentHandle of_film = leecher.add(spec_with_seeder("film", *fetched));
    EXPECT_TRUE(becomes(leecher, of_film, is_complete));
    remove(leecher, of_film);
    remove(seeder, second);
}

TEST_F(EngineTest, WhatIsSaidOfARemovedTorrentIsIgnored) {
    auto seeded = store(true);
    const TorrentHandle torrent = seeder.add(spec("film", *seeded));
    seeder.set_demand(torrent, 1, {.blocked = {ByteRange{0, 1}}, .window = {}});
    remove(seeder, torrent);
    remove(seeder, torrent);
    seeder.set_demand(torrent, 1, {.blocked = {ByteRange{0, 1}}, .window = {}});
    seeder.drop_reader(torrent, 1);
    seeder.set_pinned(torrent, Bitfield(layout.piece_count()));
    seeder.provide(torrent, {layout, *seeded});
    seeder.set_ip_filter(nullptr);
    EXPECT_FALSE(status(seeder, torrent));
}

TEST_F(EngineTest, APausedTorrentIsFetchedOnceItGoesOn) {
    auto seeded = store(true), seeded_other = store(true), fetched = store(false),
         fetched_other = store(false);
    const TorrentHandle of_seeder = seeder.add(spec("film", *seeded));
    const TorrentHandle other_of_seeder = seeder.add(spec("other", *seeded_other));
    TorrentSpec paused = spec_with_seeder("film", *fetched);
    paused.paused = true;
    const TorrentHandle torrent = leecher.add(std::move(paused));
    const TorrentHandle other = leecher.add(spec_with_seeder("other", *fetched_other));
    ASSERT_TRUE(becomes(leecher, other, is_complete));
    ASSERT_TRUE(status(leecher, torrent)->paused);
    EXPECT_EQ(status(leecher, torrent)->peers, 0u);
    EXPECT_EQ(status(leecher, torrent)->downloaded, 0u);
    leecher.set_paused(torrent, false);
    EXPECT_TRUE(becomes(leecher, torrent, is_complete));
    seeder.set_paused(of_seeder, true);
    EXPECT_TRUE(becomes(leecher, torrent, [](const TorrentStatus& now) { return now.peers == 0; }));
    for (const TorrentHandle each : {torrent, other}) remove(leecher, each);
    for (const TorrentHandle each : {of_seeder, other_of_seeder}) remove(seeder, each);
}

/// The tracker does not answer: its torrent is gone nevertheless, and the engine ends.
TEST_F(EngineTest, ATorrentLeavesWhileItsTrackerIsSilent) {
    auto seeded = store(true);
    TorrentSpec announced = spec("film", *seeded);
    announced.trackers = {{"udp://127.0.0.1:9/announce"}};
    const TorrentHandle torrent = seeder.add(std::move(announced));
    EXPECT_TRUE(status(seeder, torrent));
    remove(seeder, torrent);
    seeded.reset();
    EXPECT_FALSE(status(seeder, torrent));
}

}  // namespace
}  // namespace btfs
