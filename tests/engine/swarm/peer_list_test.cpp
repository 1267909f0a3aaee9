#include "engine/swarm/peer_list.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

Endpoint at(const char* text) {
    return *Endpoint::parse(text);
}

TEST(CanonicalPriority, IsBep40s) {
    EXPECT_EQ(canonical_priority(at("123.213.32.10:0"), at("98.76.54.32:0")), 0xec2d7224u);
    EXPECT_EQ(canonical_priority(at("123.213.32.10:0"), at("123.213.32.234:0")), 0x99568189u);
    EXPECT_EQ(canonical_priority(at("98.76.54.32:0"), at("123.213.32.10:0")), 0xec2d7224u);
}

struct PeerListTest : ::testing::Test {
    Rng rng{1};
    PeerList list{rng};
    TimePoint now = TimePoint{} + 1h;
    const Endpoint peer = at("192.0.2.1:6881");
};

TEST_F(PeerListTest, TakesEachPeerOnceAndOnlyWhereItCanBeDialled) {
    EXPECT_TRUE(list.add(peer, PeerSource::tracker));
    EXPECT_FALSE(list.add(peer, PeerSource::tracker));
    EXPECT_FALSE(list.add(at("192.0.2.2:0"), PeerSource::tracker));
    EXPECT_FALSE(list.add(at("0.0.0.0:1"), PeerSource::tracker));
    EXPECT_FALSE(list.add(at("224.0.0.1:1"), PeerSource::tracker));
    EXPECT_EQ(list.next(now), peer);
    EXPECT_FALSE(list.next(now));
}

TEST_F(PeerListTest, WhatStrangersTellOfFillsHalfOfIt) {
    for (std::uint32_t n = 0; n < PeerList::kMaxPeers; ++n) {
        Bytes compact;
        ByteWriter(compact).u32((20u << 24) + n).u16(6881);
        list.add(*Endpoint::from_compact(compact), PeerSource::pex);
    }
    EXPECT_EQ(list.size(), PeerList::kMaxHearsay);
    EXPECT_TRUE(list.add(peer, PeerSource::tracker));
    list.add(at("20.0.0.1:6881"), PeerSource::tracker);  // now it is more than hearsay
    EXPECT_TRUE(list.add(at("192.0.2.2:1"), PeerSource::dht));
    EXPECT_FALSE(list.add(at("192.0.2.3:1"), PeerSource::dht));
}

TEST_F(PeerListTest, OfAPrivateTorrentOnlyTheUsersAndTheTrackersPeersAreKnown) {
    const Endpoint named = at("192.0.2.2:1"), heard = at("192.0.2.3:1");
    list.add(peer, PeerSource::tracker);
    list.add(named, PeerSource::user);
    list.add(heard, PeerSource::pex);
    list.add_connected(at("192.0.2.4:1"));
    EXPECT_TRUE(list.may_dial(heard));
    list.become_private();
    EXPECT_EQ(list.size(), 2u);
    EXPECT_TRUE(list.may_dial(peer) && list.may_dial(named));
    EXPECT_FALSE(list.may_dial(heard));
    for (PeerSource source : {PeerSource::dht, PeerSource::pex, PeerSource::lsd, PeerSource::incoming})
        EXPECT_FALSE(list.add(heard, source));
    EXPECT_TRUE(list.add(heard, PeerSource::tracker));
    EXPECT_TRUE(list.may_dial(heard));
}

TEST_F(PeerListTest, FailuresBackOffAndEnd) {
    list.add(peer, PeerSource::tracker);
    Duration before{};
    for (int i = 0; i < 7; ++i) {
        ASSERT_EQ(list.next(now), peer) << i;
        list.on_failed(peer, now);
        const Duration wait = list.next_time() - now;
        EXPECT_GT(wait, before);
        before = wait;
        now += wait;
    }
    ASSERT_EQ(list.next(now), peer);
    list.on_failed(peer, now);
    EXPECT_EQ(list.next_time(), kNever);
    EXPECT_EQ(list.size(), 0u);
}

TEST_F(PeerListTest, AHangUpIsTriedAtOnceWithAPlainGreeting) {
    list.add(peer, PeerSource::tracker);
    list.next(now);
    EXPECT_FALSE(list.wants_plain_greeting(peer));
    list.on_hung_up(peer, now);
    EXPECT_TRUE(list.wants_plain_greeting(peer));
    EXPECT_EQ(list.next(now), peer);
    list.on_hung_up(peer, now);
    EXPECT_FALSE(list.next(now));
}

TEST_F(PeerListTest, ABanIsForAllPortsAndForGood) {
    list.add(peer, PeerSource::tracker);
    list.add(at("192.0.2.1:7000"), PeerSource::tracker);
    list.ban(peer.address);
    EXPECT_FALSE(list.next(now));
    EXPECT_FALSE(list.add(at("192.0.2.1:7001"), PeerSource::tracker));
}

TEST_F(PeerListTest, IsBounded) {
    for (std::uint32_t i = 0; i < PeerList::kMaxPeers + 100; ++i) {
        Endpoint e = peer;
        e.port = static_cast<std::uint16_t>(i % 60000 + 1);
        list.add(e, PeerSource::tracker);
    }
    EXPECT_EQ(list.size(), PeerList::kMaxPeers);
}

TEST_F(PeerListTest, ADuplicateIsPutOffUntilItsTwinEnds) {
    list.add(peer, PeerSource::tracker);
    list.next(now);
    list.on_closed(peer, true, now);
    EXPECT_FALSE(list.next(now + 1min));
    list.on_closed(peer, false, now);
    EXPECT_EQ(list.next(now + 1min), peer);
}

TEST_F(PeerListTest, OurselvesAreNotTakenAgain) {
    list.add(peer, PeerSource::pex);
    list.next(now);
    list.on_ourselves(peer);
    EXPECT_EQ(list.size(), 0u);
    EXPECT_FALSE(list.add(peer, PeerSource::pex));
    EXPECT_TRUE(list.add(at("192.0.2.1:6882"), PeerSource::pex));
}

TEST_F(PeerListTest, APeerThatConnectedToUsIsNotDialled) {
    list.add(peer, PeerSource::tracker);
    list.add_connected(peer);
    EXPECT_FALSE(list.next(now));
    list.on_closed(peer, false, now);
    EXPECT_EQ(list.next(now + 1min), peer);
}

}  // namespace
}  // namespace btfs
