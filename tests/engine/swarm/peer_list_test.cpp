#include "engine/swarm/peer_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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
    BanList bans;
    PeerList list{rng, bans};
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

std::shared_ptr<const IpFilter> filter_of(const Endpoint& peer) {
    const auto number = load_big_endian<std::uint32_t>(peer.address.bytes().data());
    return std::make_shared<const IpFilter>(std::vector<IpFilter::V4Range>{{number, number}},
                                            std::vector<IpFilter::V6Range>{});
}

TEST_F(PeerListTest, OfThoseThatPexTellsOfTheReachableComeFirst) {
    for (std::uint16_t n = 1; n <= 200; ++n) {
        const std::string host = "192.0." + std::to_string(n) + ".1:";
        EXPECT_TRUE(list.add_from_pex(at((host + (n % 2 ? "1111" : "2222")).c_str()), n % 2 != 0));
    }
    list.add(at("198.51.100.1:3333"), PeerSource::tracker);
    int reachable = 0, in_first_half = 0;
    for (int i = 0; i < 100; ++i) {
        const Endpoint next = *list.next(now);
        reachable += next.port == 1111;
        in_first_half += next.port == 2222;
    }
    EXPECT_GE(reachable, 85);
    EXPECT_LE(in_first_half, 15);
}

TEST_F(PeerListTest, KnowsWhoIsSaidToTakeUtpAndWhoHasFailed) {
    list.add_from_pex(peer, false);
    EXPECT_FALSE(list.is_utp_told(peer));
    list.on_utp_told(peer);
    EXPECT_TRUE(list.is_utp_told(peer));
    EXPECT_FALSE(list.has_failed(peer));
    list.next(now);
    EXPECT_FALSE(list.begin_unasked(peer)) << "it is being dialled";
    list.on_failed(peer, now);
    EXPECT_TRUE(list.has_failed(peer));
    EXPECT_TRUE(list.begin_unasked(peer)) << "without waiting for its turn";
    EXPECT_FALSE(list.next(now + 1h));
    EXPECT_FALSE(list.begin_unasked(at("192.0.2.9:1"))) << "not known";
}

TEST_F(PeerListTest, AddressesInTheIpFilterAreNotTakenWhoeverTellsOfThem) {
    bans.set_filter(filter_of(peer));
    for (PeerSource source :
         {PeerSource::user, PeerSource::tracker, PeerSource::dht, PeerSource::pex, PeerSource::lsd})
        EXPECT_FALSE(list.add(peer, source));
    list.add_connected(peer);
    EXPECT_EQ(list.size(), 0u);
    EXPECT_TRUE(list.add(at("192.0.2.2:6881"), PeerSource::dht));
    EXPECT_EQ(bans.size(), 0u);
}

TEST_F(PeerListTest, AnotherIpFilterEndsWhatIsKnownOfItsAddressesAndLetsOthersIn) {
    const Endpoint other = at("192.0.2.2:6881");
    list.add(peer, PeerSource::user);
    list.add(other, PeerSource::tracker);
    bans.set_filter(filter_of(peer));
    list.on_filter_changed();
    EXPECT_EQ(list.next(now), other);
    EXPECT_FALSE(list.next(now));
    bans.set_filter(filter_of(other));
    list.on_filter_changed();
    EXPECT_TRUE(list.add(peer, PeerSource::user));
    EXPECT_EQ(list.size(), 1u);
    bans.set_filter(nullptr);
    EXPECT_TRUE(list.add(other, PeerSource::pex));
}

TEST_F(PeerListTest, PeersOfAnEarlierRunAreDialledInTheirOrderBeforeAnyButTheUsers) {
    for (std::uint32_t n = 0; n < 50; ++n) {
        Bytes compact;
        ByteWriter(compact).u32((20u << 24) + n).u16(6881);
        list.add(*Endpoint::from_compact(compact), n % 2 == 0 ? PeerSource::tracker : PeerSource::dht);
    }
    const Endpoint best = at("192.0.2.9:1"), next = at("192.0.2.8:1"), named = at("192.0.2.7:1");
    EXPECT_TRUE(list.add(best, PeerSource::kept));
    EXPECT_TRUE(list.add(next, PeerSource::kept));
    list.add(named, PeerSource::user);
    EXPECT_EQ(list.next(now), named);
    EXPECT_EQ(list.next(now), best);
    EXPECT_EQ(list.next(now), next);
    EXPECT_EQ(list.source_of(best), PeerSource::kept);
    EXPECT_FALSE(list.add(best, PeerSource::dht));
    EXPECT_EQ(list.source_of(best), PeerSource::kept);
    list.add(best, PeerSource::tracker);
    EXPECT_EQ(list.source_of(best), PeerSource::tracker);
    EXPECT_EQ(list.source_of(peer), std::nullopt);
}

TEST_F(PeerListTest, WhatAnEarlierRunHasKeptIsForgottenUnlessSomebodyElseTellsOfIt) {
    list.add(peer, PeerSource::kept);
    list.forget_kept(peer);
    EXPECT_EQ(list.size(), 0u);
    list.add(peer, PeerSource::kept);
    list.add(peer, PeerSource::tracker);
    list.forget_kept(peer);
    EXPECT_EQ(list.size(), 1u);
    list.forget_kept(at("192.0.2.9:1"));
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
    for (std::uint32_t i = 1; i < PeerList::kMaxFailures; ++i) {
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

TEST_F(PeerListTest, TheUsersPeersAreTriedForEverAndSoonWhileAReaderWaits) {
    list.add(peer, PeerSource::user);
    for (int i = 0; i < 100; ++i) {
        now = list.next_time();
        ASSERT_EQ(list.next(now), peer) << i;
        list.on_failed(peer, now);
        EXPECT_LE(list.next_time() - now, PeerList::kLongestUserRetry);
    }
    EXPECT_GT(list.next_time() - now, PeerList::kHurriedRetry);
    list.set_hurry(true, now);
    EXPECT_EQ(list.next_time() - now, PeerList::kHurriedRetry);
    now = list.next_time();
    ASSERT_EQ(list.next(now), peer);
    list.on_failed(peer, now);
    EXPECT_EQ(list.next_time() - now, PeerList::kHurriedRetry);
    list.set_hurry(false, now);
    list.next(now + PeerList::kHurriedRetry);
    list.on_failed(peer, now);
    EXPECT_EQ(list.next_time() - now, PeerList::kLongestUserRetry);
}

TEST_F(PeerListTest, WithoutAWayThereNoPeerIsForgotten) {
    list.add(peer, PeerSource::tracker);
    for (std::uint32_t i = 0; i < 3 * PeerList::kMaxFailures; ++i) {
        ASSERT_EQ(list.next(now), peer) << i;
        list.on_unreachable(peer, now);
        EXPECT_LE(list.next_time() - now, PeerList::kLongestRetry);
        now = list.next_time();
    }
    list.next(now);
    list.on_unreachable(peer, now);
    list.on_network_changed(now);
    EXPECT_EQ(list.next(now), peer) << "there may be a way now";
    list.on_failed(peer, now);
    EXPECT_EQ(list.next_time() - now, PeerList::kFirstRetry) << "and it has not failed before";
}

TEST_F(PeerListTest, APeerThatGreetsAndHangsUpIsTriedLessAndLess) {
    list.add(peer, PeerSource::tracker);
    Duration before{};
    for (std::uint32_t i = 1; i < PeerList::kMaxFailures; ++i) {
        ASSERT_EQ(list.next(now), peer) << i;
        list.on_closed(peer, ConnectionUse::nothing, now);
        const Duration wait = list.next_time() - now;
        EXPECT_GT(wait, before);
        before = wait;
        now += wait;
    }
    list.next(now);
    list.on_closed(peer, ConnectionUse::content, now);
    EXPECT_EQ(list.next_time() - now, PeerList::kFirstRetry);
}

TEST_F(PeerListTest, OneHostCannotHaveAllOfItsPortsDialled) {
    for (std::uint16_t port = 1; port <= 2000; ++port)
        for (PeerSource source :
             {PeerSource::dht, PeerSource::pex, PeerSource::incoming, PeerSource::tracker})
            list.add({peer.address, port}, source);
    EXPECT_EQ(list.size(), PeerList::kMaxPerHost);
    for (std::uint32_t low = 1; low <= 2000; ++low) {
        Bytes address(16);
        store_big_endian(address.data(), 0x20010db8u);
        store_big_endian(address.data() + 12, low);
        list.add({*Address::from_bytes(address), 6881}, PeerSource::dht);
    }
    EXPECT_EQ(list.size(), 2 * PeerList::kMaxPerHost) << "an IPv6 /64 is one host";
    for (std::uint16_t port = 1; port <= 2000; ++port)
        list.add({at("127.0.0.1:1").address, port}, PeerSource::tracker);
    EXPECT_EQ(list.size(), 2 * PeerList::kMaxPerHost + PeerList::kMaxPerLocalHost);
    EXPECT_TRUE(list.add({peer.address, 3000}, PeerSource::user)) << "the user may";
}

TEST_F(PeerListTest, ATrackersWordTakesThePlaceOfHearsayOfTheSameHost) {
    for (std::uint16_t port = 1; port <= 20; ++port) list.add({peer.address, port}, PeerSource::pex);
    EXPECT_FALSE(list.add(peer, PeerSource::dht));
    EXPECT_TRUE(list.add(peer, PeerSource::tracker));
    EXPECT_EQ(list.size(), PeerList::kMaxPerHost);
}

TEST_F(PeerListTest, HearsayThatFailedMakesRoomForNew) {
    for (std::uint32_t n = 0; n < PeerList::kMaxHearsay; ++n) {
        Bytes compact;
        ByteWriter(compact).u32((20u << 24) + n).u16(6881);
        list.add(*Endpoint::from_compact(compact), PeerSource::pex);
    }
    EXPECT_FALSE(list.add(peer, PeerSource::dht));
    const Endpoint failed = *list.next(now);
    list.on_failed(failed, now);
    EXPECT_TRUE(list.add(peer, PeerSource::dht));
    EXPECT_EQ(list.size(), PeerList::kMaxHearsay);
    EXPECT_FALSE(list.add(at("192.0.2.9:1"), PeerSource::dht));
}

TEST_F(PeerListTest, AHangUpIsTriedAtOnceWithAPlainGreeting) {
    list.add(peer, PeerSource::tracker);
    list.next(now);
    EXPECT_FALSE(list.wants_plain_greeting(peer));
    list.on_hung_up(peer, HangUp::after_greeting, now);
    EXPECT_TRUE(list.wants_plain_greeting(peer));
    EXPECT_EQ(list.next(now), peer);
    list.on_hung_up(peer, HangUp::after_greeting, now);
    EXPECT_FALSE(list.next(now));
}

/// Dials one peer under a rule, which answers in the manners that it takes.
struct Dialling {
    explicit Dialling(Encryption rule) : list(rng, bans, rule) { list.add(peer, PeerSource::tracker); }

    /// The manners of the dials until the peer has greeted us, or there is none now: "p" for plain, "e" for
    /// encrypted.
    std::string dial(bool takes_plain, bool takes_encrypted) {
        std::string manners;
        while (list.next(now)) {
            const bool encrypted = list.begin_dial(peer).encrypted;
            manners += encrypted ? 'e' : 'p';
            if (encrypted ? takes_encrypted : takes_plain) {
                list.on_greeted(peer);
                list.on_closed(peer, ConnectionUse::content, now);
                break;
            }
            list.on_hung_up(peer, encrypted ? HangUp::in_encryption : HangUp::before_greeting, now);
        }
        if (list.next_time() != kNever) now = std::max(now, list.next_time());
        return manners;
    }

    Rng rng{1};
    BanList bans;
    PeerList list;
    const Endpoint peer = at("192.0.2.1:6881");
    TimePoint now = TimePoint{} + 1h;
};

TEST(DialMannerOfAPeer, FollowsTheRule) {
    EXPECT_EQ(Dialling(Encryption::off).dial(true, true), "p");
    EXPECT_EQ(Dialling(Encryption::allow).dial(true, true), "p");
    EXPECT_EQ(Dialling(Encryption::prefer).dial(true, true), "e");
    EXPECT_EQ(Dialling(Encryption::require).dial(true, true), "e");
}

TEST(DialMannerOfAPeer, IsContestedWhileNothingIsKnownAndWhatWonIsRemembered) {
    EXPECT_FALSE(Dialling(Encryption::off).list.may_contest(at("192.0.2.1:6881")));
    EXPECT_FALSE(Dialling(Encryption::prefer).list.may_contest(at("192.0.2.1:6881")));
    EXPECT_FALSE(Dialling(Encryption::require).list.may_contest(at("192.0.2.1:6881")));
    Dialling won(Encryption::allow), lost(Encryption::allow);
    ASSERT_TRUE(won.list.next(won.now));
    EXPECT_FALSE(won.list.begin_dial(won.peer).encrypted);
    EXPECT_TRUE(won.list.may_contest(won.peer));
    won.list.on_dial_settled(won.peer, {.encrypted = true});
    won.list.on_greeted(won.peer);
    won.list.on_closed(won.peer, ConnectionUse::content, won.now);
    EXPECT_FALSE(won.list.may_contest(won.peer));
    won.now = std::max(won.now, won.list.next_time());
    EXPECT_EQ(won.dial(true, true), "e");

    ASSERT_TRUE(lost.list.next(lost.now));
    lost.list.begin_dial(lost.peer);
    lost.list.on_hung_up(lost.peer, HangUp::before_greeting, lost.now);
    EXPECT_FALSE(lost.list.may_contest(lost.peer)) << "each manner gets a connection of its own";
}

TEST(DialMannerOfAPeer, TheOtherOneIsTriedAtOnceAndWhatWorkedIsRemembered) {
    Dialling allow(Encryption::allow), prefer(Encryption::prefer);
    EXPECT_EQ(allow.dial(false, true), "pe");
    EXPECT_EQ(allow.dial(false, true), "e");
    EXPECT_EQ(allow.dial(true, false), "ep") << "it may be another client now";
    EXPECT_EQ(allow.dial(true, false), "p");
    EXPECT_EQ(prefer.dial(true, false), "ep");
    EXPECT_EQ(prefer.dial(true, false), "p");
}

TEST(DialMannerOfAPeer, WhatTheRuleForbidsIsNeverTried) {
    for (int round = 0; round < 4; ++round) {
        Dialling off(Encryption::off), require(Encryption::require);
        for (Dialling* dialling : {&off, &require}) dialling->list.on_encryption_told(dialling->peer);
        EXPECT_EQ(off.dial(false, true).find('e'), std::string::npos);
        EXPECT_EQ(require.dial(true, false).find('p'), std::string::npos);
    }
}

TEST(DialMannerOfAPeer, APeerThatAlwaysHangsUpIsTriedInEachMannerAndBacksOff) {
    Dialling allow(Encryption::allow), prefer(Encryption::prefer), require(Encryption::require);
    EXPECT_EQ(allow.dial(false, false), "pep") << "the last one with the handshake alone";
    EXPECT_TRUE(allow.list.wants_plain_greeting(allow.peer));
    EXPECT_EQ(allow.dial(false, false), "pe");
    EXPECT_EQ(prefer.dial(false, false), "epp");
    EXPECT_EQ(prefer.dial(false, false), "ep");
    EXPECT_EQ(require.dial(false, false), "e") << "it has seen no greeting that it may have disliked";
    EXPECT_FALSE(require.list.wants_plain_greeting(require.peer));
    std::uint32_t rounds = 1;
    for (; require.list.size() > 0 && rounds < 20; ++rounds) EXPECT_EQ(require.dial(false, false), "e");
    EXPECT_EQ(rounds, PeerList::kMaxFailures);
}

TEST(DialMannerOfAPeer, APeerThatDislikesTheGreetingIsGreetedOtherwiseInTheSameManner) {
    Dialling s(Encryption::prefer);
    ASSERT_TRUE(s.list.next(s.now));
    EXPECT_TRUE(s.list.begin_dial(s.peer).encrypted);
    s.list.on_greeted(s.peer);
    s.list.on_hung_up(s.peer, HangUp::after_greeting, s.now);
    EXPECT_TRUE(s.list.wants_plain_greeting(s.peer));
    ASSERT_TRUE(s.list.next(s.now)) << "at once";
    EXPECT_TRUE(s.list.begin_dial(s.peer).encrypted);
}

TEST(DialMannerOfAPeer, ThatIsSaidToPreferEncryptionIsEncryptedFirstUntilSomethingElseHasWorked) {
    Dialling s(Encryption::allow);
    s.list.on_encryption_told(s.peer);
    EXPECT_EQ(s.dial(true, false), "ep");
    EXPECT_EQ(s.dial(true, true), "p");
}

TEST(DialMannerOfAPeer, AFailureToConnectSaysNothingOfIt) {
    Dialling s(Encryption::allow);
    ASSERT_TRUE(s.list.next(s.now));
    EXPECT_FALSE(s.list.begin_dial(s.peer).encrypted);
    s.list.on_failed(s.peer, s.now);
    s.now = s.list.next_time();
    EXPECT_EQ(s.dial(true, true), "p");
}

TEST_F(PeerListTest, ABanIsForAllPortsAndForGood) {
    list.add(peer, PeerSource::tracker);
    list.add(at("192.0.2.1:7000"), PeerSource::tracker);
    list.ban(peer.address);
    EXPECT_FALSE(list.next(now));
    EXPECT_FALSE(list.add(at("192.0.2.1:7001"), PeerSource::tracker));
}

TEST_F(PeerListTest, IsBounded) {
    for (std::uint32_t n = 0; n < PeerList::kMaxPeers + 100; ++n) {
        Bytes compact;
        ByteWriter(compact).u32((20u << 24) + n).u16(6881);
        list.add(*Endpoint::from_compact(compact), PeerSource::tracker);
    }
    EXPECT_EQ(list.size(), PeerList::kMaxPeers);
}

TEST_F(PeerListTest, WhatThereWasNoNeedOfIsDialledOnceThereIs) {
    list.add(peer, PeerSource::tracker);
    list.next(now);
    list.on_closed(peer, ConnectionUse::no_need, now);
    EXPECT_FALSE(list.next(now + 1min));
    list.on_need(now + 1min);
    EXPECT_EQ(list.next(now + 1min), peer);
}

TEST_F(PeerListTest, BansAreSharedAndOfA64) {
    PeerList other(rng, bans);
    other.ban(at("[2001:db8::1]:1").address);
    EXPECT_FALSE(list.add(at("[2001:db8::2]:1"), PeerSource::tracker));
    EXPECT_TRUE(list.add(at("[2001:db8:0:1::2]:1"), PeerSource::tracker));
}

TEST(BanList, ForgetsTheOldestBeyondItsBound) {
    BanList bans;
    for (std::uint32_t n = 0; n <= BanList::kMaxBanned; ++n) {
        Bytes raw;
        ByteWriter(raw).u32((20u << 24) + n);
        bans.ban(*Address::from_bytes(raw));
    }
    EXPECT_EQ(bans.size(), BanList::kMaxBanned);
    EXPECT_FALSE(bans.contains(at("20.0.0.0:1").address));
    EXPECT_TRUE(bans.contains(at("20.0.0.1:1").address));
}

TEST_F(PeerListTest, ADuplicateIsPutOffUntilItsTwinEnds) {
    list.add(peer, PeerSource::tracker);
    list.next(now);
    list.on_closed(peer, ConnectionUse::no_need, now);
    EXPECT_FALSE(list.next(now + 1min));
    list.on_closed(peer, ConnectionUse::content, now);
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
    list.on_closed(peer, ConnectionUse::content, now);
    EXPECT_EQ(list.next(now + 1min), peer);
}

}  // namespace
}  // namespace btfs
