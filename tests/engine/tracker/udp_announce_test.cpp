#include "engine/tracker/udp_announce.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::tracker {
namespace {

using namespace std::string_literals;

const TimePoint t0 = TimePoint{} + 1h;

AnnounceRequest request() {
    AnnounceRequest r;
    r.info_hash = sha1(as_bytes("torrent"));
    r.port = 6881;
    r.uploaded = 3;
    r.downloaded = 1;
    r.left = 2;
    r.event = AnnounceEvent::started;
    r.key = 0xABCD;
    r.numwant = 77;
    return r;
}

struct UdpAnnounceTest : testing::Test {
    Rng rng{1};
    std::uint32_t transaction_of(const Bytes& packet) {
        return load_big_endian<std::uint32_t>(packet.data() + 12);
    }
    std::uint32_t action_of(const Bytes& packet) { return load_big_endian<std::uint32_t>(packet.data() + 8); }

    Bytes reply(std::uint32_t action, std::uint32_t transaction, std::string_view rest) {
        Bytes out;
        ByteWriter(out).u32(action).u32(transaction).text(rest);
        return out;
    }
    Bytes connect_reply(const Bytes& packet) { return reply(0, transaction_of(packet), "CONNECTI"); }
    Bytes announce_reply(const Bytes& packet, std::string_view peers) {
        return reply(1, transaction_of(packet), "\0\0\x07\x08\0\0\0\x05\0\0\0\x09"s.append(peers));
    }
    /// Connects and returns the announce packet.
    Bytes connected(UdpAnnounce& announce, TimePoint now = t0) {
        const auto packet = announce.poll_datagram();
        EXPECT_TRUE(packet);
        announce.handle_datagram(connect_reply(*packet), now);
        auto next = announce.poll_datagram();
        EXPECT_TRUE(next);
        return next.value_or(Bytes(98));
    }
};

TEST_F(UdpAnnounceTest, ConnectsThenAnnounces) {
    UdpAnnounce announce(request(), AddressFamily::v4, "/announce?k=v", {}, rng, t0);
    const auto connect = announce.poll_datagram();
    ASSERT_TRUE(connect);
    EXPECT_EQ(connect->size(), 16u);
    EXPECT_EQ(load_big_endian<std::uint64_t>(connect->data()), 0x41727101980u);
    EXPECT_FALSE(announce.poll_datagram());
    announce.handle_datagram(connect_reply(*connect), t0);

    const auto packet = announce.poll_datagram();
    ASSERT_TRUE(packet);
    ByteReader in(*packet);
    EXPECT_EQ(as_text(in.take(8)), "CONNECTI");
    EXPECT_EQ(in.u32(), 1u);
    EXPECT_NE(in.u32(), transaction_of(*connect));
    EXPECT_EQ(Sha1Digest::from(in.take(20)), request().info_hash);
    in.take(20);
    EXPECT_EQ(in.u64(), 1u);  // downloaded
    EXPECT_EQ(in.u64(), 2u);  // left
    EXPECT_EQ(in.u64(), 3u);  // uploaded
    EXPECT_EQ(in.u32(), 2u);  // started
    EXPECT_EQ(in.u32(), 0u);
    EXPECT_EQ(in.u32(), 0xABCDu);
    EXPECT_EQ(in.u32(), 77u);
    EXPECT_EQ(in.u16(), 6881u);
    EXPECT_EQ(as_text(in.rest()), "\x02\x0d/announce?k=v\0"s);

    announce.handle_datagram(announce_reply(*packet, "\xC0\x00\x02\x01\x1A\xE1"s), t0);
    ASSERT_TRUE(announce.result());
    const AnnounceReply& result = announce.result()->value();
    EXPECT_EQ(result.interval, 1800s);
    EXPECT_EQ(result.incomplete, 5u);
    EXPECT_EQ(result.complete, 9u);
    ASSERT_EQ(result.peers.size(), 1u);
    EXPECT_EQ(result.peers[0].text(), "192.0.2.1:6881");
    EXPECT_EQ(announce.next_timeout(), kNever);
}

TEST_F(UdpAnnounceTest, TheSocketsFamilySaysHowLargePeersAre) {
    // 36 bytes are two IPv6 peers or six IPv4 peers.
    const std::string peers = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x1A\xE1" +
                              "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x02\x1A\xE1";
    UdpAnnounce announce(request(), AddressFamily::v6, "", {}, rng, t0);
    announce.handle_datagram(announce_reply(connected(announce), peers), t0);
    ASSERT_TRUE(announce.result());
    ASSERT_EQ(announce.result()->value().peers.size(), 2u);
    EXPECT_EQ(announce.result()->value().peers[1].text(), "[2001:db8::2]:6881");
}

TEST_F(UdpAnnounceTest, RepeatsAfter15SecondsTimesPowersOfTwoAndGivesUp) {
    UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
    const Bytes first = *announce.poll_datagram();
    TimePoint now = t0;
    for (const auto wait : {15s, 30s, 60s}) {
        EXPECT_EQ(announce.next_timeout(), now + wait);
        announce.handle_timeout(now + wait - 1ms);
        EXPECT_FALSE(announce.poll_datagram()) << "too early";
        now += wait;
        announce.handle_timeout(now);
        EXPECT_EQ(announce.poll_datagram(), first);
    }
    announce.handle_timeout(now + 120s);
    ASSERT_TRUE(announce.result());
    EXPECT_EQ(announce.result()->error(), Errc::tracker_timed_out);
    EXPECT_FALSE(announce.poll_datagram());
}

TEST_F(UdpAnnounceTest, AKnownConnectionSavesARoundTripWhileItLives) {
    UdpAnnounce quick(request(), AddressFamily::v4, "", UdpConnection{7, t0 - 59s}, rng, t0);
    EXPECT_EQ(action_of(*quick.poll_datagram()), 1u);
    UdpAnnounce slow(request(), AddressFamily::v4, "", UdpConnection{7, t0 - 60s}, rng, t0);
    EXPECT_EQ(action_of(*slow.poll_datagram()), 0u);
}

TEST_F(UdpAnnounceTest, AConnectionThatGrewOldWhileWaitingIsAskedForAnew) {
    UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
    EXPECT_EQ(action_of(connected(announce)), 1u);
    announce.handle_timeout(t0 + 15s);
    EXPECT_EQ(action_of(*announce.poll_datagram()), 1u);
    announce.handle_timeout(t0 + 61s);
    EXPECT_EQ(action_of(*announce.poll_datagram()), 0u);
}

TEST_F(UdpAnnounceTest, AForgottenConnectionIsAskedForAnewOnce) {
    UdpAnnounce announce(request(), AddressFamily::v4, "", UdpConnection{7, t0}, rng, t0);
    const Bytes packet = *announce.poll_datagram();
    announce.handle_datagram(reply(3, transaction_of(packet), "Connection ID missmatch.\0"s), t0);
    EXPECT_FALSE(announce.result());
    const Bytes again = connected(announce);
    announce.handle_datagram(reply(3, transaction_of(again), "torrent\nunknown"), t0);
    ASSERT_TRUE(announce.result());
    EXPECT_EQ(announce.result()->value().failure_reason, "torrent unknown");
    ASSERT_TRUE(announce.connection());
}

TEST_F(UdpAnnounceTest, DatagramsOfAnotherTransactionAreIgnored) {
    UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
    const Bytes packet = connected(announce);
    announce.handle_datagram(reply(1, transaction_of(packet) + 1, std::string(12, '\0')), t0);
    announce.handle_datagram(reply(3, transaction_of(packet) + 1, "x"), t0);
    announce.handle_datagram({}, t0);
    announce.handle_datagram(as_bytes("1234567"), t0);
    EXPECT_FALSE(announce.result());
}

TEST_F(UdpAnnounceTest, AMalformedAnswerIsABadReply) {
    for (const std::string& rest : {""s, std::string(11, '\0')}) {
        UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
        const Bytes packet = connected(announce);
        announce.handle_datagram(reply(1, transaction_of(packet), rest), t0);
        ASSERT_TRUE(announce.result()) << rest.size();
        EXPECT_EQ(announce.result()->error(), Errc::tracker_bad_reply);
    }
    UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
    announce.handle_datagram(reply(0, transaction_of(*announce.poll_datagram()), "short"), t0);
    EXPECT_EQ(announce.result()->error(), Errc::tracker_bad_reply);
}

TEST_F(UdpAnnounceTest, BytesBehindTheLastWholePeerAreIgnored) {
    const std::string v4 = "\xC0\x00\x02\x01\x1A\xE1"s;
    const std::string v6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01\x1A\xE1"s;
    for (const auto& [family, peer] : {std::pair{AddressFamily::v4, v4}, std::pair{AddressFamily::v6, v6}}) {
        for (std::size_t more = 0; more < peer.size(); ++more) {
            UdpAnnounce announce(request(), family, "", {}, rng, t0);
            const Bytes packet = connected(announce);
            announce.handle_datagram(
                reply(1, transaction_of(packet), std::string(12, '\0') + peer + peer.substr(0, more)), t0);
            ASSERT_TRUE(announce.result() && announce.result()->has_value()) << more;
            EXPECT_EQ(announce.result()->value().peers.size(), 1u) << more;
        }
    }
}

TEST_F(UdpAnnounceTest, NegativeCountsAreNotKnown) {
    UdpAnnounce announce(request(), AddressFamily::v4, "", {}, rng, t0);
    const Bytes packet = connected(announce);
    announce.handle_datagram(reply(1, transaction_of(packet), std::string(12, '\xff')), t0);
    ASSERT_TRUE(announce.result() && announce.result()->has_value());
    EXPECT_FALSE(announce.result()->value().complete);
    EXPECT_FALSE(announce.result()->value().incomplete);
    EXPECT_EQ(announce.result()->value().interval, kShortestInterval);
}

TEST_F(UdpAnnounceTest, LongUrlDataIsCutIntoOptions) {
    const std::string target = "/" + std::string(299, 'a');
    UdpAnnounce announce(request(), AddressFamily::v4, target, {}, rng, t0);
    const Bytes packet = connected(announce);
    ByteReader in(ByteView(packet).subspan(98));
    EXPECT_EQ(in.u8(), 2u);
    EXPECT_EQ(in.u8(), 255u);
    EXPECT_EQ(as_text(in.take(255)), target.substr(0, 255));
    EXPECT_EQ(in.u8(), 2u);
    EXPECT_EQ(in.u8(), 45u);
    EXPECT_EQ(as_text(in.take(45)), target.substr(255));
    EXPECT_EQ(in.u8(), 0u);
    EXPECT_TRUE(in.finished());
}

}  // namespace
}  // namespace btfs::tracker
