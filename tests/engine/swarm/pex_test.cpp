#include "engine/swarm/pex.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace btfs {
namespace {

Endpoint host(int n, std::uint16_t port = 6881) {
    return {*Address::parse("198.51." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1)), port};
}

using Endpoints = std::vector<Endpoint>;

Endpoints endpoints_of(const std::vector<wire::PexPeer>& peers) {
    Endpoints endpoints;
    for (const auto& peer : peers) endpoints.push_back(peer.endpoint);
    return endpoints;
}

struct PexTest : ::testing::Test {
    std::map<ConnectionId, std::uint8_t> flags;
    Pex pex{[this](ConnectionId id) { return flags.contains(id) ? flags.at(id) : std::uint8_t{0}; }};
    TimePoint now = TimePoint{} + 1h;

    void add_contact(ConnectionId id) { pex.add_contact(id, host(static_cast<int>(id)), now); }
    void add_listener(ConnectionId id) { pex.add_listener(id, host(static_cast<int>(id)).address, now); }
    /// Lets an interval pass and returns the listener's message, empty if there is none.
    wire::PexMessage told(ConnectionId id) {
        now += Pex::kInterval + Pex::kGather;
        for (const auto& telling : pex.take_messages(now))
            if (telling.to == id) return telling.message;
        return {};
    }
    static std::vector<Endpoint> added(const wire::PexMessage& message) {
        return endpoints_of(message.added);
    }
    static wire::PexMessage telling_of(const std::vector<Endpoint>& endpoints, std::uint8_t flags = 0) {
        wire::PexMessage message;
        for (const Endpoint& endpoint : endpoints) message.added.push_back({endpoint, flags});
        return message;
    }
};

TEST_F(PexTest, PeersAreToldOfEachOtherSoonAndNeverOfThemselves) {
    for (ConnectionId id : {1, 2, 3}) {
        add_contact(id);
        add_listener(id);
    }
    EXPECT_TRUE(pex.take_messages(now).empty());
    EXPECT_EQ(pex.next_timeout(), now + Pex::kGather);
    now = pex.next_timeout();
    const auto tellings = pex.take_messages(now);
    ASSERT_EQ(tellings.size(), 3u);
    EXPECT_EQ(added(tellings[0].message), (Endpoints{host(2), host(3)}));
    EXPECT_EQ(added(tellings[1].message), (Endpoints{host(1), host(3)}));
    EXPECT_EQ(added(tellings[2].message), (Endpoints{host(1), host(2)}));
    EXPECT_EQ(pex.next_timeout(), kNever);
}

TEST_F(PexTest, ANewcomerIsToldAtOnceOfThoseWhoHaveBeenHereForSomeTime) {
    add_contact(2);
    now += Pex::kGather;
    add_contact(1);
    add_listener(1);
    EXPECT_EQ(pex.next_timeout(), now + Pex::kGatherKnown);
    now = pex.next_timeout();
    const auto tellings = pex.take_messages(now);
    ASSERT_EQ(tellings.size(), 1u);
    EXPECT_EQ(added(tellings[0].message), Endpoints{host(2)});
    add_contact(3);
    EXPECT_EQ(pex.next_timeout(), now + Pex::kInterval) << "the newcomer has had its message";
    add_listener(4);
    EXPECT_EQ(pex.next_timeout(), now + Pex::kGather) << "contacts come";
}

TEST_F(PexTest, WithNobodyToTellOrNothingToTellThereIsNoTimeout) {
    EXPECT_EQ(pex.next_timeout(), kNever);
    add_contact(1);
    add_contact(2);
    EXPECT_EQ(pex.next_timeout(), kNever);
    pex.remove_peer(2, now);
    add_listener(1);
    EXPECT_TRUE(told(1).empty());  // the only contact is the listener itself
    EXPECT_EQ(pex.next_timeout(), kNever);
    add_contact(3);
    pex.remove_peer(3, now);
    EXPECT_TRUE(told(1).empty());
    EXPECT_EQ(pex.next_timeout(), kNever);
    pex.remove_peer(1, now);
    EXPECT_EQ(pex.next_timeout(), kNever);
}

TEST_F(PexTest, OneListenerHearsAtMostOnceAMinute) {
    add_listener(1);
    std::vector<TimePoint> times;
    for (int i = 0; i < 300; ++i) {
        if (i % 7 == 0) add_contact(static_cast<ConnectionId>(10 + i));
        if (i % 21 == 20) pex.remove_peer(static_cast<ConnectionId>(10 + i - 6), now);
        now += 1s;
        if (!pex.take_messages(now).empty()) times.push_back(now);
    }
    ASSERT_EQ(times.size(), 5u);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], Pex::kInterval);
}

TEST_F(PexTest, WhatIsToldIsWhoCameAndWhoWent) {
    add_listener(1);
    add_contact(2);
    add_contact(3);
    EXPECT_EQ(added(told(1)), (Endpoints{host(2), host(3)}));
    pex.remove_peer(2, now);
    add_contact(4);
    const auto second = told(1);
    EXPECT_EQ(added(second), Endpoints{host(4)});
    EXPECT_EQ(second.dropped, Endpoints{host(2)});
    EXPECT_TRUE(told(1).empty());
}

TEST_F(PexTest, WhoComesBackOrWasNeverToldOfIsNotMentioned) {
    add_listener(1);
    add_contact(2);
    told(1);
    pex.remove_peer(2, now);
    pex.add_contact(5, host(2), now);  // the same peer over another connection
    pex.add_contact(6, host(6), now);
    pex.remove_peer(6, now);
    EXPECT_TRUE(told(1).empty());
    pex.remove_peer(5, now);
    EXPECT_EQ(told(1).dropped, Endpoints{host(2)});
}

TEST_F(PexTest, AMessageIsBoundedAndTheRestFollows) {
    add_listener(1);
    for (ConnectionId id = 2; id < 122; ++id) add_contact(id);
    for (std::size_t expected : {50u, 50u, 20u, 0u}) EXPECT_EQ(told(1).added.size(), expected);
    for (ConnectionId id = 2; id < 122; ++id) pex.remove_peer(id, now);
    add_contact(200);
    EXPECT_EQ(told(1).dropped.size(), 50u);
    EXPECT_EQ(told(1).dropped.size(), 50u);
    const auto last = told(1);
    EXPECT_EQ(last.dropped.size(), 20u);
    EXPECT_EQ(added(last), Endpoints{host(200)});
}

TEST_F(PexTest, WhoLeftWhileDropsWereBehindHandIsDroppedOnlyIfToldOf) {
    add_listener(1);
    for (ConnectionId id = 2; id < 62; ++id) add_contact(id);
    told(1);
    told(1);
    for (ConnectionId id = 2; id < 62; ++id) pex.remove_peer(id, now);
    add_contact(100);
    pex.remove_peer(100, now);
    EXPECT_EQ(told(1).dropped.size(), 50u);
    const auto rest = told(1);
    EXPECT_EQ(rest.dropped.size(), 10u);
    EXPECT_EQ(std::ranges::count(rest.dropped, host(100)), 0);
}

TEST_F(PexTest, FlagsSayWhoIsASeedAndWhoWasReached) {
    add_listener(1);
    flags[2] = wire::kPexSeed | wire::kPexReachable;
    add_contact(2);
    pex.add_contact(3, host(3), now);
    const auto message = told(1);
    ASSERT_EQ(message.added.size(), 2u);
    EXPECT_EQ(message.added[0].flags, wire::kPexSeed | wire::kPexReachable);
    EXPECT_EQ(message.added[1].flags, 0);
}

TEST_F(PexTest, AnEndpointIsToldOnceWhoeverClaimsIt) {
    add_listener(1);
    pex.add_contact(2, host(7), now);
    pex.add_contact(3, host(7), now);
    EXPECT_EQ(added(told(1)), Endpoints{host(7)});
    pex.remove_peer(3, now);
    EXPECT_TRUE(told(1).empty());
}

// Both sides have dialled each other, and one of the two connections is closed.
TEST_F(PexTest, APeerIsAContactUntilTheLastOfItsConnectionsEnds) {
    add_listener(1);
    flags[3] = wire::kPexSeed;
    pex.add_contact(2, host(7), now);
    pex.add_contact(3, host(7), now);
    pex.add_listener(3, host(7).address, now);
    EXPECT_EQ(added(told(1)), Endpoints{host(7)});
    pex.remove_peer(2, now);
    EXPECT_TRUE(told(1).empty()) << "the other connection is there";
    EXPECT_TRUE(told(3).empty()) << "it leads to the listener itself";
    add_listener(4);
    const auto message = told(4);
    ASSERT_EQ(added(message), Endpoints{host(7)});
    EXPECT_EQ(message.added[0].flags, wire::kPexSeed) << "of the connection that stayed";
    pex.remove_peer(3, now);
    EXPECT_EQ(told(1).dropped, Endpoints{host(7)});
}

TEST_F(PexTest, AddressesOfOurNetworkAreForThoseWhoAreInIt) {
    const auto at = [](const char* text) { return *Endpoint::parse(text); };
    pex.add_contact(10, at("127.0.0.1:1"), now);
    pex.add_contact(11, at("10.1.1.1:1"), now);
    pex.add_contact(12, at("[fd00::1]:1"), now);
    pex.add_contact(13, at("192.0.2.1:1"), now);
    pex.add_contact(14, at("192.0.2.1:0"), now);
    pex.add_listener(1, *Address::parse("198.51.100.1"), now);
    pex.add_listener(2, *Address::parse("192.168.0.1"), now);
    pex.add_listener(3, *Address::parse("127.0.0.1"), now);
    now += Pex::kGather;
    const auto tellings = pex.take_messages(now);
    ASSERT_EQ(tellings.size(), 3u);
    EXPECT_EQ(tellings[0].message.added.size(), 1u);
    EXPECT_EQ(tellings[1].message.added.size(), 3u);
    EXPECT_EQ(tellings[2].message.added.size(), 4u);

    const auto all = telling_of({at("127.0.0.1:1"), at("10.1.1.1:1"), at("[fd00::1]:1"), at("192.0.2.1:1"),
                                 at("192.0.2.2:0"), at("224.0.0.1:1"), at("0.0.0.0:1")});
    EXPECT_EQ(endpoints_of(pex.handle_message(1, all, true, now)), Endpoints{at("192.0.2.1:1")});
    EXPECT_EQ(pex.handle_message(2, all, true, now).size(), 3u);
    EXPECT_EQ(pex.handle_message(3, all, true, now).size(), 4u);
}

TEST_F(PexTest, FlagsArePassedOnAsTheyAreTold) {
    flags[2] = wire::kPexReachable | wire::kPexEncryption;
    pex.add_contact(2, host(2), now);
    pex.add_contact(3, host(3), now);
    add_listener(1);
    const wire::PexMessage message = told(1);
    ASSERT_EQ(message.added.size(), 2u);
    EXPECT_EQ(message.added[0].flags, wire::kPexReachable | wire::kPexEncryption);
    EXPECT_EQ(message.added[1].flags, 0);
    const auto heard = pex.handle_message(1, telling_of({host(4)}, wire::kPexEncryption), true, now);
    ASSERT_EQ(heard.size(), 1u);
    EXPECT_EQ(heard[0].flags, wire::kPexEncryption);
}

TEST_F(PexTest, OfOneMessageOnlySoManyAreTaken) {
    add_listener(1);
    Endpoints many;
    for (int n = 0; n < 90; ++n) many.push_back(host(n));
    EXPECT_EQ(pex.handle_message(1, telling_of(many), true, now).size(), Pex::kMaxTaken);
}

TEST_F(PexTest, ManyPortsOfOneHostAreOneCandidate) {
    add_listener(1);
    Endpoints many;
    for (std::uint16_t port = 1; port < 40; ++port) many.push_back(host(3, port));
    EXPECT_EQ(endpoints_of(pex.handle_message(1, telling_of(many), true, now)), Endpoints{many[0]});
}

TEST_F(PexTest, SeedsAreOfNoUseToASeed) {
    add_listener(1);
    EXPECT_TRUE(pex.handle_message(1, telling_of({host(2)}, wire::kPexSeed), false, now).empty());
    EXPECT_EQ(endpoints_of(pex.handle_message(1, telling_of({host(2)}, wire::kPexSeed), true, now)),
              Endpoints{host(2)});
}

TEST_F(PexTest, WhoTellsTooOftenIsNotListenedTo) {
    add_listener(1);
    const auto listened = [&] { return !pex.handle_message(1, telling_of({host(2)}), true, now).empty(); };
    int heard = 0;
    for (int i = 0; i < 100; ++i) heard += listened();
    EXPECT_EQ(heard, Pex::kHeardAtOnce);
    heard = 0;
    for (int second = 0; second < 600; ++second) {
        now += 1s;
        heard += listened();
    }
    EXPECT_EQ(heard, 20);
    for (int minute = 0; minute < 10; ++minute) {
        now += 60s;
        EXPECT_TRUE(listened());
    }
}

TEST_F(PexTest, WhoDoesNotSpeakItIsNotListenedTo) {
    add_contact(1);
    EXPECT_TRUE(pex.handle_message(1, telling_of({host(2)}), true, now).empty());
}

TEST_F(PexTest, WhatIsKeptOfThoseWhoWentIsBounded) {
    add_listener(1);
    for (ConnectionId id = 2; id < 42; ++id) add_contact(id);
    told(1);
    for (ConnectionId id = 2; id < 42; ++id) pex.remove_peer(id, now);
    for (ConnectionId id = 100; id < 100 + 2 * Pex::kMaxDepartures; ++id) {
        add_contact(id);
        pex.remove_peer(id, now);
    }
    EXPECT_TRUE(told(1).empty());  // its drops are forgotten, the others were never told
    add_contact(50);
    EXPECT_EQ(added(told(1)), Endpoints{host(50)});
}

}  // namespace
}  // namespace btfs
