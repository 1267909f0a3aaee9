#include "engine/session/torrent_turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <vector>

namespace btfs {
namespace {

using ::testing::ElementsAre;

struct TorrentTurnsTest : ::testing::Test {
    boost::asio::io_context io;
    std::vector<TorrentHandle> had_turn;
    TorrentTurns turns{io, [this](TorrentHandle torrent) { had_turn.push_back(torrent); }};
};

TEST_F(TorrentTurnsTest, AllHaveTheirsInTheirOrder) {
    for (const TorrentHandle torrent : {0, 1, 2}) turns.add(torrent);
    EXPECT_THAT(had_turn, ElementsAre());
    io.run();
    EXPECT_THAT(had_turn, ElementsAre(0, 1, 2));
}

TEST_F(TorrentTurnsTest, AnotherEventHasItsTurnBetweenTwoTorrents) {
    for (const TorrentHandle torrent : {0, 1, 2}) turns.add(torrent);
    boost::asio::post(io, [this] { had_turn.push_back(99); });
    io.run();
    EXPECT_THAT(had_turn, ElementsAre(0, 99, 1, 2));
}

TEST_F(TorrentTurnsTest, ATorrentInAHurryGoesFirstAndHasOneTurn) {
    for (const TorrentHandle torrent : {0, 1, 2}) turns.add(torrent);
    turns.hurry(2);
    turns.hurry(2);
    io.run();
    EXPECT_THAT(had_turn, ElementsAre(2, 0, 1));
}

TEST_F(TorrentTurnsTest, ATorrentThatIsAddedLaterHasItsTurnToo) {
    turns.add(0);
    turns.hurry(0);
    io.run();
    io.restart();
    turns.add(1);
    io.run();
    EXPECT_THAT(had_turn, ElementsAre(0, 1));
}

TEST_F(TorrentTurnsTest, NoneHasItsTurnAfterTheEnd) {
    for (const TorrentHandle torrent : {0, 1}) turns.add(torrent);
    turns.clear();
    io.run();
    EXPECT_THAT(had_turn, ElementsAre());
}

}  // namespace
}  // namespace btfs
