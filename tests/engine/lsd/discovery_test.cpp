#include "engine/lsd/discovery.hpp"

#include <gtest/gtest.h>

namespace btfs::lsd {
namespace {

constexpr std::uint16_t kPort = 6881;

Sha1Digest numbered(std::size_t n) {
    return sha1(as_bytes(std::to_string(n)));
}

struct DiscoveryTest : testing::Test {
    Rng rng{1};
    Discovery discovery{rng};
    TimePoint now = TimePoint{} + 1h;
    const Address neighbour = *Address::parse("192.168.1.7");

    /// Returns an announcement of another client.
    static Bytes said(std::vector<Sha1Digest> info_hashes, const std::string& cookie = "c00c1e") {
        return Announcement{7000, std::move(info_hashes), cookie}.encode(AddressFamily::v4);
    }
    /// Lets time pass and returns how often each torrent was announced.
    std::map<Sha1Digest, int> announced_in(Duration time) {
        std::map<Sha1Digest, int> times;
        const TimePoint end = now + time;
        datagrams.clear();
        while (discovery.next_timeout() <= end) {
            now = std::max(now, discovery.next_timeout());
            const auto announcement = discovery.poll_announcement(kPort, now);
            if (!announcement) {
                ADD_FAILURE() << "a timeout for nothing";
                break;
            }
            datagrams.push_back(now);
            for (const Sha1Digest& info_hash : announcement->info_hashes) ++times[info_hash];
        }
        now = end;
        return times;
    }
    std::vector<TimePoint> datagrams;
};

TEST_F(DiscoveryTest, ATorrentIsAnnouncedAtOnceOnceMoreAndThenEveryFiveMinutes) {
    EXPECT_EQ(discovery.next_timeout(), kNever);
    discovery.add(numbered(1), now);
    const auto announcement = discovery.poll_announcement(kPort, now);
    ASSERT_TRUE(announcement);
    EXPECT_EQ(announcement->port, kPort);
    EXPECT_EQ(announcement->info_hashes, std::vector{numbered(1)});
    EXPECT_FALSE(announcement->cookie.empty());
    EXPECT_FALSE(discovery.poll_announcement(kPort, now));
    EXPECT_EQ(discovery.next_timeout(), now + 5s);
    EXPECT_EQ(announced_in(6s)[numbered(1)], 1);
    EXPECT_EQ(announced_in(4min).size(), 0u);
    EXPECT_EQ(announced_in(1h)[numbered(1)], 12);
}

TEST_F(DiscoveryTest, AThousandShareDatagramsThatAreASecondApart) {
    for (std::size_t i = 0; i < 1000; ++i) discovery.add(numbered(i), now);
    const auto first = announced_in(4min);
    EXPECT_EQ(first.size(), 1000u);
    for (const auto& [info_hash, times] : first) EXPECT_EQ(times, 2);
    EXPECT_EQ(datagrams.size(), 2 * 1000 / Announcement::kMaxInfoHashes);
    for (std::size_t i = 1; i < datagrams.size(); ++i)
        EXPECT_GE(datagrams[i] - datagrams[i - 1], Discovery::kSpacing);
}

TEST_F(DiscoveryTest, WhatWasAddedLaterJoinsTheDatagramOfTheOthers) {
    for (std::size_t i = 0; i < 5; ++i) {
        discovery.add(numbered(i), now);
        announced_in(10s);
    }
    EXPECT_EQ(announced_in(5min).size(), 5u);
    EXPECT_EQ(datagrams.size(), 1u);
}

TEST_F(DiscoveryTest, InAnotherNetworkAllIsAnnouncedAsIfItHadJustCome) {
    discovery.add(numbered(1), now);
    announced_in(1min);
    discovery.announce_again(now);
    EXPECT_EQ(discovery.next_timeout(), now);
    EXPECT_EQ(announced_in(10s)[numbered(1)], 2);
    discovery.remove(numbered(1));
    EXPECT_EQ(discovery.next_timeout(), kNever);
}

TEST_F(DiscoveryTest, WhatWasRemovedIsNotAnnouncedAndNotKnown) {
    discovery.add(numbered(1), now);
    discovery.add(numbered(2), now);
    discovery.remove(numbered(1));
    discovery.remove(numbered(7));
    EXPECT_EQ(announced_in(1h).size(), 1u);
    EXPECT_FALSE(discovery.handle_datagram(neighbour, said({numbered(1)}), now));
    discovery.remove(numbered(2));
    EXPECT_EQ(discovery.next_timeout(), kNever);
}

TEST_F(DiscoveryTest, ANeighbourWithATorrentOfOursIsHeard) {
    discovery.add(numbered(1), now);
    const auto heard = discovery.handle_datagram(neighbour, said({numbered(9), numbered(1)}), now);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->endpoint.text(), "192.168.1.7:7000");
    EXPECT_EQ(heard->info_hashes, std::vector{numbered(1)});
    EXPECT_FALSE(discovery.handle_datagram(neighbour, said({numbered(9)}), now));
    EXPECT_FALSE(discovery.handle_datagram(neighbour, as_bytes("nonsense"), now));
}

TEST_F(DiscoveryTest, OurOwnDatagramIsKnownByItsCookie) {
    discovery.add(numbered(1), now);
    const auto ours = discovery.poll_announcement(kPort, now);
    ASSERT_TRUE(ours);
    EXPECT_FALSE(discovery.handle_datagram(neighbour, ours->encode(AddressFamily::v4), now));
    Rng other_rng{2};
    Discovery other{other_rng};
    other.add(numbered(1), now);
    EXPECT_TRUE(other.handle_datagram(neighbour, ours->encode(AddressFamily::v4), now));
    EXPECT_TRUE(discovery.handle_datagram(neighbour, said({numbered(1)}, ""), now));
}

TEST_F(DiscoveryTest, AnIpv6AddressOfALinkIsOfNoUse) {
    discovery.add(numbered(1), now);
    EXPECT_FALSE(discovery.handle_datagram(*Address::parse("fe80::1"), said({numbered(1)}), now));
    EXPECT_TRUE(discovery.handle_datagram(*Address::parse("fd00::1"), said({numbered(1)}), now));
    EXPECT_TRUE(discovery.handle_datagram(*Address::parse("169.254.1.1"), said({numbered(1)}), now));
}

TEST_F(DiscoveryTest, AFloodIsLookedAtInPartAlone) {
    discovery.add(numbered(1), now);
    const auto heard = [&] {
        unsigned count = 0;
        for (int i = 0; i < 1000; ++i)
            count += discovery.handle_datagram(neighbour, said({numbered(1)}), now).has_value();
        return count;
    };
    EXPECT_EQ(heard(), Discovery::kMaxHeard);
    now += 500ms;
    EXPECT_EQ(heard(), 0u);
    now += 500ms;
    EXPECT_EQ(heard(), Discovery::kMaxHeard);
}

}  // namespace
}  // namespace btfs::lsd
