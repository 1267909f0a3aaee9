#include "cli/rpc/recent_changes.hpp"

#include <gmock/gmock.h>

namespace btfs::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TorrentReport torrent(Roster::Index index) {
    TorrentReport report;
    report.index = index;
    report.status = TorrentStatus{};
    return report;
}

TEST(RecentChanges, ATorrentIsRecentForAMinuteAfterEachChange) {
    RecentChanges changes;
    TimePoint now{};
    std::vector<TorrentReport> all{torrent(0), torrent(1)};
    all[0].entry.shown_ms = all[1].entry.added_ms = 90'000;
    EXPECT_THAT(changes.look(all, now, 100).changed, ElementsAre(0u, 1u)) << "they are new";
    now += 61s;
    EXPECT_THAT(changes.look(all, now, 161).changed, IsEmpty());
    all[1].entry.label = "films";
    EXPECT_THAT(changes.look(all, now, 161).changed, ElementsAre(1u));
    now += 61s;
    all[0].status->downloaded = 5;
    const auto recent = changes.look(all, now, 222);
    EXPECT_THAT(recent.changed, ElementsAre(0u));
    EXPECT_THAT(recent.active_s, ElementsAre(Pair(0u, 222)));
}

TEST(RecentChanges, TorrentsThatWereThereBeforeTheFirstLookAreNotRecent) {
    RecentChanges changes;
    std::vector<TorrentReport> all{torrent(0)};
    EXPECT_THAT(changes.look(all, TimePoint{}, 100).changed, IsEmpty());
    all.push_back(torrent(1));
    EXPECT_THAT(changes.look(all, TimePoint{} + 1s, 101).changed, ElementsAre(1u));
}

TEST(RecentChanges, ATorrentThatIsThereAgainHasNotGone) {
    RecentChanges changes;
    const std::vector<TorrentReport> none, all{torrent(0)};
    changes.look(all, TimePoint{}, 0);
    EXPECT_THAT(changes.look(none, TimePoint{} + 1s, 1).removed, ElementsAre(0u));
    EXPECT_THAT(changes.look(all, TimePoint{} + 2s, 2).removed, IsEmpty());
}

TEST(RecentChanges, ThoseThatHaveGoneAreNamedForAMinute) {
    RecentChanges changes;
    std::vector<TorrentReport> all{torrent(0), torrent(1)};
    changes.look(all, TimePoint{}, 0);
    all.erase(all.begin());
    EXPECT_THAT(changes.look(all, TimePoint{} + 5s, 5).removed, ElementsAre(0u));
    EXPECT_THAT(changes.look(all, TimePoint{} + 60s, 60).removed, ElementsAre(0u));
    EXPECT_THAT(changes.look(all, TimePoint{} + 66s, 66).removed, IsEmpty());
}

}  // namespace
}  // namespace btfs::cli
