// Admission through a Torrent: connections that are admitted, and those that make room.
#include "engine/swarm/admission.hpp"

#include <gtest/gtest.h>

#include "engine/swarm/torrent.hpp"
#include "engine/wire/messages.hpp"
#include "engine/wire/outbound_queue.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 64 * 1024;
constexpr std::size_t kSize = 64 * kPiece;
constexpr std::size_t kMaxPeers = 40;
constexpr std::size_t kMaxIncoming = kMaxPeers - kMaxPeers / Admission::kDialShare;

/// Torrent with peers whose bytes the test writes.
struct Room {
    explicit Room(TorrentOptions options = {.max_peers = kMaxPeers})
        : torrent(identity, layout, storage, options, 1, now) {}

    static Endpoint at(std::uint32_t host, std::uint16_t port = 6881) {
        Bytes compact;
        ByteWriter(compact).u32((20u << 24) + host).u16(port);
        return *Endpoint::from_compact(compact);
    }
    ConnectionId connect(const Endpoint& endpoint, wire::Direction direction = wire::Direction::incoming) {
        return torrent.handle_connected(endpoint, {direction, 20ms}, now);
    }
    void greet(ConnectionId id) {
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(std::byte{9});
        store_big_endian(hello.peer_id.data(), static_cast<std::uint32_t>(id));
        torrent.handle_bytes(id, hello.encode(), now);
    }
    ConnectionId greeted(const Endpoint& endpoint) {
        const ConnectionId id = connect(endpoint);
        if (id != kNobody) greet(id);
        return id;
    }
    /// Fills all of the torrent's room: with as many incoming peers as are admitted, and with dialled ones.
    std::vector<ConnectionId> fill() {
        std::vector<ConnectionId> ids;
        for (std::uint32_t host = 1; host <= kMaxIncoming; ++host) ids.push_back(greeted(at(host)));
        for (std::uint32_t host = kMaxIncoming + 1; host <= kMaxPeers; ++host) {
            const Endpoint endpoint = at(host);
            torrent.handle_candidates({&endpoint, 1}, PeerSource::tracker, now);
            ids.push_back(connect(endpoint, wire::Direction::outgoing));
            greet(ids.back());
        }
        EXPECT_EQ(torrent.connection_count(), kMaxPeers);
        return ids;
    }
    void says(ConnectionId id, std::initializer_list<wire::Message> messages) {
        Bytes bytes;
        for (const wire::Message& m : messages) append_message(bytes, m);
        torrent.handle_bytes(id, bytes, now);
    }
    void pass(Duration time) {
        for (const TimePoint end = now + time; now < end;) {
            now = std::min(end, std::max(now, torrent.next_timeout()));
            torrent.handle_timeout(now);
            while (auto action = torrent.poll_action()) actions.push_back(*action);
        }
    }
    template <class Action>
    std::size_t count() {
        while (auto action = torrent.poll_action()) actions.push_back(*action);
        return static_cast<std::size_t>(std::ranges::count_if(
            actions, [](const TorrentAction& a) { return std::holds_alternative<Action>(a); }));
    }
    bool is_connected(ConnectionId id) { return torrent.session(id) != nullptr; }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    Layout layout{kPiece, {{0, kSize, false}}};
    std::vector<std::byte> content = testing::make_content(kSize);
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage{layout, content, false, [](std::function<void()>) {}};
    Torrent torrent;
    std::vector<TorrentAction> actions;
};

TEST(Admission, OnePublicHostHasAFewConnectionsWhileThereIsRoomAndNoMore) {
    Room room;
    std::size_t admitted = 0;
    for (std::uint16_t port = 1; port <= 100; ++port) admitted += room.greeted(Room::at(1, port)) != kNobody;
    EXPECT_EQ(admitted, Admission::kMaxPerHostWithRoom);
    for (std::uint32_t low = 1; low <= 100; ++low)
        admitted += room.greeted(*Endpoint::parse("[2001:db8::" + std::to_string(low) + "]:1")) != kNobody;
    EXPECT_EQ(admitted, 2 * Admission::kMaxPerHostWithRoom) << "an IPv6 /64 is one host";
}

TEST(Admission, WithHalfOfItsRoomTakenAPublicHostHasOneConnection) {
    Room room;
    for (std::uint32_t host = 1; host <= kMaxPeers / 2; ++host)
        ASSERT_NE(room.greeted(Room::at(host)), kNobody);
    EXPECT_NE(room.greeted(Room::at(100, 1)), kNobody);
    EXPECT_EQ(room.greeted(Room::at(100, 2)), kNobody);
}

TEST(Admission, OurOwnNetworkMayHaveMany) {
    Room room({.max_peers = 200});
    std::size_t loopback = 0, lan = 0;
    for (std::uint16_t port = 1; port <= 100; ++port) {
        loopback += room.greeted(*Endpoint::parse("127.0.0.1:" + std::to_string(port))) != kNobody;
        lan += room.greeted(*Endpoint::parse("192.168.1.9:" + std::to_string(port))) != kNobody;
    }
    EXPECT_EQ(loopback, Admission::kMaxPerLocalHost);
    EXPECT_EQ(lan, Admission::kMaxPerLocalHost);
}

TEST(Admission, IdleConnectionsMakeRoomForPeersThatConnectToUs) {
    Room room;
    const std::vector<ConnectionId> idle = room.fill();
    EXPECT_EQ(room.greeted(Room::at(1000)), kNobody) << "each has a while to show what it is good for";
    room.pass(Admission::kWaiting + 1s);
    for (ConnectionId id : idle) room.says(id, {wire::KeepAlive{}});
    EXPECT_NE(room.greeted(Room::at(1000)), kNobody);
    EXPECT_EQ(room.torrent.connection_count(), kMaxPeers);
}

TEST(Admission, IdleConnectionsMakeRoomForPeersThatAreToBeDialled) {
    Room room;
    room.fill();
    const Endpoint fresh = Room::at(1000);
    const std::size_t before = room.count<Dial>();
    room.torrent.handle_candidates({&fresh, 1}, PeerSource::tracker, room.now);
    EXPECT_EQ(room.count<Dial>(), before);
    room.torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, room.now);
    room.pass(Admission::kWaiting + Torrent::kTurnoverEvery);
    EXPECT_EQ(room.count<Dial>(), before + 1);
}

TEST(Admission, PeersThatConnectToUsLeaveRoomForOnesThatWeDial) {
    Room room;
    std::size_t admitted = 0;
    for (std::uint32_t host = 1; host <= 2 * kMaxPeers; ++host)
        admitted += room.greeted(Room::at(host)) != kNobody;
    EXPECT_EQ(admitted, kMaxIncoming);
    std::vector<Endpoint> candidates;
    for (std::uint32_t host = 1001; host <= 1100; ++host) candidates.push_back(Room::at(host));
    room.torrent.handle_candidates(candidates, PeerSource::tracker, room.now);
    EXPECT_EQ(room.count<Dial>(), kMaxPeers - kMaxIncoming);
}

TEST(Admission, ConnectionsThatAreNotGreetedMakeRoomFirst) {
    Room room;
    for (std::uint32_t host = 1; host < kMaxIncoming; ++host) room.greeted(Room::at(host));
    const ConnectionId slow = room.connect(Room::at(500));
    room.pass(Admission::kGreetingTime + 1s);
    EXPECT_NE(room.greeted(Room::at(1000)), kNobody);
    EXPECT_FALSE(room.is_connected(slow));
}

TEST(Admission, APeerThatOwesABlockedReadIsNeverGivenUp) {
    Room room;
    const ConnectionId seed = room.greeted(Room::at(1));
    room.says(seed, {wire::HaveAll{}, wire::Unchoke{}});
    for (std::uint32_t host = 2; host <= 10; ++host) room.greeted(Room::at(host));
    room.torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, room.now);
    ASSERT_FALSE(room.torrent.session(seed)->requests().empty());
    EXPECT_TRUE(room.torrent.readers_wait());
    EXPECT_EQ(room.torrent.give_up_connections(100, room.now), 9u);
    EXPECT_TRUE(room.is_connected(seed));
    EXPECT_EQ(room.torrent.connection_count(), 1u);
}

TEST(Admission, GivesUpTheLeastUsefulOnRequest) {
    Room room;
    const ConnectionId willing = room.greeted(Room::at(1));
    room.says(willing, {wire::HaveAll{}, wire::Unchoke{}});
    const ConnectionId choking = room.greeted(Room::at(2));
    room.says(choking, {wire::HaveAll{}});
    const ConnectionId useless = room.greeted(Room::at(3));
    room.says(useless, {wire::HaveNone{}});
    EXPECT_EQ(room.torrent.give_up_connections(1, room.now), 1u);
    EXPECT_FALSE(room.is_connected(useless));
    EXPECT_EQ(room.torrent.give_up_connections(1, room.now), 1u);
    EXPECT_FALSE(room.is_connected(choking));
    EXPECT_TRUE(room.is_connected(willing));
}

TEST(Admission, ConnectionsThatNeitherSideWantsEndWhileMuchOfTheRoomIsTaken) {
    Room room;
    std::vector<ConnectionId> all;
    for (ConnectionId id : room.fill()) {
        all.push_back(id);
        room.says(id, {wire::HaveNone{}});
    }
    for (Duration t{}; t < Admission::kInactive + 2min; t += 60s) {
        room.pass(60s);
        for (ConnectionId id : all)
            if (room.is_connected(id)) room.says(id, {wire::KeepAlive{}});
    }
    EXPECT_EQ(room.torrent.connection_count(), kMaxPeers / 2);
}

TEST(Admission, DialsAreHeldBackOnRequest) {
    Room room;
    room.torrent.set_max_dialling(0, room.now);
    const Endpoint peers[] = {Room::at(1), Room::at(2), Room::at(3)};
    room.torrent.handle_candidates(peers, PeerSource::tracker, room.now);
    EXPECT_EQ(room.count<Dial>(), 0u);
    room.torrent.set_max_dialling(2, room.now);
    EXPECT_EQ(room.count<Dial>(), 2u);
}

// ---- peers that send nothing ----

struct Silence : Room {
    Silence() {
        const Endpoint endpoint = at(1);
        torrent.handle_candidates({&endpoint, 1}, PeerSource::user, now);
        EXPECT_EQ(count<Dial>(), 1u);
        seed = connect(endpoint, wire::Direction::outgoing);
        greet(seed);
        says(seed, {wire::HaveAll{}, wire::Unchoke{}});
        torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, now);
        EXPECT_FALSE(torrent.session(seed)->requests().empty());
    }
    ConnectionId seed;
};

TEST(SilentPeers, TheOnlyOneIsDialledAgainWithinSeconds) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    const ConnectionId second = s.connect(Room::at(1), wire::Direction::outgoing);
    ASSERT_NE(second, kNobody);
    EXPECT_TRUE(s.is_connected(s.seed)) << "until the second is known to work";
    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = s.identity.wire_hash();
    hello.peer_id = s.torrent.session(s.seed)->peer_id();
    s.torrent.handle_bytes(second, hello.encode(), s.now);
    s.says(second, {wire::HaveAll{}, wire::Unchoke{}});
    EXPECT_FALSE(s.is_connected(s.seed));
    EXPECT_FALSE(s.torrent.session(second)->requests().empty());
}

TEST(SilentPeers, TheFirstConnectionStaysIfItHasSentSomethingMeanwhile) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    const ConnectionId second = s.connect(Room::at(1), wire::Direction::outgoing);
    s.now += 10ms;
    s.says(s.seed, {wire::KeepAlive{}});
    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = s.identity.wire_hash();
    hello.peer_id = s.torrent.session(s.seed)->peer_id();
    s.torrent.handle_bytes(second, hello.encode(), s.now);
    EXPECT_TRUE(s.is_connected(s.seed));
    EXPECT_FALSE(s.is_connected(second));
}

TEST(SilentPeers, ASecondConnectionThatIsRefusedIsNotDialledAtOnceAgain) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    s.torrent.handle_closed(s.connect(Room::at(1), wire::Direction::outgoing), s.now);
    EXPECT_EQ(s.count<Dial>(), 2u);
    EXPECT_TRUE(s.is_connected(s.seed));
}

TEST(SilentPeers, WhileASecondConnectionIsGreetedNoThirdIsMade) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    ASSERT_NE(s.connect(Room::at(1), wire::Direction::outgoing), kNobody);
    s.pass(Torrent::kRedialEvery + 2s);
    EXPECT_EQ(s.count<Dial>(), 2u);
}

TEST(SilentPeers, BothConnectionsStayUntilOneServesUs) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    const ConnectionId second = s.connect(Room::at(1), wire::Direction::outgoing);
    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = s.identity.wire_hash();
    hello.peer_id = s.torrent.session(s.seed)->peer_id();
    s.torrent.handle_bytes(second, hello.encode(), s.now);
    s.says(second, {wire::HaveAll{}});
    EXPECT_TRUE(s.is_connected(s.seed) && s.is_connected(second)) << "a choked one is no use yet";
    const BlockRef block = s.torrent.session(s.seed)->requests().front().block;
    const auto* data = s.content.data() + s.layout.piece_range(block.piece).begin + block.offset_in_piece;
    wire::OutboundQueue queue;
    queue.push_block(block, {{data, block.size}, nullptr});
    iovec buffers[4];
    Bytes bytes;
    for (std::size_t i = 0, count = queue.send_buffers(buffers); i < count; ++i) {
        const auto* begin = static_cast<const std::byte*>(buffers[i].iov_base);
        bytes.insert(bytes.end(), begin, begin + buffers[i].iov_len);
    }
    s.torrent.handle_bytes(s.seed, bytes, s.now);
    EXPECT_TRUE(s.is_connected(s.seed));
    EXPECT_FALSE(s.is_connected(second));
}

TEST(SilentPeers, AFailedSecondDialChangesNothingAndIsRepeated) {
    Silence s;
    s.pass(Torrent::kRedialAfter + 1500ms);
    ASSERT_EQ(s.count<Dial>(), 2u);
    s.torrent.handle_dial_failed(Room::at(1), Errc::timed_out, s.now);
    EXPECT_TRUE(s.is_connected(s.seed));
    s.pass(Torrent::kRedialEvery + 1s);
    EXPECT_EQ(s.count<Dial>(), 3u);
}

TEST(SilentPeers, AfterAChangeOfTheNetworkTheyAreDialledAgainAtOnce) {
    Silence s;
    s.torrent.on_network_changed(s.now);
    s.pass(Torrent::kRedialDoubtfulAfter + 1s);
    EXPECT_EQ(s.count<Dial>(), 2u);
}

TEST(SilentPeers, AParkedReadWhosePeersVanishAsksForMore) {
    Silence s;
    EXPECT_EQ(s.count<PeersWanted>(), 0u);
    s.torrent.handle_closed(s.seed, s.now);
    EXPECT_EQ(s.count<PeersWanted>(), 1u);
    s.pass(Torrent::kWantPeersEvery + 1s);
    EXPECT_EQ(s.count<PeersWanted>(), 2u) << "and goes on asking";
}

TEST(SilentPeers, AReadThatNobodyConnectedCanServeAsksForMore) {
    Room room;
    const ConnectionId leecher = room.greeted(Room::at(1));
    room.says(leecher, {wire::HaveNone{}, wire::Unchoke{}});
    room.torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, room.now);
    room.pass(2s);
    EXPECT_EQ(room.count<PeersWanted>(), 1u);
}

TEST(SilentPeers, TheUsersPeerIsDialledUntilItIsBack) {
    Silence s;
    s.torrent.handle_closed(s.seed, s.now);
    const auto reason = make_error_code(boost::system::errc::network_unreachable);
    for (std::size_t dials = 2; dials < 1000; ++dials) {
        ASSERT_EQ(s.count<Dial>(), dials);
        if (dials % 2 == 0) {
            s.torrent.handle_dial_failed(Room::at(1), reason, s.now);
        } else {
            s.torrent.handle_dial_failed(Room::at(1), Errc::timed_out, s.now);
        }
        s.pass(PeerList::kHurriedRetry);
    }
}

TEST(Admission, ADialThatCrossesAnotherIsAdmittedWhereAHostHasOneConnection) {
    Room room;
    for (std::uint32_t host = 1; host <= kMaxPeers / 2; ++host) room.greeted(Room::at(host));
    const Endpoint peer = Room::at(1000);
    room.torrent.handle_candidates({&peer, 1}, PeerSource::tracker, room.now);
    const ConnectionId ours = room.connect(peer, wire::Direction::outgoing);
    ASSERT_NE(ours, kNobody);
    const ConnectionId theirs = room.connect(Room::at(1000, 40'000));
    EXPECT_NE(theirs, kNobody) << "both sides would close the other's, and have none";
    room.greet(ours);
    room.greet(theirs);
    EXPECT_EQ(room.connect(Room::at(1000, 40'001)), kNobody) << "a host has one connection";
}

}  // namespace
}  // namespace btfs
