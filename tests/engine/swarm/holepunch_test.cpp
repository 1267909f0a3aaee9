#include "engine/swarm/holepunch.hpp"

#include <gtest/gtest.h>

#include "engine/wire/messages.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;
using wire::HolepunchMessage;
using Type = HolepunchMessage::Type;
using Failure = HolepunchMessage::Failure;

constexpr std::uint32_t kPiece = 256 * 1024;
constexpr std::size_t kSize = 4 * kPiece;

Endpoint at(const char* text) {
    return *Endpoint::parse(text);
}

// ---- whole torrents ----

NodeOptions node(const char* address, bool nat, bool seed = false) {
    NodeOptions options{.seed = seed, .address = Address::parse(address), .nat = nat};
    options.torrent.utp = true;
    return options;
}

/// A seed and a newcomer, each behind a NAT, that both know a peer without content.
struct NatWorld {
    explicit NatWorld(NodeOptions seed_options = node("198.51.100.1", true, true),
                      NodeOptions relay_options = node("198.51.100.2", false),
                      NodeOptions newcomer_options = node("198.51.100.3", true))
        : swarm(kPiece, kSize) {
        seed = swarm.add(seed_options);
        relay = swarm.add(relay_options);
        newcomer = swarm.add(newcomer_options);
        swarm.introduce(seed, relay);
        swarm.run_for(10s);
    }
    bool reads(Duration limit) {
        swarm.introduce(newcomer, relay);
        swarm.set_reader(newcomer, 1, {.blocked = {{0, 65536}}, .window = {}});
        return swarm.run_until([&] { return swarm.storage(newcomer).had().test(PieceIndex(0)); }, limit);
    }
    std::size_t peers_of(std::size_t of) { return swarm.torrent(of).totals().peers; }

    VirtualSwarm swarm;
    std::size_t seed = 0, relay = 0, newcomer = 0;
};

TEST(HolepunchWorld, TwoNatsAndARelayAreNoObstacleToAReader) {
    NatWorld w;
    EXPECT_TRUE(w.reads(1500ms));
    w.swarm.run_for(20s);
    EXPECT_EQ(w.peers_of(w.newcomer), 2u) << "of two connections that came of it one stays";
    EXPECT_EQ(w.peers_of(w.seed), 2u);
}

TEST(HolepunchWorld, PeersMeetThoughNobodyReads) {
    NatWorld w;
    w.swarm.introduce(w.newcomer, w.relay);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.peers_of(w.newcomer) == 2; }, 4s));
}

TEST(HolepunchWorld, NeedsAllThree) {
    for (const int without : {0, 1, 2}) {
        NodeOptions options[] = {node("198.51.100.1", true, true), node("198.51.100.2", false),
                                 node("198.51.100.3", true)};
        options[without].torrent.utp = false;
        // Later they may meet by chance: PEX tells each of the other, and both dial.
        EXPECT_FALSE(NatWorld(options[0], options[1], options[2]).reads(Pex::kGather - 500ms)) << without;
    }
}

TEST(HolepunchWorld, APrivateTorrentTakesNoPart) {
    NodeOptions options[] = {node("198.51.100.1", true, true), node("198.51.100.2", false),
                             node("198.51.100.3", true)};
    for (NodeOptions& each : options) each.is_private = true;
    NatWorld w(options[0], options[1], options[2]);
    EXPECT_FALSE(w.reads(30s));
    EXPECT_EQ(w.swarm.torrent(w.newcomer).session(1)->extended().holepunch_id, 0);
}

TEST(HolepunchWorld, APeerThatCanBeReachedNeedsNoRelay) {
    NatWorld w(node("198.51.100.1", false, true));
    EXPECT_TRUE(w.reads(1500ms));
    w.swarm.run_for(20s);
    EXPECT_EQ(w.peers_of(w.newcomer), 2u);
}

TEST(HolepunchWorld, TheFamiliesMayBeIpv6) {
    NatWorld w(node("2001:db8:1::1", true, true), node("2001:db8:2::1", false), node("2001:db8:3::1", true));
    EXPECT_TRUE(w.reads(1500ms));
}

// ---- one torrent, and peers whose messages the test writes ----

struct Scripted {
    explicit Scripted(TorrentOptions options = {}) : swarm(kPiece, kSize) {
        NodeOptions own{.address = Address::parse("203.0.113.9")};
        own.torrent = std::move(options);
        own.torrent.utp = true;
        torrent = &swarm.torrent(swarm.add(own));
    }
    /// A connected peer; `punches`: it speaks ut_holepunch.
    ConnectionId connect(const char* from, bool punches = true, std::uint16_t listens_at = 0,
                         bool utp = true) {
        NewConnection made{.direction = wire::Direction::incoming};
        made.utp = utp;
        const ConnectionId id = torrent->handle_connected(at(from), made, swarm.now());
        greet(id, listens_at, punches);
        return id;
    }
    /// The peer of a connection greets us.
    void greet(ConnectionId id, std::uint16_t listens_at, bool punches = true) {
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = swarm.identity().wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id));
        torrent->handle_bytes(id, hello.encode(), swarm.now());
        wire::ExtendedHandshake extensions;
        extensions.pex_id = 7;
        if (punches) extensions.holepunch_id = 9;
        if (listens_at != 0) extensions.listen_port = listens_at;
        says(id, wire::kExtendedHandshakeId, extensions.encode());
        for (const Bytes& payload : sent(id, wire::kExtendedHandshakeId))
            answered = *wire::ExtendedHandshake::parse(payload);
    }
    void says(ConnectionId id, std::uint8_t extension, const Bytes& payload) {
        Bytes bytes;
        wire::append_message(bytes, wire::Extended{extension, payload});
        torrent->handle_bytes(id, bytes, swarm.now());
    }
    void says(ConnectionId id, const HolepunchMessage& message) {
        says(id, wire::kHolepunchId, message.encode());
    }
    void tells(ConnectionId id, const Endpoint& of, std::uint8_t flags) {
        says(id, wire::kPexId, wire::PexMessage{.added = {{of, flags}}, .dropped = {}}.encode());
    }
    /// The messages of an extension that have been sent to the peer since the last call.
    std::vector<Bytes> sent(ConnectionId id, std::uint8_t extension) {
        Bytes all;
        iovec buffers[32];
        while (const std::size_t count = torrent->session(id)->send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* data = static_cast<const std::byte*>(buffers[i].iov_base);
                all.insert(all.end(), data, data + buffers[i].iov_len);
                size += buffers[i].iov_len;
            }
            torrent->handle_sent(id, size, swarm.now());
        }
        if (all.size() >= 68 && all[0] == std::byte{19}) all.erase(all.begin(), all.begin() + 68);
        std::vector<Bytes> messages;
        for (ByteReader reader(all); !reader.rest().empty();) {
            const auto message = wire::parse_message(reader.take(reader.u32()));
            const auto* extended = message ? std::get_if<wire::Extended>(&*message) : nullptr;
            if (extended && extended->id == extension)
                messages.emplace_back(extended->payload.begin(), extended->payload.end());
        }
        return messages;
    }
    std::vector<HolepunchMessage> take(ConnectionId id) {
        std::vector<HolepunchMessage> messages;
        for (const Bytes& payload : sent(id, 9)) messages.push_back(**HolepunchMessage::parse(payload));
        return messages;
    }
    std::vector<Dial> dials() {
        std::vector<Dial> all;
        while (const auto action = torrent->poll_action())
            if (const auto* dial = std::get_if<Dial>(&*action)) all.push_back(*dial);
        return all;
    }
    /// True if the torrent dials there because a relay said so.
    bool punches(const char* to) {
        return std::ranges::any_of(dials(), [&](const Dial& d) { return d.punch && d.endpoint == at(to); });
    }
    void pass(Duration time) {
        while (torrent->next_timeout() <= swarm.now() + time) {
            const Duration step = std::max(Duration{}, torrent->next_timeout() - swarm.now());
            swarm.run_for(step);
            time -= step;
            torrent->handle_timeout(swarm.now());
        }
        swarm.run_for(time);
    }

    VirtualSwarm swarm;
    Torrent* torrent;
    wire::ExtendedHandshake answered;  ///< our last one
};

using Messages = std::vector<HolepunchMessage>;

TEST(HolepunchRelay, TellsBothOfEachOther) {
    Scripted s;
    const ConnectionId target = s.connect("198.51.100.1:7001"), initiator = s.connect("198.51.100.2:7002");
    s.says(initiator, {Type::rendezvous, at("198.51.100.1:7001")});
    EXPECT_EQ(s.take(target), (Messages{{Type::connect, at("198.51.100.2:7002")}}));
    EXPECT_EQ(s.take(initiator), (Messages{{Type::connect, at("198.51.100.1:7001")}}));
}

// Peers hear by PEX of the port that another says it listens at. A NAT may have given a uTP connection
// another.
TEST(HolepunchRelay, KnowsATargetByItsListeningPortAndTellsThePortThatTheNatHasOpened) {
    Scripted s;
    const ConnectionId target = s.connect("198.51.100.1:40001", true, 6881);
    const ConnectionId initiator = s.connect("198.51.100.2:50000", true, 6882, false);
    s.says(initiator, {Type::rendezvous, at("198.51.100.1:6881")});
    EXPECT_EQ(s.take(initiator), (Messages{{Type::connect, at("198.51.100.1:40001")}}));
    EXPECT_EQ(s.take(target), (Messages{{Type::connect, at("198.51.100.2:6882")}}))
        << "the port of a TCP connection leads nowhere";
}

TEST(HolepunchRelay, AnswersWithTheErrorsOfBep55) {
    Scripted s;
    const ConnectionId initiator = s.connect("198.51.100.2:7002");
    s.connect("198.51.100.3:7003", false);
    const ConnectionId local = s.connect("192.168.0.4:7004"), six = s.connect("[2001:db8::5]:7005");
    const auto answer = [&](const char* target) {
        s.says(initiator, {Type::rendezvous, at(target)});
        const auto messages = s.take(initiator);
        EXPECT_EQ(messages.size(), 1u) << target;
        if (messages.empty()) return Failure::none;
        EXPECT_EQ(messages[0].type, Type::error);
        EXPECT_EQ(messages[0].endpoint, at(target));
        return messages[0].failure;
    };
    EXPECT_EQ(answer("198.51.100.1:7001"), Failure::not_connected);
    EXPECT_EQ(answer("198.51.100.3:7003"), Failure::no_support);
    EXPECT_EQ(answer("198.51.100.2:7002"), Failure::no_such_peer) << "itself";
    EXPECT_EQ(answer("198.51.100.1:0"), Failure::no_such_peer);
    EXPECT_EQ(answer("224.0.0.1:7001"), Failure::no_such_peer);
    EXPECT_EQ(answer("192.168.0.4:7004"), Failure::not_connected) << "another network's address";
    EXPECT_EQ(answer("[2001:db8::5]:7005"), Failure::not_connected) << "the other family";
    EXPECT_TRUE(s.take(local).empty() && s.take(six).empty());
}

TEST(HolepunchRelay, KnowsItself) {
    Scripted s;
    const ConnectionId initiator = s.connect("198.51.100.2:7002");
    for (int n = 1; n <= 6; ++n)
        s.torrent->handle_own_address(*Address::parse("192.0.2." + std::to_string(n)),
                                      *Address::parse("203.0.113.9"));
    s.says(initiator, {Type::rendezvous, at("203.0.113.9:6881")});
    EXPECT_EQ(s.take(initiator), (Messages{{Type::error, at("203.0.113.9:6881"), Failure::no_self}}));
    s.says(initiator, {Type::connect, at("203.0.113.9:6881")});
    EXPECT_FALSE(s.punches("203.0.113.9:6881"));
}

TEST(HolepunchRelay, AnswersAPeerOnlySoOftenAndSparesTheTarget) {
    Scripted s;
    const ConnectionId target = s.connect("198.51.100.1:7001");
    std::vector<ConnectionId> initiators;
    for (int n = 10; n < 14; ++n)
        initiators.push_back(s.connect(("198.51.100." + std::to_string(n) + ":7002").c_str()));
    std::size_t answers = 0;
    for (int i = 0; i < 30; ++i) s.says(initiators[0], {Type::rendezvous, at("192.0.2.1:7001")});
    answers = s.take(initiators[0]).size();
    EXPECT_EQ(answers, static_cast<std::size_t>(Holepunch::kRelayedAtOnce));
    for (int i = 0; i < 5; ++i)
        for (const ConnectionId each : {initiators[1], initiators[2], initiators[3]})
            s.says(each, {Type::rendezvous, at("198.51.100.1:7001")});
    EXPECT_EQ(s.take(target).size(), static_cast<std::size_t>(Holepunch::kRelayedAtOnce));
    s.pass(Holepunch::kRelayInterval);
    s.says(initiators[0], {Type::rendezvous, at("198.51.100.1:7001")});
    EXPECT_EQ(s.take(target).size(), 1u);
}

TEST(HolepunchInitiator, AsksWhoeverToldOfThePeer) {
    Scripted s;
    const ConnectionId relay = s.connect("198.51.100.2:7002"), other = s.connect("198.51.100.3:7003");
    s.tells(relay, at("198.51.100.1:7001"), wire::kPexUtp | wire::kPexHolepunch);
    const auto dials = s.dials();
    ASSERT_EQ(dials.size(), 1u);
    EXPECT_TRUE(dials[0].utp_told && !dials[0].punch);
    EXPECT_TRUE(s.take(relay).empty()) << "the dial may succeed";
    s.pass(Holepunch::kHeadStart);
    EXPECT_EQ(s.take(relay), (Messages{{Type::rendezvous, at("198.51.100.1:7001")}}));
    EXPECT_TRUE(s.take(other).empty());
    s.says(relay, {Type::connect, at("198.51.100.1:7001")});
    EXPECT_TRUE(s.punches("198.51.100.1:7001"));
    s.torrent->handle_dial_failed(at("198.51.100.1:7001"), Errc::timed_out, s.swarm.now());
    s.pass(5s);
    EXPECT_TRUE(s.take(relay).empty()) << "it was asked";
}

// We have dialled the peer at another port than the one at which it listens, as through a NAT.
TEST(HolepunchInitiator, AsksNoRelayForAPeerThatIsConnectedAtAnotherPort) {
    for (const bool told_first : {false, true}) {
        Scripted s;
        const ConnectionId relay = s.connect("198.51.100.2:7002");
        const Endpoint dialled = at("198.51.100.1:40001"), listens = at("198.51.100.1:7001");
        const auto hear_of_it = [&] { s.tells(relay, listens, wire::kPexUtp | wire::kPexHolepunch); };
        if (told_first) hear_of_it();
        s.says(relay, {Type::connect, dialled});
        ASSERT_TRUE(s.punches("198.51.100.1:40001"));
        NewConnection made{.direction = wire::Direction::outgoing};
        made.utp = made.punched = true;
        const ConnectionId peer = s.torrent->handle_connected(dialled, made, s.swarm.now());
        ASSERT_NE(peer, kNobody);
        s.greet(peer, 7001);
        if (!told_first) hear_of_it();
        s.torrent->handle_dial_failed(listens, Errc::timed_out, s.swarm.now());
        s.pass(Holepunch::kHeadStart);
        EXPECT_TRUE(s.take(relay).empty()) << told_first;
        s.says(relay, {Type::connect, listens});
        EXPECT_FALSE(s.punches("198.51.100.1:7001")) << told_first;
    }
}

TEST(HolepunchInitiator, DoesNotWaitWhileAReaderDoes) {
    Scripted s;
    const ConnectionId relay = s.connect("198.51.100.2:7002");
    s.torrent->set_reader(1, {.blocked = {{0, 1}}, .window = {}}, s.swarm.now());
    s.tells(relay, at("198.51.100.1:7001"), wire::kPexHolepunch);
    EXPECT_EQ(s.take(relay).size(), 1u);
    s.tells(relay, at("198.51.100.4:7001"), wire::kPexHolepunch | wire::kPexReachable);
    EXPECT_TRUE(s.take(relay).empty()) << "a peer that was reached is dialled first";
    s.pass(Holepunch::kHeadStart);
    EXPECT_EQ(s.take(relay).size(), 1u);
}

TEST(HolepunchInitiator, AsksForAReachablePeerOnlyOnceTheDialHasFailed) {
    Scripted s;
    const ConnectionId relay = s.connect("198.51.100.2:7002");
    s.tells(relay, at("198.51.100.1:7001"), wire::kPexHolepunch | wire::kPexReachable);
    s.tells(relay, at("198.51.100.5:7001"), 0);
    s.pass(3s);
    EXPECT_TRUE(s.take(relay).empty());
    for (const char* each : {"198.51.100.1:7001", "198.51.100.5:7001"})
        s.torrent->handle_dial_failed(at(each), Errc::timed_out, s.swarm.now());
    EXPECT_EQ(s.take(relay), (Messages{{Type::rendezvous, at("198.51.100.1:7001")}}))
        << "the other one does not speak it";
}

TEST(HolepunchInitiator, TurnsToAnotherRelayWhenOneRefuses) {
    Scripted s;
    const ConnectionId one = s.connect("198.51.100.2:7002"), two = s.connect("198.51.100.3:7003");
    const Endpoint target = at("198.51.100.1:7001");
    for (const ConnectionId relay : {one, two}) s.tells(relay, target, wire::kPexHolepunch);
    s.pass(Holepunch::kHeadStart);
    EXPECT_EQ(s.take(one).size() + s.take(two).size(), 1u);
    s.says(two, {Type::error, target, Failure::not_connected});
    EXPECT_TRUE(s.take(one).empty() && s.take(two).empty()) << "it was not asked";
    s.says(one, {Type::error, target, Failure::not_connected});
    EXPECT_EQ(s.take(two), (Messages{{Type::rendezvous, target}}));
    s.says(two, {Type::error, target, Failure::not_connected});
    EXPECT_TRUE(s.take(one).empty() && s.take(two).empty());
}

TEST(HolepunchInitiator, PacesWhatItAsksOfOneRelay) {
    Scripted s;
    const ConnectionId relay = s.connect("198.51.100.2:7002");
    wire::PexMessage message;
    for (int n = 1; n <= 20; ++n)
        message.added.push_back(
            {at(("192.0.2." + std::to_string(n) + ":7001").c_str()), wire::kPexHolepunch});
    s.says(relay, wire::kPexId, message.encode());
    s.pass(Holepunch::kHeadStart);
    EXPECT_EQ(s.take(relay).size(), static_cast<std::size_t>(Holepunch::kAskedAtOnce));
    s.pass(Holepunch::kAskInterval);
    EXPECT_EQ(s.take(relay).size(), 1u);
}

TEST(HolepunchTarget, DialsOverUtpAtOnce) {
    Scripted s;
    const ConnectionId relay = s.connect("198.51.100.2:7002");
    s.says(relay, {Type::connect, at("198.51.100.1:7001")});
    EXPECT_TRUE(s.punches("198.51.100.1:7001"));
    s.says(relay, {Type::connect, at("198.51.100.1:7001")});
    EXPECT_FALSE(s.punches("198.51.100.1:7001")) << "the dial is under way";
    NewConnection made{.direction = wire::Direction::outgoing};
    made.utp = made.punched = true;
    EXPECT_NE(s.torrent->handle_connected(at("198.51.100.1:7001"), made, s.swarm.now()), kNobody);
    s.says(relay, {Type::connect, at("198.51.100.1:7001")});
    EXPECT_FALSE(s.punches("198.51.100.1:7001")) << "it is connected";
}

// Both SYNs have arrived. Of two btfs the one with the greater peer id chooses; any other client chooses by
// its own rule.
TEST(HolepunchTarget, LeavesTheChoiceOfTwoConnectionsToOtherClientsForAWhile) {
    for (const auto& [is_btfs, we_choose] : {std::pair(true, true), {true, false}, {false, false}}) {
        Scripted s;
        const ConnectionId relay = s.connect("198.51.100.2:7002");
        const Endpoint target = at("198.51.100.1:7001");
        s.says(relay, {Type::connect, target});
        ASSERT_TRUE(s.punches("198.51.100.1:7001"));
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = s.swarm.identity().wire_hash();
        hello.peer_id = wire::make_peer_id(std::array<std::byte, 12>{std::byte{255}});
        if (!is_btfs) hello.peer_id[1] = std::byte{'L'};
        if (we_choose) hello.peer_id[3] = std::byte{0};  // smaller than ours
        NewConnection in{.direction = wire::Direction::incoming}, out{.direction = wire::Direction::outgoing};
        in.utp = out.utp = out.punched = true;
        const ConnectionId ours = s.torrent->handle_connected(target, out, s.swarm.now());
        const ConnectionId theirs = s.torrent->handle_connected(target, in, s.swarm.now());
        ASSERT_TRUE(ours != kNobody && theirs != kNobody);
        for (const ConnectionId id : {ours, theirs})
            s.torrent->handle_bytes(id, hello.encode(), s.swarm.now());
        const auto left = [&] {
            return int{s.torrent->session(ours) != nullptr} + int{s.torrent->session(theirs) != nullptr};
        };
        EXPECT_EQ(left(), we_choose ? 1 : 2);
        s.pass(1s);
        EXPECT_EQ(left(), we_choose ? 1 : 2);
        s.pass(3s);
        EXPECT_EQ(left(), 1);
    }
}

TEST(HolepunchTarget, IsNotSentToAddressesThatAreNoPeersOfTheRelay) {
    BanList bans;
    bans.ban(*Address::parse("192.0.2.66"));
    Scripted s({.bans = &bans});
    const ConnectionId relay = s.connect("198.51.100.2:7002"), local = s.connect("192.168.0.2:7002");
    for (const char* bad :
         {"127.0.0.1:7001", "10.0.0.1:7001", "192.168.0.3:7001", "169.254.1.1:7001", "[::1]:7001",
          "[fe80::1]:7001", "[fd00::1]:7001", "0.0.0.0:7001", "224.0.0.1:7001", "255.255.255.255:7001",
          "192.0.2.1:0", "192.0.2.1:53", "192.0.2.66:7001", "198.51.100.2:7002"}) {
        s.says(relay, {Type::connect, at(bad)});
        EXPECT_FALSE(s.punches(bad)) << bad;
    }
    s.says(local, {Type::connect, at("192.168.0.3:7001")});
    EXPECT_TRUE(s.punches("192.168.0.3:7001")) << "a relay of our own network";
    s.says(local, {Type::connect, at("127.0.0.1:7001")});
    EXPECT_FALSE(s.punches("127.0.0.1:7001"));
}

TEST(HolepunchTarget, CannotBeAimedAtAVictim) {
    Scripted s;
    std::vector<ConnectionId> relays;
    for (int n = 1; n <= 40; ++n)
        relays.push_back(s.connect(("198.51." + std::to_string(n) + ".1:7002").c_str()));
    std::size_t at_victim = 0;
    std::uint16_t port = 2000;
    const TimePoint begun = s.swarm.now();
    while (s.swarm.now() < begun + 60s) {
        for (const ConnectionId relay : relays) {
            if (!s.torrent->session(relay)) continue;  // a flood ends the connection
            s.says(relay, {Type::connect, {*Address::parse("192.0.2.1"), ++port}});
        }
        for (const Dial& dial : s.dials()) {
            at_victim += dial.punch;
            s.torrent->handle_dial_failed(dial.endpoint, Errc::timed_out, s.swarm.now(), dial.punch);
        }
        s.pass(500ms);
    }
    EXPECT_GE(at_victim, 3u);
    EXPECT_LE(at_victim, 3u + 60s / Holepunch::kHostPause);
}

TEST(HolepunchTarget, DialsOnlySoManyOnBehalfOfOneRelayAndOfAll) {
    Scripted s;
    const auto dialled_for = [&](ConnectionId relay, int network) {
        std::size_t count = 0;
        for (int n = 1; n <= 30; ++n) {
            const std::string host = "192.0." + std::to_string(network) + "." + std::to_string(n);
            s.says(relay, {Type::connect, {*Address::parse(host), 7001}});
            for (const Dial& dial : s.dials()) {
                count += dial.punch;
                s.torrent->handle_dial_failed(dial.endpoint, Errc::timed_out, s.swarm.now(), dial.punch);
            }
        }
        return count;
    };
    std::size_t all = 0;
    for (int n = 1; n <= 8; ++n) {
        const auto relay = s.connect(("198.51.100." + std::to_string(n) + ":7002").c_str());
        const std::size_t count = dialled_for(relay, n + 10);
        EXPECT_LE(count, static_cast<std::size_t>(Holepunch::kOfRelayAtOnce));
        all += count;
    }
    EXPECT_EQ(all, static_cast<std::size_t>(Holepunch::kInAllAtOnce));
}

TEST(HolepunchTarget, HasBoundedDialsUnderWay) {
    Scripted s;
    std::size_t count = 0;
    for (int n = 1; n <= 3; ++n) {
        const auto relay = s.connect(("198.51.100." + std::to_string(n) + ":7002").c_str());
        for (int i = 1; i <= 8; ++i)
            s.says(relay, {Type::connect,
                           {*Address::parse("192.0." + std::to_string(n) + "." + std::to_string(i)), 7001}});
        for (const Dial& dial : s.dials()) count += dial.punch;
    }
    EXPECT_EQ(count, Torrent::kMaxPunching);
}

// As behind a proxy that does not relay UDP, or not yet.
TEST(HolepunchWithoutDatagrams, IsNeitherOfferedNorTried) {
    bool pass = false;
    Scripted s({.datagrams_pass = [&] { return pass; }});
    const ConnectionId relay = s.connect("198.51.100.2:7002");
    EXPECT_EQ(s.answered.holepunch_id, 0);
    s.tells(relay, at("198.51.100.1:7001"), wire::kPexUtp | wire::kPexHolepunch);
    s.pass(Holepunch::kHeadStart);
    EXPECT_TRUE(s.take(relay).empty());
    s.says(relay, {Type::connect, at("198.51.100.4:7001")});
    EXPECT_FALSE(s.punches("198.51.100.4:7001"));

    pass = true;
    const ConnectionId later = s.connect("198.51.100.3:7003");
    EXPECT_NE(s.answered.holepunch_id, 0);
    s.says(later, {Type::connect, at("198.51.100.4:7001")});
    EXPECT_TRUE(s.punches("198.51.100.4:7001"));
}

TEST(HolepunchFlags, AreToldAsTheyAre) {
    Scripted s;
    s.connect("198.51.100.1:7001", true, 7001);
    s.connect("198.51.100.2:50000", false, 7002, false);
    NewConnection made{.direction = wire::Direction::outgoing};
    const Endpoint reached = at("198.51.100.3:7003");
    s.torrent->handle_candidates({&reached, 1}, PeerSource::tracker, s.swarm.now());
    const ConnectionId third = s.torrent->handle_connected(reached, made, s.swarm.now());
    ASSERT_NE(third, kNobody);
    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = s.swarm.identity().wire_hash();
    hello.peer_id.fill(std::byte{99});
    s.torrent->handle_bytes(third, hello.encode(), s.swarm.now());
    const ConnectionId listener = s.connect("198.51.100.4:7004");
    s.pass(Pex::kGather);
    std::map<Endpoint, std::uint8_t> told;
    for (const Bytes& payload : s.sent(listener, 7)) {
        const auto message = wire::PexMessage::parse(payload);
        for (const auto& [endpoint, flags] : message->added) told[endpoint] = flags;
    }
    EXPECT_EQ(told, (std::map<Endpoint, std::uint8_t>{
                        {at("198.51.100.1:7001"), wire::kPexUtp | wire::kPexHolepunch},
                        {at("198.51.100.2:7002"), 0},
                        {reached, wire::kPexReachable}}));
}

}  // namespace
}  // namespace btfs
