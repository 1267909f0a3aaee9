#include "engine/session/start_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <vector>

namespace btfs {
namespace {

using testing::ElementsAre;

struct StartQueueTest : ::testing::Test {
    boost::asio::io_context io;
    std::vector<TorrentHandle> started;
    StartQueue queue{io, [this](TorrentHandle torrent) { started.push_back(torrent); }};
};

TEST_F(StartQueueTest, StartsAllInTheirOrder) {
    for (const TorrentHandle torrent : {0, 1, 2}) queue.add(torrent);
    EXPECT_THAT(started, ElementsAre());
    io.run();
    EXPECT_THAT(started, ElementsAre(0, 1, 2));
}

TEST_F(StartQueueTest, AnotherEventHasItsTurnBetweenTwoTorrents) {
    for (const TorrentHandle torrent : {0, 1, 2}) queue.add(torrent);
    boost::asio::post(io, [this] { started.push_back(99); });
    io.run();
    EXPECT_THAT(started, ElementsAre(0, 99, 1, 2));
}

TEST_F(StartQueueTest, ATorrentThatIsReadGoesFirstAndIsStartedOnce) {
    for (const TorrentHandle torrent : {0, 1, 2}) queue.add(torrent);
    queue.start_now(2);
    queue.start_now(2);
    io.run();
    EXPECT_THAT(started, ElementsAre(2, 0, 1));
}

TEST_F(StartQueueTest, ATorrentThatIsAddedLaterIsStartedToo) {
    queue.add(0);
    queue.start_now(0);
    io.run();
    io.restart();
    queue.add(1);
    io.run();
    EXPECT_THAT(started, ElementsAre(0, 1));
}

TEST_F(StartQueueTest, NoneIsStartedAfterTheEnd) {
    for (const TorrentHandle torrent : {0, 1}) queue.add(torrent);
    queue.clear();
    io.run();
    EXPECT_THAT(started, ElementsAre());
}

}  // namespace
}  // namespace btfs
