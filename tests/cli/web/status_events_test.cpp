#include "cli/web/status_events.hpp"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace btfs::cli {
namespace {

using boost::json::value;
using testing::ElementsAre;
using testing::IsEmpty;

TorrentReport torrent(Roster::Index index, const std::string& hash, std::size_t peers = 0) {
    TorrentStatus status;
    status.peers = peers;
    return {.entry = {.name = "name of " + hash, .info_hash = hash}, .status = status, .index = index};
}

struct StatusEventsTest : ::testing::Test {
    /// Returns the data of the next event.
    value next(std::vector<TorrentReport> torrents) {
        const std::string event = events.next({.torrents = std::move(torrents), .readers = {}, .proxy = ""});
        constexpr std::string_view kHead = "event: status\ndata: ";
        EXPECT_TRUE(event.starts_with(kHead) && event.ends_with("\n\n")) << event;
        return boost::json::parse(event.substr(kHead.size()));
    }
    static std::vector<std::string> keys(const value& event) {
        std::vector<std::string> keys;
        for (const value& each : event.at("torrents").as_array())
            keys.emplace_back(each.at("key").as_string());
        return keys;
    }
    static std::vector<std::string> gone(const value& event) {
        return boost::json::value_to<std::vector<std::string>>(event.at("gone"));
    }

    StatusEvents events;
};

TEST_F(StatusEventsTest, TellsAllOnceAndThenWhatHasChanged) {
    const value first = next({torrent(1, "aa"), torrent(2, "bb")});
    EXPECT_EQ(first.at("all"), true);
    EXPECT_THAT(keys(first), ElementsAre("aa", "bb"));
    const value second = next({torrent(1, "aa"), torrent(2, "bb", 3)});
    EXPECT_EQ(second.at("all"), false);
    EXPECT_THAT(keys(second), ElementsAre("bb"));
    EXPECT_EQ(second.at("torrents").at(0).at("peers"), 3);
    EXPECT_THAT(keys(next({torrent(1, "aa"), torrent(2, "bb", 3)})), IsEmpty());
}

TEST_F(StatusEventsTest, TellsOfATorrentThatHasGoneOnce) {
    next({torrent(1, "aa"), torrent(2, "bb")});
    EXPECT_THAT(gone(next({torrent(2, "bb")})), ElementsAre("aa"));
    EXPECT_THAT(gone(next({torrent(2, "bb")})), IsEmpty());
}

TEST_F(StatusEventsTest, AKeyThatAnotherTorrentHasTakenOverHasNotGone) {
    next({torrent(1, "aa")});
    const value event = next({torrent(5, "aa")});
    EXPECT_THAT(gone(event), IsEmpty());
    EXPECT_THAT(keys(event), ElementsAre("aa"));
}

TEST_F(StatusEventsTest, ATorrentWhoseInfoHashBecomesKnownChangesItsKey) {
    TorrentReport unknown{.entry = {.name = "x", .url = "http://x/y"}, .status = {}, .index = 1};
    EXPECT_THAT(keys(next({unknown})), ElementsAre("id:2"));
    const value event = next({torrent(1, "aa")});
    EXPECT_THAT(gone(event), ElementsAre("id:2"));
    EXPECT_THAT(keys(event), ElementsAre("aa"));
}

TEST_F(StatusEventsTest, TorrentsOfOneUrlWithoutItsQueryHaveKeysOfTheirOwn) {
    const auto failed = [](Roster::Index index) {
        return TorrentReport{.entry = {.name = "http://x/dl", .url = "http://x/dl", .problem = "404"},
                             .status = {},
                             .index = index};
    };
    EXPECT_THAT(keys(next({failed(1), failed(2)})), ElementsAre("id:2", "id:3"));
    EXPECT_THAT(gone(next({failed(2)})), ElementsAre("id:2"));
}

TEST_F(StatusEventsTest, OneThatGoesWhileAnotherComesIsTold) {
    next({torrent(1, "aa"), torrent(2, "bb")});
    const value event = next({torrent(2, "bb"), torrent(3, "cc")});
    EXPECT_THAT(gone(event), ElementsAre("aa"));
    EXPECT_THAT(keys(event), ElementsAre("cc"));
}

}  // namespace
}  // namespace btfs::cli
