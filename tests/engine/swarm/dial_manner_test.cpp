// Torrent: the manners in which it dials its peers.
#include "engine/swarm/dial_manner.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "engine/wire/extended.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs {
namespace {

const Identity kName{.v1 = sha1(as_bytes("a torrent")), .v2 = {}};

/// A torrent of which only the name is known, and which a tracker has told of one peer.
struct OnePeer {
    explicit OnePeer(Encryption rule) : torrent(kName, {.peer_id = id(1), .encryption = rule}, 1, now) {}

    static wire::PeerId id(int n) {
        wire::PeerId id;
        id.fill(static_cast<std::byte>(n));
        return id;
    }
    void introduce() { torrent.handle_candidates({&peer, 1}, PeerSource::tracker, now); }
    /// The next dial, if there is one.
    std::optional<Dial> dial() {
        while (const auto action = torrent.poll_action())
            if (const auto* wanted = std::get_if<Dial>(&*action)) return *wanted;
        return std::nullopt;
    }
    ConnectionId connect(const Dial& dial) {
        return torrent.handle_connected(
            dial.endpoint, {.direction = wire::Direction::outgoing, .encrypted = dial.manner.encrypted}, now);
    }
    ConnectionId let_in(bool encrypted) {
        return torrent.handle_connected(
            {peer.address, 50'000}, {.direction = wire::Direction::incoming, .encrypted = encrypted}, now);
    }
    /// The peer's handshake, and the extended one with the port that it listens on.
    void greets(ConnectionId connection) {
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = kName.wire_hash();
        hello.peer_id = id(9);
        wire::ExtendedHandshake extended;
        extended.listen_port = peer.port;
        extended.pex_id = 7;
        const Bytes payload = extended.encode();
        Bytes bytes;
        ByteWriter(bytes).bytes(hello.encode());
        wire::append_message(bytes, wire::Extended{wire::kExtendedHandshakeId, payload});
        torrent.handle_bytes(connection, bytes, now);
    }
    std::string sent_on(ConnectionId connection) {
        std::array<iovec, 32> buffers;
        std::string text;
        wire::PeerSession& session = *torrent.session(connection);
        for (std::size_t i = 0, count = session.send_buffers(buffers); i < count; ++i)
            text.append(static_cast<const char*>(buffers[i].iov_base), buffers[i].iov_len);
        return text;
    }

    TimePoint now = TimePoint{} + 1h;
    const Endpoint peer = *Endpoint::parse("198.51.100.1:6881");
    Torrent torrent;
};

constexpr std::string_view kProtocolName = "BitTorrent protocol";

TEST(DialManner, APlainDialIsGreetedByTheSessionAndAnEncryptedOneByTheDial) {
    OnePeer plain(Encryption::allow), encrypted(Encryption::require);
    plain.introduce();
    encrypted.introduce();
    const auto first = plain.dial(), second = encrypted.dial();
    ASSERT_TRUE(first && second);
    EXPECT_FALSE(first->manner.encrypted);
    EXPECT_TRUE(first->greeting.empty());
    EXPECT_NE(plain.sent_on(plain.connect(*first)).find(kProtocolName), std::string::npos);

    EXPECT_TRUE(second->manner.encrypted);
    const auto greeting = wire::Handshake::parse(second->greeting);
    ASSERT_TRUE(greeting);
    EXPECT_EQ(greeting->info_hash, kName.wire_hash());
    EXPECT_EQ(greeting->peer_id, OnePeer::id(1));
    const ConnectionId id = encrypted.connect(*second);
    EXPECT_EQ(encrypted.sent_on(id).find(kProtocolName), std::string::npos) << "it was sent before";
    encrypted.greets(id);
    EXPECT_EQ(encrypted.sent_on(id).find(kProtocolName), std::string::npos);
    EXPECT_TRUE(encrypted.torrent.session(id)->greeted());
}

/// A torrent of one piece, none of which is here.
struct Reading {
    Reading() : torrent(kName, layout, storage, {.peer_id = OnePeer::id(1)}, 1, now) {}

    std::vector<Dial> dials(const std::string& first, const std::string& second) {
        for (const std::string& text : {first, second}) {
            const Endpoint peer = *Endpoint::parse(text);
            torrent.handle_candidates({&peer, 1}, PeerSource::tracker, now);
        }
        std::vector<Dial> dials;
        while (const auto action = torrent.poll_action())
            if (const auto* dial = std::get_if<Dial>(&*action)) dials.push_back(*dial);
        return dials;
    }
    void read() { torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, now); }

    Layout layout{16 * 1024, {{0, 16 * 1024, false}}};
    std::vector<std::byte> content = testing::make_content(16 * 1024);
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage{layout, content, false, [](std::function<void()>) {}};
    Torrent torrent;
};

TEST(DialManner, IsContestedWhileAReadWaitsForTheFirstPeer) {
    Reading idle, reading;
    for (const Dial& dial : idle.dials("198.51.100.1:1", "198.51.100.2:1")) EXPECT_FALSE(dial.contested);
    reading.read();
    const std::vector<Dial> dials = reading.dials("198.51.100.1:1", "198.51.100.2:1");
    ASSERT_EQ(dials.size(), 2u);
    for (const Dial& dial : dials) {
        EXPECT_TRUE(dial.contested);
        EXPECT_FALSE(dial.manner.encrypted);
        EXPECT_TRUE(wire::Handshake::parse(dial.greeting));
    }
    const ConnectionId id = reading.torrent.handle_connected(
        dials[0].endpoint, {.direction = wire::Direction::outgoing}, reading.now);
    reading.torrent.handle_dial_settled(id, true, true);
    wire::Handshake hello;
    hello.info_hash = kName.wire_hash();
    hello.peer_id = OnePeer::id(9);
    reading.torrent.handle_bytes(id, hello.encode(), reading.now);
    for (const Dial& dial : reading.dials("198.51.100.3:1", "198.51.100.4:1")) EXPECT_FALSE(dial.contested);
}

TEST(EagerInterest, IsNotTakenBackWhenThePeersPiecesComeWithItsHandshake) {
    Reading reading;
    reading.read();
    const Dial dial = reading.dials("198.51.100.1:1", "198.51.100.2:1").at(0);
    const ConnectionId id = reading.torrent.handle_connected(
        dial.endpoint, {.direction = wire::Direction::outgoing}, reading.now);
    wire::Handshake hello;
    hello.capabilities = {.fast = true};
    hello.info_hash = kName.wire_hash();
    hello.peer_id = OnePeer::id(9);
    Bytes bytes;
    ByteWriter(bytes).bytes(hello.encode());
    wire::append_message(bytes, wire::HaveAll{});
    reading.torrent.handle_bytes(id, bytes, reading.now);
    Bytes not_interested;
    wire::append_message(not_interested, wire::NotInterested{});
    std::array<iovec, 32> buffers;
    Bytes sent;
    wire::PeerSession& session = *reading.torrent.session(id);
    for (std::size_t i = 0, count = session.send_buffers(buffers); i < count; ++i)
        ByteWriter(sent).bytes({static_cast<const std::byte*>(buffers[i].iov_base), buffers[i].iov_len});
    EXPECT_TRUE(session.am_interested());
    EXPECT_TRUE(std::ranges::search(sent, not_interested).empty());
}

TEST(DialManner, APeerThatHangsUpIsDialledInTheOtherMannerAtOnce) {
    OnePeer allow(Encryption::allow);
    allow.introduce();
    allow.torrent.handle_closed(allow.connect(*allow.dial()), allow.now);
    const auto second = allow.dial();
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->manner.encrypted);

    OnePeer prefer(Encryption::prefer);
    prefer.introduce();
    EXPECT_TRUE(prefer.dial()->manner.encrypted);
    prefer.torrent.handle_dial_failed(prefer.peer, Errc::encryption_refused, prefer.now);
    const auto plain = prefer.dial();
    ASSERT_TRUE(plain);
    EXPECT_FALSE(plain->manner.encrypted);

    OnePeer require(Encryption::require);
    require.introduce();
    EXPECT_TRUE(require.dial()->manner.encrypted);
    require.torrent.handle_dial_failed(require.peer, Errc::encryption_refused, require.now);
    EXPECT_FALSE(require.dial()) << "it waits for its next turn";
}

TEST(DialManner, APeerThatConnectedEncryptedIsDialledEncrypted) {
    for (const bool encrypted : {false, true}) {
        OnePeer s(Encryption::allow);
        const ConnectionId id = s.let_in(encrypted);
        s.greets(id);
        s.torrent.handle_closed(id, s.now);
        s.now += 1h;
        s.torrent.handle_timeout(s.now);
        const auto dial = s.dial();
        ASSERT_TRUE(dial);
        EXPECT_EQ(dial->manner.encrypted, encrypted);
    }
}

TEST(DialManner, PexsFlagIsBelieved) {
    OnePeer s(Encryption::allow);
    const ConnectionId teller = s.let_in(false);
    s.greets(teller);
    wire::PexMessage message;
    message.added.push_back({*Endpoint::parse("198.51.100.2:6881"), wire::kPexEncryption});
    message.added.push_back({*Endpoint::parse("198.51.100.3:6881"), wire::kPexReachable});
    const Bytes payload = message.encode();
    Bytes bytes;
    wire::append_message(bytes, wire::Extended{wire::kPexId, payload});
    s.torrent.handle_bytes(teller, bytes, s.now);
    for (int i = 0; i < 2; ++i) {
        const auto dial = s.dial();
        ASSERT_TRUE(dial);
        EXPECT_EQ(dial->manner.encrypted, dial->endpoint == message.added[0].endpoint);
    }
}

/// Peers of PEX among the first half of those dialled, if the tracker names as many. `reached`: the teller
/// says of one more peer that it has dialled it.
int of_pex_in_the_first_half(bool reached) {
    constexpr int kOfEach = 20;
    OnePeer s(Encryption::allow);
    s.torrent.set_max_dialling(0, s.now);
    const ConnectionId teller = s.let_in(false);
    s.greets(teller);
    wire::PexMessage message;
    std::vector<Endpoint> of_tracker;
    for (int i = 0; i < kOfEach; ++i) {
        message.added.push_back(
            {*Endpoint::parse("20.1." + std::to_string(i) + ".1:1111"), wire::kPexHolepunch});
        of_tracker.push_back(*Endpoint::parse("20.2." + std::to_string(i) + ".1:2222"));
    }
    if (reached) message.added.push_back({*Endpoint::parse("20.3.1.1:3333"), wire::kPexReachable});
    const Bytes payload = message.encode();
    Bytes bytes;
    wire::append_message(bytes, wire::Extended{wire::kPexId, payload});
    s.torrent.handle_bytes(teller, bytes, s.now);
    s.torrent.handle_candidates(of_tracker, PeerSource::tracker, s.now);
    s.torrent.set_max_dialling(kOfEach, s.now);
    int of_pex = 0;
    while (const auto dial = s.dial()) of_pex += dial->endpoint.port == 1111;
    return of_pex;
}

TEST(DialManner, PeersThatTheTellerHasNotReachedComeLastIfItEverSaysWhomItHas) {
    EXPECT_GE(of_pex_in_the_first_half(false), 4) << "libtorrent never says it";
    EXPECT_LE(of_pex_in_the_first_half(true), 2);
}

TEST(DialManner, OthersAreToldOfWhoSpeaksEncryption) {
    OnePeer s(Encryption::prefer);
    s.introduce();
    s.greets(s.connect(*s.dial()));
    const ConnectionId listener = s.torrent.handle_connected(*Endpoint::parse("198.51.100.7:50000"),
                                                             {.direction = wire::Direction::incoming}, s.now);
    wire::Handshake hello;
    hello.capabilities = {.extended = true};
    hello.info_hash = kName.wire_hash();
    hello.peer_id = OnePeer::id(7);
    wire::ExtendedHandshake extended;
    extended.pex_id = 7;
    const Bytes payload = extended.encode();
    Bytes bytes;
    ByteWriter(bytes).bytes(hello.encode());
    wire::append_message(bytes, wire::Extended{wire::kExtendedHandshakeId, payload});
    s.torrent.handle_bytes(listener, bytes, s.now);
    s.torrent.handle_timeout(s.now + Pex::kGather);
    const std::string said = s.sent_on(listener);
    EXPECT_NE(said.find("7:added.f1:" + std::string(1, wire::kPexEncryption | wire::kPexReachable)),
              std::string::npos);
}

}  // namespace
}  // namespace btfs
