#include "engine/session/named_peers.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

namespace btfs {
namespace {

TEST(NameSchedule, IsLookedUpAgainAfterAFailureLaterAndLater) {
    TimePoint now{1h};
    NameSchedule schedule(now);
    EXPECT_EQ(schedule.due(), now);
    schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + NameSchedule::kFirstRetry);
    schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + 2 * NameSchedule::kFirstRetry);
    for (int i = 0; i < 100; ++i) schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + NameSchedule::kLongestRetry);
}

TEST(NameSchedule, WhatWasFoundIsRefreshedAndForgivesFailures) {
    TimePoint now{1h};
    NameSchedule schedule(now);
    for (int i = 0; i < 5; ++i) schedule.handle_failure(now);
    schedule.handle_found(now);
    EXPECT_EQ(schedule.due(), now + NameSchedule::kRefresh);
    schedule.handle_failure(now);
    EXPECT_EQ(schedule.due(), now + NameSchedule::kFirstRetry);
}

TEST(NameSchedule, InAnotherNetworkItIsLookedUpAtOnce) {
    TimePoint now{1h};
    NameSchedule schedule(now);
    for (int i = 0; i < 5; ++i) schedule.handle_failure(now);
    schedule.handle_network_change(now);
    EXPECT_EQ(schedule.due(), now);
}

struct NamedPeersTest : ::testing::Test {
    boost::asio::io_context io;
    net::Connector connector{io};
    NamedPeers peers{connector};
    std::vector<Endpoint> found;

    NamedPeers::OnFound take() {
        return
            [this](std::span<const Endpoint> some) { found.insert(found.end(), some.begin(), some.end()); };
    }
};

TEST_F(NamedPeersTest, AnAddressIsTakenAsItIs) {
    peers.add(0, {"192.0.2.1", 6881}, take());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].text(), "192.0.2.1:6881");
}

TEST_F(NamedPeersTest, WhatWasFoundIsToldAgainOnRequest) {
    peers.add(0, {"192.0.2.1", 6881}, take());
    peers.add(0, {"192.0.2.2", 6881}, take());
    peers.tell_again();
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[3].text(), "192.0.2.2:6881");
    peers.stop();
    peers.tell_again();
    EXPECT_EQ(found.size(), 4u);
}

TEST_F(NamedPeersTest, OfARemovedTorrentNothingIsToldAnyMore) {
    peers.add(0, {"192.0.2.1", 6881}, take());
    peers.add(1, {"192.0.2.2", 6881}, take());
    peers.add(0, {"localhost", 6881}, take());  // whose look-up is under way
    found.clear();
    peers.remove(0);
    io.run_for(100ms);
    peers.tell_again();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].text(), "192.0.2.2:6881");
}

TEST_F(NamedPeersTest, ANameIsLookedUpAndAgainWhenTheNetworkChanges) {
    peers.add(0, {"localhost", 6881}, take());
    for (int i = 0; i < 100 && found.empty(); ++i) io.run_one_for(50ms);
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(found[0].address.is_loopback());
    found.clear();
    io.restart();
    peers.handle_network_change();
    for (int i = 0; i < 100 && found.empty(); ++i) io.run_one_for(50ms);
    EXPECT_FALSE(found.empty());
    peers.stop();
    io.restart();
    io.run_for(50ms);
}

}  // namespace
}  // namespace btfs
