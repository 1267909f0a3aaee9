#include "engine/swarm/super_seeding.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "tests/support/scripted_peers.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using Pieces = std::set<std::uint32_t>;

constexpr std::uint32_t kPieceLength = 256 * 1024;
/// Pieces of SuperSeeding::kWindow.
constexpr std::size_t kWindow = 4;

/// Super seeding of a torrent, and peers whose messages the test writes.
struct World : testing::ScriptedPeers {
    explicit World(std::uint32_t pieces, std::uint32_t piece_length = kPieceLength)
        : ScriptedPeers(piece_length, pieces), seeding(peers, have, piece_length, 1) {}

    /// A peer that says it has these pieces.
    ConnectionId join(const Pieces& its = {}) {
        const ConnectionId id = connect("203.0.113." + std::to_string(next_id % 250));
        seeding.add_peer(id, now);
        Bitfield bits(layout.piece_count());
        for (std::uint32_t piece : its) bits.set(PieceIndex(piece));
        says(id, wire::BitfieldMessage{bits.bytes()});
        return id;
    }
    ConnectionId join_unchoked(const Pieces& its = {}) {
        const ConnectionId id = join(its);
        session(id).set_choking(false);
        seeding.offer(now);
        return id;
    }
    void says(ConnectionId id, const wire::Message& message) {
        receive(id, message);
        while (const auto event = session(id).poll_event()) {
            const Peer& peer = *peers.at(id);
            if (std::holds_alternative<wire::PiecesKnown>(*event)) seeding.on_pieces_known(peer, now);
            if (std::holds_alternative<wire::InterestChanged>(*event)) seeding.on_interest_changed(peer, now);
            if (const auto* gained = std::get_if<wire::PieceGained>(&*event))
                seeding.on_gained(peer, gained->piece, now);
            if (const auto* lost = std::get_if<wire::PieceLost>(&*event)) seeding.on_lost(peer, lost->piece);
        }
        seeding.offer(now);
    }
    void has(ConnectionId id, std::uint32_t piece) { says(id, wire::Have{PieceIndex(piece)}); }
    void leave(ConnectionId id) {
        seeding.on_gone(id);
        peers.erase(id);
        seeding.offer(now);
    }
    /// The pieces that the peer was offered until now.
    Pieces offered(ConnectionId id) {
        Pieces all;
        for (std::uint32_t piece = 0; piece < layout.piece_count(); ++piece)
            if (seeding.may_request(id, PieceIndex(piece))) all.insert(piece);
        return all;
    }
    /// Of one that was offered a single piece.
    std::uint32_t only_offer(ConnectionId id) {
        const Pieces all = offered(id);
        EXPECT_EQ(all.size(), 1u);
        return *all.begin();
    }
    void run(Duration time) {
        for (const TimePoint end = now + time; now < end;) {
            now += 1s;
            seeding.tick(now);
            seeding.offer(now);
        }
    }

    SuperSeeding seeding;
};

TEST(SuperSeeding, EachPeerIsOfferedAnotherPiece) {
    World w(8);
    Pieces all;
    for (int i = 0; i < 8; ++i) all.insert(w.only_offer(w.join()));
    EXPECT_EQ(all.size(), 8u);
    EXPECT_TRUE(w.offered(w.join()).empty()) << "each piece was offered to somebody";
}

TEST(SuperSeeding, WhatSomePeerHasIsNotOffered) {
    World w(6);
    w.join({0, 1, 2, 3});
    const std::uint32_t a = w.only_offer(1), b = w.only_offer(w.join());
    EXPECT_EQ((Pieces{a, b}), (Pieces{4, 5}));
}

TEST(SuperSeeding, APeerThatIsUnchokedIsOfferedAWindow) {
    World w(64);
    w.join();
    EXPECT_EQ(w.offered(w.join_unchoked()).size(), kWindow);
    World large(64, 4 << 20);
    large.join();
    EXPECT_EQ(large.offered(large.join_unchoked()).size(), 2u) << "the next piece is sent meanwhile";
}

TEST(SuperSeeding, TheNextPieceIsOfferedWhenAnotherPeerHasTheLast) {
    World w(8);
    const ConnectionId a = w.join(), b = w.join();
    const std::uint32_t piece = w.only_offer(a);
    w.has(a, piece);
    EXPECT_EQ(w.offered(a).size(), 1u) << "nobody else has it";
    w.has(b, piece);
    EXPECT_EQ(w.offered(a).size(), 2u);
    EXPECT_EQ(w.offered(b).size(), 1u) << "it has passed nothing on";
}

TEST(SuperSeeding, ANewcomersBitfieldShowsWhatWasPassedOn) {
    World w(8);
    const ConnectionId a = w.join();
    w.join();
    const std::uint32_t piece = w.only_offer(a);
    w.has(a, piece);
    w.join({piece});
    EXPECT_EQ(w.offered(a).size(), 2u);
}

TEST(SuperSeeding, ALonePeerIsOfferedMoreAsItGetsIt) {
    World w(64);
    const ConnectionId a = w.join_unchoked();
    for (std::size_t got = 0; got < 40; ++got) {
        const Pieces offered = w.offered(a);
        EXPECT_EQ(offered.size(), got + kWindow);
        for (std::uint32_t piece : offered)
            if (!w.session(a).has(PieceIndex(piece))) {
                w.has(a, piece);
                break;
            }
    }
}

TEST(SuperSeeding, APeerThatIsLeftAloneIsOfferedMoreForWhatItHas) {
    World w(64);
    const ConnectionId a = w.join_unchoked(), b = w.join();
    for (std::uint32_t piece : w.offered(a)) w.has(a, piece);
    ASSERT_EQ(w.offered(a).size(), kWindow);
    w.leave(b);
    EXPECT_EQ(w.offered(a).size(), 2 * kWindow);
}

// aria2 does not tell us of pieces that we have told it of.
TEST(SuperSeeding, ALonePeerThatDoesNotTellWhatItHasIsOfferedMoreWhenItIsNotInterested) {
    World w(64);
    const ConnectionId a = w.join_unchoked();
    for (std::size_t turn = 1; turn < 10; ++turn) {
        w.says(a, wire::Interested{});
        ASSERT_EQ(w.offered(a).size(), turn * kWindow);
        w.says(a, wire::NotInterested{});
    }
}

TEST(SuperSeeding, WhileTheUplinkIsUnusedMoreIsOfferedAndEachTimeTwiceAsMuch) {
    World w(200);
    const ConnectionId a = w.join_unchoked(), b = w.join_unchoked();
    const auto both = [&] { return std::pair(w.offered(a).size(), w.offered(b).size()); };
    const std::size_t at_first = w.offered(a).size();
    w.run(SuperSeeding::kPatience - 1s);
    EXPECT_EQ(w.offered(a).size(), at_first);
    std::size_t expected = at_first, window = kWindow;
    for (int turn = 0; turn < 3; ++turn) {
        w.run(SuperSeeding::kPatience);
        expected += window *= 2;
        EXPECT_EQ(both(), std::pair(expected, expected));
    }
}

TEST(SuperSeeding, APeerThatPassesOnAgainHasItsFirstWindow) {
    World w(200);
    const ConnectionId a = w.join_unchoked(), b = w.join_unchoked();
    w.run(SuperSeeding::kPatience);
    const Pieces before = w.offered(a);
    ASSERT_EQ(before.size(), 3 * kWindow);
    for (std::uint32_t piece : before) w.has(b, piece);
    EXPECT_EQ(w.offered(a).size(), 4 * kWindow);
}

TEST(SuperSeeding, WhileTheUplinkIsUsedNothingMoreIsOffered) {
    World w(200);
    const ConnectionId a = w.join_unchoked(), b = w.join_unchoked();
    for (Duration time{}; time < SuperSeeding::kLongestWait - 2s; time += 1s) {
        w.peers.at(b)->last_uploaded = w.now;
        w.run(1s);
    }
    EXPECT_EQ(w.offered(a).size(), kWindow);
    // But a peer that sends nothing on to anybody, and takes a byte now and then, must not hold up the
    // others.
    for (int i = 0; i < 3; ++i) {
        w.peers.at(b)->last_uploaded = w.now;
        w.run(1s);
    }
    EXPECT_EQ(w.offered(a).size(), 2 * kWindow);
}

TEST(SuperSeeding, WhatAPeerDoesNotTakeIsOfferedToOthers) {
    World w(3);
    const ConnectionId a = w.join(), b = w.join(), c = w.join(), d = w.join();
    ASSERT_TRUE(w.offered(d).empty());
    w.leave(a);
    EXPECT_TRUE(w.offered(d).empty()) << "it is looked for once a second";
    w.run(1s);
    EXPECT_EQ(w.offered(d).size(), 1u);
    for (ConnectionId id : {b, c, d}) w.session(id).set_choking(false);
    w.run(SuperSeeding::kPatience);
    for (ConnectionId id : {b, c, d}) EXPECT_EQ(w.offered(id).size(), 3u);
}

TEST(SuperSeeding, PeersThatPassNothingOnAreOfferedEverythingInTime) {
    World w(5000);
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(w.join_unchoked());
    w.run(3min);
    for (ConnectionId id : ids) EXPECT_EQ(w.offered(id).size(), 5000u);
}

TEST(SuperSeeding, IsOverWhenEachPieceIsAtSomePeer) {
    World w(8);
    const ConnectionId a = w.join({0, 1, 2}), b = w.join({3, 4, 5});
    w.has(a, 6);
    EXPECT_FALSE(w.seeding.is_over());
    w.has(b, 7);
    EXPECT_TRUE(w.seeding.is_over());
    EXPECT_EQ(w.offered(a).size(), 8u);
    EXPECT_EQ(w.offered(w.join()).size(), 8u);
}

TEST(SuperSeeding, WhatLeftWithAPeerIsNotInTheSwarm) {
    World w(8);
    const ConnectionId a = w.join({0, 1, 2, 3}), b = w.join();
    w.leave(a);
    w.says(b, wire::Have{PieceIndex(0)});
    for (std::uint32_t piece = 4; piece < 8; ++piece) w.has(b, piece);
    EXPECT_FALSE(w.seeding.is_over());
    w.has(b, 1);
    w.has(b, 2);
    const Bytes lost = wire::encode_dont_have(PieceIndex(0));
    w.says(b, wire::Extended{wire::kDontHaveId, lost});
    w.has(b, 3);
    EXPECT_FALSE(w.seeding.is_over());
    w.has(b, 0);
    EXPECT_TRUE(w.seeding.is_over());
}

TEST(SuperSeeding, ASeedThatComesIsIgnoredAndOneThatBecomesOneHasACopy) {
    World w(200);
    const ConnectionId seed = w.connect("203.0.113.99");
    w.seeding.add_peer(seed, w.now);
    w.says(seed, wire::HaveAll{});
    EXPECT_FALSE(w.seeding.is_over());
    EXPECT_TRUE(w.offered(seed).empty());
    w.leave(seed);
    const ConnectionId a = w.join();
    w.says(a, wire::HaveAll{});
    EXPECT_TRUE(w.seeding.is_over());
}

// Torrent hangs up on a seed at its first event, and the events of its last pieces wait behind that one.
TEST(SuperSeeding, APeerThatBecomesASeedInOneBreathHasACopy) {
    World w(8);
    const ConnectionId a = w.join({0, 1, 2, 3, 4, 5});
    w.receive(a, wire::Have{PieceIndex(6)});
    w.receive(a, wire::Have{PieceIndex(7)});
    w.seeding.on_gained(*w.peers.at(a), PieceIndex(6), w.now);
    EXPECT_TRUE(w.seeding.is_over());
}

TEST(SuperSeeding, AtItsEndPeersAreToldOfTheRestLittleByLittle) {
    World w(100'000, kBlockSize);
    const ConnectionId a = w.join({0, 1, 2});
    w.take_output(a);
    w.seeding.end();
    std::size_t bytes = 0;
    for (int i = 0; i < 20; ++i) {
        w.run(1s);
        EXPECT_LE(w.session(a).control_backlog(), SuperSeeding::kMostQueued);
        bytes += w.take_output(a);
    }
    // All but what the peer has, and the piece that it was offered before.
    EXPECT_EQ(bytes, 9u * (100'000 - 3 - 1));
}

// ---- with Torrent ----

constexpr std::size_t kContent = 64 * kPieceLength;
constexpr double kUplink = 2e6;
const testing::LinkOptions kLink{.delay = std::chrono::milliseconds(20), .up = kUplink};

/// The first seed, and leechers that know it; and each other, if they are to.
struct FirstSeed {
    FirstSeed(std::size_t count, bool acquainted) : swarm(kPieceLength, kContent) {
        swarm.add({.seed = true, .link = kLink, .torrent = {.super_seed = true}});
        const TorrentOptions options{.background = true, .pex = acquainted};
        for (std::size_t i = 1; i <= count; ++i) swarm.add({.link = kLink, .torrent = options});
        for (std::size_t i = 1; i <= count; ++i)
            for (std::size_t other = 0; other < (acquainted ? i : 1); ++other) swarm.introduce(i, other);
    }
    /// How long it takes until the first `count` have everything.
    Duration time_for(std::size_t count, Duration limit) {
        const TimePoint begin = swarm.now();
        const bool all = swarm.run_until(
            [&] {
                for (std::size_t i = 1; i <= count; ++i)
                    if (swarm.torrent(i).totals().left > 0) return false;
                return true;
            },
            limit);
        EXPECT_TRUE(all);
        return swarm.now() - begin;
    }
    double uploaded() { return static_cast<double>(swarm.torrent(0).totals().uploaded); }

    testing::VirtualSwarm swarm;
};

TEST(FirstSeed, UploadsLittleMoreThanOneCopy) {
    for (const std::size_t leechers : {2u, 3u, 8u}) {
        FirstSeed w(leechers, true);
        const double time = seconds(w.time_for(leechers, 120s));
        EXPECT_LE(w.uploaded(), 1.15 * kContent) << leechers;
        EXPECT_LE(time, 2 * kContent / kUplink) << leechers;
    }
}

TEST(FirstSeed, ServesALoneLeecherAtFullSpeed) {
    FirstSeed w(1, true);
    const double time = seconds(w.time_for(1, 60s));
    EXPECT_LE(time, 1.1 * kContent / kUplink);
    EXPECT_EQ(w.uploaded(), kContent);
}

TEST(FirstSeed, ServesLeechersThatCannotReachEachOther) {
    FirstSeed w(3, false);
    const double time = seconds(w.time_for(3, 300s));
    EXPECT_LE(time, 3 * kContent / kUplink + 30);
}

TEST(FirstSeed, SaysThatItHasNothingAndServesOnlyWhatItOffers) {
    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout(kPieceLength, {{0, kContent, false}});
    const std::vector<std::byte> content = testing::make_content(kContent);
    std::vector<std::function<void()>> later;
    testing::MemoryStorage storage(layout, content, true,
                                   [&](std::function<void()> event) { later.push_back(std::move(event)); });
    TimePoint now = TimePoint{} + 1h;
    Torrent torrent(identity, layout, storage, {.super_seed = true}, 1, now);
    const ConnectionId id =
        torrent.handle_connected(*Endpoint::parse("10.0.0.9:1"), {wire::Direction::incoming}, now);
    const auto says = [&](const Bytes& bytes) { torrent.handle_bytes(id, bytes, now += 1ms); };
    const auto message = [&](const wire::Message& m) {
        Bytes bytes;
        append_message(bytes, m);
        says(bytes);
    };
    /// The bodies of the messages that we have sent meanwhile.
    const auto sent = [&] {
        Bytes bytes;
        iovec buffers[32];
        while (const std::size_t count = torrent.session(id)->send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* data = static_cast<const std::byte*>(buffers[i].iov_base);
                bytes.insert(bytes.end(), data, data + buffers[i].iov_len);
                size += buffers[i].iov_len;
            }
            torrent.handle_sent(id, size, now);
        }
        return bytes;
    };
    const auto messages = [](ByteView bytes) {
        std::vector<ByteView> bodies;
        while (bytes.size() >= 4) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < 4; ++i) size = size << 8 | std::to_integer<std::size_t>(bytes[i]);
            bodies.push_back(bytes.subspan(4, size));
            bytes = bytes.subspan(4 + size);
        }
        return bodies;
    };

    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
    hello.info_hash = identity.wire_hash();
    hello.peer_id.fill(std::byte{9});
    const auto encoded = hello.encode();
    says({encoded.begin(), encoded.end()});
    message(wire::HaveNone{});
    const Bytes greeting = sent();
    std::optional<PieceIndex> offered;
    bool said_none = false;
    for (ByteView body : messages(ByteView(greeting).subspan(encoded.size()))) {
        const auto parsed = wire::parse_message(body);
        ASSERT_TRUE(parsed);
        said_none = said_none || std::holds_alternative<wire::HaveNone>(*parsed);
        EXPECT_FALSE(std::holds_alternative<wire::HaveAll>(*parsed));
        EXPECT_FALSE(std::holds_alternative<wire::BitfieldMessage>(*parsed));
        EXPECT_FALSE(std::holds_alternative<wire::AllowedFast>(*parsed));
        if (const auto* have = std::get_if<wire::Have>(&*parsed)) {
            EXPECT_FALSE(offered) << "one piece while it is choked";
            offered = have->piece;
        }
    }
    EXPECT_TRUE(said_none);
    ASSERT_TRUE(offered);

    message(wire::Interested{});
    std::set<PieceIndex> told{*offered};
    const Bytes unchoke = sent();
    for (ByteView body : messages(unchoke)) {
        const auto parsed = wire::parse_message(body);
        ASSERT_TRUE(parsed);
        if (const auto* have = std::get_if<wire::Have>(&*parsed)) told.insert(have->piece);
    }
    EXPECT_EQ(told.size(), kWindow);
    EXPECT_FALSE(torrent.session(id)->am_choking());
    PieceIndex other(0);
    while (told.contains(other)) other = other.next();
    message(wire::Request{{other, 0, kBlockSize}});
    EXPECT_TRUE(later.empty());
    const Bytes refusal = sent();
    ASSERT_EQ(messages(refusal).size(), 1u);
    EXPECT_TRUE(std::holds_alternative<wire::RejectRequest>(*wire::parse_message(messages(refusal)[0])));
    message(wire::Request{{*offered, 0, kBlockSize}});
    EXPECT_EQ(later.size(), 1u) << "the store reads it";
}

TEST(FirstSeed, WhoLacksAPieceIsNone) {
    FirstSeed w(1, true);
    w.swarm.run_for(2s);
    const auto offered = [&] {
        std::size_t count = 0;
        for (std::uint32_t i = 0; i < 64; ++i)
            count += w.swarm.torrent(1).picker().availability(PieceIndex(i));
        return count;
    };
    EXPECT_LT(offered(), 64u);
    w.swarm.storage(0).lose(PieceIndex(5));
    w.swarm.run_for(1s);
    EXPECT_EQ(offered(), 63u);
}

}  // namespace
}  // namespace btfs
