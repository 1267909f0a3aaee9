// Opening, closing, resets, time-outs, and packets that strangers forge.
#include "engine/utp/connections.hpp"

#include <gtest/gtest.h>

#include "tests/engine/utp/support/virtual_link.hpp"

namespace btfs::utp {
namespace {

const Endpoint kStranger = *Endpoint::parse("203.0.113.9:999");

struct ConnectionsTest : ::testing::Test {
    World world;
    void connect(Pair& pair) {
        pair.from.to_send = 10;
        ASSERT_TRUE(world.run(5s, [&] { return pair.to.received == 10; }));
    }
};

Bytes packet(PacketHeader header, std::size_t content = 0) {
    Bytes raw = header.encode();
    raw.resize(raw.size() + content);
    return raw;
}

TEST_F(ConnectionsTest, AConnectionIsAnnouncedWithItsFirstContent) {
    Pair pair(world);
    ASSERT_TRUE(world.run(1s, [&] { return pair.from.connected; }));
    world.run(1s);
    EXPECT_FALSE(pair.accepted);
    EXPECT_EQ(world.b.connections.size(), 0u);
    pair.from.send_more(1);
    world.run(1s);
    EXPECT_TRUE(pair.accepted);
    EXPECT_EQ(pair.to.received, 1u);
}

TEST_F(ConnectionsTest, AllButASynLeavesFromTheAddressThatThePeerSendsTo) {
    Pair pair(world);
    ASSERT_TRUE(world.run(1us, [&] { return world.a.datagrams_sent == 1; }));
    EXPECT_EQ(world.a.sources, std::set<Address>{Address()}) << "nobody has sent to it yet";
    world.a.sources.clear();
    connect(pair);
    PacketHeader nobodys;
    nobodys.type = PacketType::data;
    nobodys.connection_id = 77;
    world.inject(world.b, kStranger, packet(nobodys, 100));  // which a reset answers
    pair.to.send_more(5000);
    pair.from.send_more(5000);
    world.run(1s);
    EXPECT_EQ(world.a.sources, std::set<Address>{world.a.self.address});
    EXPECT_EQ(world.b.sources, std::set<Address>{world.b.self.address});
    EXPECT_EQ(pair.from.connection->local(), world.a.self.address);
    EXPECT_EQ(pair.to.connection->local(), world.b.self.address);
}

TEST_F(ConnectionsTest, KnowsItsRoundTrip) {
    Pair pair(world);
    connect(pair);
    world.run(1s);
    EXPECT_NEAR(seconds(pair.from.connection->round_trip().shortest()), 0.02, 0.001);
}

TEST_F(ConnectionsTest, WhenTheFirstContentIsLostTheSecondOpensTheConnection) {
    int content = 0;
    world.a.tap = [&](const Packet& p, std::size_t) {
        return p.header.type != PacketType::data || ++content != 1;
    };
    Pair pair(world);
    pair.from.to_send = 5000;
    EXPECT_TRUE(world.run(5s, [&] { return pair.to.received == 5000; }));
    EXPECT_FALSE(pair.to.wrong);
}

TEST_F(ConnectionsTest, WhereNobodyAnswersADialFailsAfterFifteenSeconds) {
    world.a_to_b.loss = 1;
    Pair pair(world);
    EXPECT_FALSE(world.run(14s, [&] { return bool(pair.from.connect_error); }));
    EXPECT_TRUE(world.run(2s, [&] { return bool(pair.from.connect_error); }));
    EXPECT_EQ(world.a.datagrams_sent, 4u);
}

TEST_F(ConnectionsTest, OneThatIsRefusedFailsAtOnce) {
    Pair pair(world);
    world.b.connections.set_accept(nullptr);
    EXPECT_TRUE(world.run(100ms, [&] { return bool(pair.from.connect_error); }));
    EXPECT_EQ(pair.from.connect_error, boost::system::errc::connection_refused);
}

TEST_F(ConnectionsTest, OneThatIsUnreachableFailsAtOnce) {
    world.a_to_b.loss = 1;
    Pair pair(world);
    world.run(10ms);
    world.a.connections.handle_unreachable(world.b.self);
    EXPECT_TRUE(world.run(1ms, [&] { return bool(pair.from.connect_error); }));
}

// A NAT that has not seen a packet to us yet may say so with ICMP.
TEST_F(ConnectionsTest, OneThatPunchesThroughANatGoesOnThoughThatIsUnreachable) {
    world.a_to_b.loss = 1;
    App app;
    auto dialled = world.a.connections.connect(world.b.self, app, world.now, true);
    ASSERT_TRUE(dialled);
    app.connection = *dialled;
    world.run(10ms);
    world.a.connections.handle_unreachable(world.b.self);
    world.run(500ms);
    EXPECT_FALSE(app.connect_error);
    world.a_to_b.loss = 0;
    world.b.connections.set_accept([](Connection& connection) { connection.release(); });
    EXPECT_TRUE(world.run(2s, [&] { return app.connected; })) << "the second SYN";
}

TEST_F(ConnectionsTest, TwoThatDialEachOtherAtOnceGetTwoConnections) {
    App ours, theirs, taken_here, taken_there;
    world.a.connections.set_accept([&](Connection& connection) { taken_here.use(connection); });
    world.b.connections.set_accept([&](Connection& connection) { taken_there.use(connection); });
    ours.connection = *world.a.connections.connect(world.b.self, ours, world.now, true);
    theirs.connection = *world.b.connections.connect(world.a.self, theirs, world.now, true);
    ours.to_send = theirs.to_send = 10'000;
    EXPECT_TRUE(
        world.run(5s, [&] { return taken_here.received == 10'000 && taken_there.received == 10'000; }));
    EXPECT_FALSE(taken_here.wrong || taken_there.wrong);
    EXPECT_EQ(world.a.connections.size(), 2u);
}

TEST_F(ConnectionsTest, IdleOnesAreKeptAliveAndCostNothingElse) {
    Pair pair(world);
    connect(pair);
    world.run(1s);
    const auto before = world.a.datagrams_sent;
    world.run(10min);
    EXPECT_NEAR(static_cast<double>(world.a.datagrams_sent - before), 600 / 29.0, 2);
    pair.from.send_more(100'000);
    EXPECT_TRUE(world.run(5s, [&] { return pair.to.received == 100'010; }));
}

// ---- the end of a stream ----

TEST_F(ConnectionsTest, WhatWasWrittenBeforeTheEndArrives) {
    world.a_to_b.loss = 0.1;
    Pair pair(world);
    pair.from.to_send = 300'000;
    pair.from.closes_when_sent = true;
    EXPECT_TRUE(world.run(30s, [&] { return bool(pair.to.read_error); }));
    EXPECT_EQ(pair.to.received, 300'000u);
    EXPECT_FALSE(pair.to.wrong);
    EXPECT_EQ(pair.to.read_error, Errc::connection_closed);
    world.run(5s);
    EXPECT_EQ(world.a.connections.size(), 0u);
    pair.to.close();
    world.run(15s);
    EXPECT_EQ(world.b.connections.size(), 0u);
}

TEST_F(ConnectionsTest, AfterTheirEndOursIsStillSent) {
    Pair pair(world);
    connect(pair);
    pair.to.send_more(200'000);
    world.run(1ms);
    pair.to.closes_when_sent = true;
    EXPECT_TRUE(world.run(30s, [&] { return bool(pair.from.read_error); }));
    EXPECT_EQ(pair.from.received, 200'000u);
    pair.from.close();
    world.run(1s);
    EXPECT_EQ(world.a.connections.size(), 0u);
    EXPECT_EQ(world.b.connections.size(), 0u);
}

TEST_F(ConnectionsTest, BothMayCloseAtOnce) {
    Pair pair(world);
    connect(pair);
    pair.from.close();
    pair.to.close();
    world.run(3s);
    EXPECT_EQ(world.a.connections.size(), 0u);
    EXPECT_EQ(world.b.connections.size(), 0u);
}

TEST_F(ConnectionsTest, OneThatIsReleasedWhileItConnectsIsGone) {
    Pair pair(world);
    pair.from.close();
    world.run(1s);
    EXPECT_EQ(world.a.connections.size(), 0u);
}

TEST_F(ConnectionsTest, ReleasedOnesDoNotLingerForever) {
    Pair pair(world);
    connect(pair);
    world.a_to_b.loss = 1;
    pair.from.send_more(100'000);
    pair.from.close();
    world.run(11s);
    EXPECT_EQ(world.a.connections.size(), 0u);
}

TEST_F(ConnectionsTest, ContentForOneThatHasGoneIsAnsweredWithAReset) {
    Pair pair(world);
    connect(pair);
    pair.to.close();
    world.run(1s);
    ASSERT_EQ(world.b.connections.size(), 0u);
    pair.from.send_more(100);
    EXPECT_TRUE(world.run(1s, [&] { return bool(pair.from.read_error); }));
}

// ---- time-outs ----

TEST_F(ConnectionsTest, OneWhosePeerVanishedFailsAfterHalfAMinute) {
    Pair pair(world);
    connect(pair);
    world.a_to_b.loss = world.b_to_a.loss = 1;
    pair.from.send_more(100'000);
    EXPECT_FALSE(world.run(29s, [&] { return bool(pair.from.read_error); }));
    EXPECT_TRUE(world.run(20s, [&] { return bool(pair.from.read_error); }));
}

TEST_F(ConnectionsTest, AfterAnOutageItGoesOn) {
    Pair pair(world);
    connect(pair);
    pair.from.send_more(100'000'000);
    world.run(100ms);
    world.a_to_b.loss = 1;
    world.run(8s);
    world.a_to_b.loss = 0;
    const auto before = pair.to.received;
    EXPECT_TRUE(world.run(10s, [&] { return pair.to.received > before + 1'000'000; }));
    EXPECT_FALSE(pair.to.wrong);
}

TEST_F(ConnectionsTest, TheLossOfTheLastPacketIsNoticedWithoutATimeOut) {
    Pair pair(world);
    connect(pair);
    pair.from.send_more(10'000);
    ASSERT_TRUE(world.run(1s, [&] { return pair.to.received == 10'010; }));
    bool dropped = false;
    world.a.tap = [&](const Packet& p, std::size_t) {
        return p.header.type != PacketType::data || std::exchange(dropped, true);
    };
    const TimePoint began = world.now;
    pair.from.send_more(100);
    ASSERT_TRUE(world.run(2s, [&] { return pair.to.received == 10'110; }));
    EXPECT_LT(seconds(world.now - began), 0.2);
}

// ---- windows ----

TEST_F(ConnectionsTest, AReaderThatStopsStopsTheSenderAndMayGoOn) {
    Pair pair(world);
    pair.to.reads = false;
    pair.from.to_send = 20'000'000;
    world.run(25s);
    EXPECT_LE(world.b.connections.budget().used(), ReceiveQueue::kMost + 2000);
    EXPECT_GT(world.b.connections.budget().used(), ReceiveQueue::kMost / 2);
    world.run(5min);  // the window stays closed, which is no failure
    EXPECT_FALSE(pair.from.read_error);
    pair.to.reads = true;
    pair.to.on_readable();
    const TimePoint began = world.now;
    EXPECT_TRUE(world.run(60s, [&] { return pair.to.received == 20'000'000; }));
    EXPECT_FALSE(pair.to.wrong);
    EXPECT_LT(seconds(world.now - began), 15);
}

TEST_F(ConnectionsTest, ASmallWindowThatNothingWaitsForSetsNoTimer) {
    PacketHeader last;
    world.b.tap = [&](const Packet& p, std::size_t) {
        last = p.header;
        return true;
    };
    Pair pair(world);
    connect(pair);
    world.run(1s);
    world.b.tap = [](const Packet&, std::size_t) { return false; };
    const auto say = [&](std::uint32_t window) {
        last.type = PacketType::state;
        last.window_size = window;
        world.inject(world.a, world.b.self, last.encode());
        world.run(50ms);
    };
    say(0);
    pair.from.send_more(100);
    world.run(50ms);
    say(1000);  // it fits
    ++last.ack_number;
    say(1000);
    world.run(1s);
    EXPECT_GT(world.a.connections.next_timeout(), world.a.local(world.now));
}

TEST_F(ConnectionsTest, AWindowThatOpensWhileTheUpdateIsLostIsFound) {
    Pair pair(world);
    pair.to.reads = false;
    pair.from.to_send = 10'000'000;
    world.run(20s);
    world.b_to_a.loss = 1;
    pair.to.reads = true;
    pair.to.on_readable();
    world.run(1s);
    world.b_to_a.loss = 0;
    EXPECT_TRUE(world.run(60s, [&] { return pair.to.received == 10'000'000; }));
}

TEST_F(ConnectionsTest, MemoryOfAllIsBounded) {
    World small(1, {}, {.max_connections = 100, .memory = 1'000'000});
    std::vector<std::unique_ptr<App>> senders, receivers;
    small.b.connections.set_accept([&](Connection& c) {
        receivers.push_back(std::make_unique<App>());
        receivers.back()->reads = false;
        receivers.back()->use(c);
    });
    for (int i = 0; i < 20; ++i) {
        senders.push_back(std::make_unique<App>());
        senders.back()->to_send = 1'000'000;
        senders.back()->connection =
            *small.a.connections.connect(small.b.self, *senders.back(), small.a.local(small.now));
    }
    std::size_t most_a = 0, most_b = 0;
    small.run(20s, [&] {
        most_a = std::max(most_a, small.a.connections.budget().used());
        most_b = std::max(most_b, small.b.connections.budget().used());
        return false;
    });
    EXPECT_EQ(receivers.size(), 20u);
    EXPECT_LE(most_a, 1'000'000 + 20 * 64 * 1024);
    EXPECT_LE(most_b, 1'000'000 + 20 * ReceiveQueue::kGuaranteed);
    for (auto& receiver : receivers) {
        receiver->reads = true;
        receiver->on_readable();
    }
    EXPECT_TRUE(small.run(120s, [&] {
        return std::ranges::all_of(receivers, [](auto& r) { return r->received == 1'000'000; });
    }));
    EXPECT_FALSE(std::ranges::any_of(receivers, [](auto& r) { return r->wrong; }));
}

TEST_F(ConnectionsTest, AFullSocketIsNoLoss) {
    Pair pair(world);
    pair.from.to_send = 100'000;
    connect(pair);
    pair.from.send_more(1'000'000);
    world.a.room = 0;
    world.run(300ms);
    const auto stuck = pair.to.received;
    EXPECT_LT(stuck, 900'000u);
    world.a.room = 1;
    world.a.connections.handle_writable(world.a.local(world.now));
    EXPECT_TRUE(world.run(10s, [&] { return pair.to.received == pair.from.to_send; }));
    EXPECT_LT(world.a.bytes_sent, 1.05 * 1'100'000);
}

// ---- strangers ----

TEST_F(ConnectionsTest, AFloodOfSynsLeavesNothingBehindAndIsNotAmplified) {
    std::uint64_t answered = 0, sent = 0;
    world.elsewhere = [&](const Endpoint&, const Bytes& datagram) { answered += datagram.size(); };
    world.b.connections.set_accept([](Connection&) { FAIL(); });
    for (int i = 0; i < 100'000; ++i) {
        const Bytes syn = PacketHeader{.type = PacketType::syn,
                                       .connection_id = static_cast<std::uint16_t>(i),
                                       .sequence_number = static_cast<std::uint16_t>(i * 7)}
                              .encode();
        sent += syn.size();
        world.inject(world.b, Endpoint{*Address::parse("203.0.113.7"), static_cast<std::uint16_t>(i >> 8)},
                     syn);
    }
    EXPECT_EQ(world.b.connections.size(), 0u);
    EXPECT_EQ(world.b.connections.budget().used(), 0u);
    EXPECT_LE(answered, sent);
    EXPECT_GT(answered, 0u);
    Pair pair(world);
    connect(pair);
}

TEST_F(ConnectionsTest, ContentFromOneWhoDidNotGetOurAnswerOpensNothing) {
    bool accepted = false;
    world.b.connections.set_accept([&](Connection& c) {
        accepted = true;
        c.release();
    });
    int opened = 0;
    for (int i = 0; i < 4000; ++i) {
        world.inject(world.b, kStranger,
                     packet({.type = PacketType::syn, .connection_id = 5, .sequence_number = 1}));
        world.inject(
            world.b, kStranger,
            packet({.connection_id = 6, .sequence_number = 2, .ack_number = static_cast<std::uint16_t>(i)},
                   100));
        opened += std::exchange(accepted, false);
    }
    EXPECT_LE(opened, 2);  // of 65,536 numbers few are right
}

TEST_F(ConnectionsTest, WhoWasToldOfAConnectionsEndCannotReplayItsBeginning) {
    std::vector<Bytes> heard;
    int accepts = 0;
    Pair pair(world);
    world.b.connections.set_accept([&](Connection& c) {
        ++accepts;
        pair.to.use(c);
    });
    world.a.tap = [&](const Packet& p, std::size_t) {
        Bytes raw = p.header.encode();
        raw.insert(raw.end(), p.payload.begin(), p.payload.end());
        heard.push_back(raw);
        return true;
    };
    connect(pair);
    pair.to.close();
    pair.from.close();
    world.run(2s);
    ASSERT_EQ(world.b.connections.size(), 0u);
    for (const Bytes& datagram : heard) world.inject(world.b, world.a.self, datagram);
    world.run(1s);
    EXPECT_EQ(accepts, 1);
    EXPECT_EQ(world.b.connections.size(), 0u);
}

TEST_F(ConnectionsTest, ReplaysOfAConnectionsOwnPacketsChangeNothing) {
    Pair pair(world);
    world.a_to_b.duplicate = world.b_to_a.duplicate = 1;
    pair.from.to_send = 1'000'000;
    EXPECT_TRUE(world.run(30s, [&] { return pair.to.received == 1'000'000; }));
    EXPECT_FALSE(pair.to.wrong);
    EXPECT_LT(world.a.bytes_sent, 1'100'000u);
}

TEST_F(ConnectionsTest, AcknowledgementsOfWhatWasNeverSentAreNotBelieved) {
    PacketHeader last;
    world.b.tap = [&](const Packet& p, std::size_t) {
        last = p.header;
        return true;
    };
    Pair pair(world);
    connect(pair);
    world.run(1s);
    const auto shortest = pair.from.connection->congestion_window().bytes();
    for (int i = 1; i < 5000; ++i) {
        PacketHeader forged = last;
        forged.type = PacketType::state;
        forged.ack_number = static_cast<std::uint16_t>(last.ack_number + i);
        forged.window_size = 0;
        world.inject(world.a, world.b.self, forged.encode());
    }
    EXPECT_EQ(pair.from.connection->congestion_window().bytes(), shortest);
    pair.from.send_more(1'000'000);
    EXPECT_TRUE(world.run(30s, [&] { return pair.to.received == 1'000'010; }));
    EXPECT_FALSE(pair.to.wrong);
}

TEST_F(ConnectionsTest, AResetEndsAConnectionWhicheverOfItsIdsItNames) {
    for (const int step : {0, 1}) {
        World w;
        Pair pair(w);
        pair.from.to_send = 10;
        PacketHeader last;
        w.b.tap = [&](const Packet& p, std::size_t) {
            last = p.header;
            return true;
        };
        ASSERT_TRUE(w.run(5s, [&] { return pair.to.received == 10; }));
        w.run(1s);
        w.inject(w.a, w.b.self,
                 packet({.type = PacketType::reset,
                         .connection_id = static_cast<std::uint16_t>(last.connection_id + step),
                         .ack_number = last.ack_number}));
        EXPECT_EQ(pair.from.read_error, boost::system::errc::connection_reset) << step;
    }
}

TEST_F(ConnectionsTest, ResetsThatNameNoPacketOfOursAreNotBelieved) {
    PacketHeader last;
    world.b.tap = [&](const Packet& p, std::size_t) {
        last = p.header;
        return true;
    };
    Pair pair(world);
    connect(pair);
    world.run(1s);
    for (int i = 10; i < 30'000; i += 7)
        world.inject(world.a, world.b.self,
                     packet({.type = PacketType::reset,
                             .connection_id = last.connection_id,
                             .ack_number = static_cast<std::uint16_t>(last.ack_number + i)}));
    EXPECT_FALSE(pair.from.read_error);
}

TEST_F(ConnectionsTest, StrangersGetNoMoreThanTheySend) {
    std::uint64_t answered = 0;
    world.elsewhere = [&](const Endpoint&, const Bytes& datagram) { answered += datagram.size(); };
    world.b.connections.set_accept([](Connection& c) { c.release(); });
    for (const PacketType type :
         {PacketType::data, PacketType::fin, PacketType::state, PacketType::reset, PacketType::syn})
        for (std::size_t content = 0; content < 60; ++content) {
            world.now += 1s;
            answered = 0;
            const Bytes datagram = packet({.type = type, .connection_id = 9, .sequence_number = 3}, content);
            world.inject(world.b, kStranger, datagram);
            EXPECT_LE(answered, datagram.size());
            if (type == PacketType::state || type == PacketType::reset) {
                EXPECT_EQ(answered, 0u);
            }
        }
}

TEST_F(ConnectionsTest, ResetsForStrangersAreBoundedInTime) {
    std::uint64_t answers = 0;
    world.elsewhere = [&](const Endpoint&, const Bytes&) { ++answers; };
    for (int i = 0; i < 10'000; ++i) world.inject(world.b, kStranger, packet({.connection_id = 9}, 100));
    EXPECT_LE(answers, Connections::kResetsPerSecond);
}

TEST_F(ConnectionsTest, ThereAreNoMoreThanTheLimit) {
    World small(1, {}, {.max_connections = 10});
    std::vector<std::unique_ptr<App>> apps;
    small.b.connections.set_accept([&](Connection& c) {
        apps.push_back(std::make_unique<App>());
        apps.back()->use(c);
    });
    App ours[11];
    for (int i = 0; i < 10; ++i)
        ours[i].connection = *small.a.connections.connect(small.b.self, ours[i], small.a.local(small.now));
    EXPECT_FALSE(small.a.connections.connect(small.b.self, ours[10], small.a.local(small.now)));
}

TEST_F(ConnectionsTest, ANewOneTakesThePlaceOfOneThatLingers) {
    World small(1, {}, {.max_connections = 10});
    std::vector<std::unique_ptr<App>> apps;
    small.b.connections.set_accept([&](Connection& c) {
        apps.push_back(std::make_unique<App>());
        apps.back()->use(c);
    });
    App ours[11];
    for (int i = 0; i < 10; ++i) {
        ours[i].to_send = 10;
        ours[i].connection = *small.a.connections.connect(small.b.self, ours[i], small.a.local(small.now));
    }
    ASSERT_TRUE(small.run(5s, [&] { return apps.size() == 10; }));
    small.a_to_b.loss = 1;
    for (int i = 0; i < 10; ++i) ours[i].close();
    small.run(100ms);
    ASSERT_EQ(small.a.connections.size(), 10u) << "their ends are not acknowledged";
    EXPECT_TRUE(small.a.connections.connect(small.b.self, ours[10], small.a.local(small.now)));
    small.run(100ms);
    EXPECT_EQ(small.a.connections.size(), 10u);
}

// ---- MTU ----

TEST_F(ConnectionsTest, FindsTheLargestPacketThatThePathCarries) {
    for (const std::size_t fragments :
         {std::size_t{1472}, std::size_t{1444}, std::size_t{1200}, std::size_t{600}}) {
        World w;
        w.a_to_b.fragments = fragments;
        Pair pair(w);
        pair.from.to_send = 40'000'000;
        ASSERT_TRUE(w.run(60s, [&] { return pair.to.received == 40'000'000; })) << fragments;
        EXPECT_LE(pair.from.connection->packet_size(), fragments);
        EXPECT_GT(pair.from.connection->packet_size() + MtuSearch::kNear + 1, fragments);
    }
}

TEST_F(ConnectionsTest, ThePathsMtuMayShrink) {
    Pair pair(world);
    pair.from.to_send = 3'000'000;
    ASSERT_TRUE(world.run(30s, [&] { return pair.to.received == 3'000'000; }));
    ASSERT_EQ(pair.from.connection->packet_size(), 1472u);
    world.a_to_b.mtu = 1300;
    pair.from.send_more(3'000'000);
    EXPECT_TRUE(world.run(60s, [&] { return pair.to.received == 6'000'000; }));
    EXPECT_LE(pair.from.connection->packet_size(), 1300u);
    EXPECT_FALSE(pair.to.wrong);
}

// ---- acknowledgements ----

TEST_F(ConnectionsTest, SteadyContentIsAcknowledgedTogetherAndALonePacketLater) {
    std::uint64_t states = 0;
    TimePoint last_state;
    world.b.tap = [&](const Packet& p, std::size_t) {
        states += p.header.type == PacketType::state;
        last_state = world.now;
        return true;
    };
    Pair pair(world);
    pair.from.to_send = 1'000'000;
    ASSERT_TRUE(world.run(30s, [&] { return pair.to.received == 1'000'000; }));
    EXPECT_LT(states, 1'000'000 / 1400 * 0.75);
    world.run(1s);
    pair.from.send_more(100);
    TimePoint came;
    ASSERT_TRUE(world.run(1s, [&] {
        came = world.now;
        return pair.to.received == 1'000'100;
    }));
    world.run(1s);
    EXPECT_EQ(last_state - came, Connection::kAckDelay + 1us);
    pair.to.connection->acknowledge_soon();
    pair.from.send_more(100);
    ASSERT_TRUE(world.run(1s, [&] {
        came = world.now;
        return pair.to.received == 1'000'200;
    }));
    EXPECT_EQ(last_state, came);
}

}  // namespace
}  // namespace btfs::utp
