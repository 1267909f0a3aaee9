#include "engine/swarm/transport_trial.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace btfs {
namespace {

/// Peers that send at given rates over either transport.
struct TransportTrialTest : ::testing::Test {
    struct Sender {
        double tcp = 250e3, utp = 350e3;  ///< bytes a second
        bool takes_utp = true;
        bool is_over_utp = false;
        bool sends_again = true;  ///< once it was moved
        bool sends = true;
        std::uint64_t out_of_order_of_100 = 5;
        Duration queueing{};
        Duration slot_after = 60ms;
        TransportTrial::Sight sight{};
    };

    Sender& add() { return add(Sender{}); }
    Sender& add(const Sender& sender) {
        senders.push_back(sender);
        Sender& added = senders.back();
        added.sight.endpoint = {*Address::parse("198.51.100.1"), static_cast<std::uint16_t>(senders.size())};
        connect(added);
        return added;
    }
    void connect(Sender& sender) {
        const Endpoint endpoint = sender.sight.endpoint;
        sender.sight = {.connection = next_id++,
                        .endpoint = endpoint,
                        .utp = sender.is_over_utp,
                        .connected = now,
                        .unchoked = now + sender.slot_after};
    }
    /// A second passes; what the trial wants is done.
    void second() {
        now += 1s;
        std::vector<TransportTrial::Sight> sights;
        for (Sender& sender : senders) {
            if (!sender.sends) continue;
            TransportTrial::Sight& sight = sender.sight;
            const double rate = sender.is_over_utp ? sender.utp : sender.tcp;
            sight.received +=
                static_cast<std::uint64_t>(rate * std::clamp(seconds(now - sight.unchoked), 0.0, 1.0));
            if (!sender.is_over_utp) {
                sight.reception = {.packets = sight.received / 1448,
                                   .round_trip = 60ms + sender.queueing,
                                   .shortest_round_trip = 60ms};
                sight.reception.out_of_order = sight.reception.packets * sender.out_of_order_of_100 / 100;
            }
            sights.push_back(sight);
        }
        const auto moves = trial.look(sights, reader_waits, now);
        for (Sender& sender : senders) {
            const ConnectionId id = sender.sight.connection;
            if (std::ranges::count(moves.to_utp, id) > 0)
                sender.is_over_utp = sender.takes_utp;
            else if (std::ranges::count(moves.to_tcp, id) > 0)
                sender.is_over_utp = false;
            else
                continue;
            ++moved;
            sender.sends = sender.sends_again;
            connect(sender);
        }
    }
    void pass(int count) {
        for (int i = 0; i < count; ++i) second();
    }
    std::size_t over_utp() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(senders, [](const Sender& s) { return s.is_over_utp; }));
    }

    TransportTrial trial;
    TimePoint now{1h};
    std::deque<Sender> senders;
    ConnectionId next_id = 1;
    bool reader_waits = true;
    std::size_t moved = 0;
};

TEST_F(TransportTrialTest, WhereUtpIsFasterAllAreMovedInTwoSteps) {
    for (int i = 0; i < 8; ++i) add();
    pass(2);
    EXPECT_EQ(over_utp(), 4u);
    EXPECT_FALSE(trial.prefers_utp());
    pass(4);
    EXPECT_EQ(over_utp(), 8u);
    EXPECT_TRUE(trial.prefers_utp());
    pass(300);
    EXPECT_EQ(moved, 8u);
    // Whoever comes later is moved without another trial.
    add();
    pass(4);
    EXPECT_EQ(over_utp(), 9u);
}

TEST_F(TransportTrialTest, WhereUtpIsSlowerThoseThatTriedItComeBack) {
    for (int i = 0; i < 8; ++i) add({.utp = 150e3});
    pass(2);
    EXPECT_EQ(over_utp(), 4u);
    pass(4);
    EXPECT_EQ(over_utp(), 0u);
    pass(500);
    EXPECT_EQ(moved, 8u) << "the verdict stands for ten minutes";
    pass(200);
    EXPECT_GT(moved, 8u);
}

TEST_F(TransportTrialTest, WhereItMakesNoDifferenceNothingIsMovedAnyMore) {
    for (int i = 0; i < 8; ++i) add({.utp = 255e3});
    pass(60);
    EXPECT_EQ(moved, 4u);
    EXPECT_FALSE(trial.prefers_utp());
}

TEST_F(TransportTrialTest, ThatAllBecomeFasterSaysNothingForUtp) {
    for (int i = 0; i < 8; ++i) add();
    pass(2);
    for (Sender& sender : senders) {
        sender.tcp = 2 * 250e3;
        if (sender.is_over_utp) sender.utp = 2 * 250e3;
    }
    pass(10);
    EXPECT_EQ(moved, 4u);
}

TEST_F(TransportTrialTest, APathThatLosesNothingOrIsFullIsLeftAlone) {
    for (int i = 0; i < 4; ++i) add({.out_of_order_of_100 = 1});
    for (int i = 0; i < 4; ++i) add({.queueing = 60ms});
    pass(60);
    EXPECT_EQ(moved, 0u);
}

TEST_F(TransportTrialTest, APathThatWasFullOnceOrFewThatLosePacketsStartNoTrial) {
    for (int i = 0; i < 3; ++i) add({.queueing = 60ms});
    second();
    for (Sender& sender : senders) sender.queueing = {};
    pass(60);
    for (int i = 0; i < 2; ++i) add();
    pass(60);
    EXPECT_EQ(moved, 0u);
}

TEST_F(TransportTrialTest, WithoutAReaderThatWaitsNothingIsTried) {
    for (int i = 0; i < 8; ++i) add();
    reader_waits = false;
    pass(60);
    EXPECT_EQ(moved, 0u);
}

TEST_F(TransportTrialTest, APeerWhoseSlotCameLateKeepsIt) {
    for (int i = 0; i < 8; ++i) add({.slot_after = 9s});
    pass(60);
    EXPECT_EQ(moved, 0u);
}

TEST_F(TransportTrialTest, OneThatDoesNotTakeUtpIsAskedOnce) {
    for (int i = 0; i < 8; ++i) add({.takes_utp = i % 4 != 0});
    pass(30);
    EXPECT_EQ(over_utp(), 6u);
    pass(500);
    EXPECT_EQ(moved, 8u);
}

TEST_F(TransportTrialTest, OneThatDoesNotSendAgainCountsAgainstUtp) {
    for (int i = 0; i < 8; ++i) add({.sends_again = i % 4 != 0});
    pass(20);
    EXPECT_FALSE(trial.prefers_utp());
}

TEST_F(TransportTrialTest, WithNothingToCompareWithThereIsNoVerdictForUtp) {
    for (int i = 0; i < 4; ++i) add();
    pass(2);
    for (Sender& sender : senders) sender.sends = sender.is_over_utp;
    pass(20);
    EXPECT_FALSE(trial.prefers_utp());
    EXPECT_EQ(over_utp(), 2u);
}

TEST_F(TransportTrialTest, PeersThatLeaveEndNoTrialForEver) {
    for (int i = 0; i < 4; ++i) add();
    pass(2);
    senders.clear();
    for (int i = 0; i < 4; ++i) add();
    pass(20);
    EXPECT_EQ(moved, 2u) << "nothing was measured, so nothing is known";
    pass(600);
    EXPECT_EQ(over_utp(), 4u);
}

}  // namespace
}  // namespace btfs
