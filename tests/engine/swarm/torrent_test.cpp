#include "engine/swarm/torrent.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/wire/outbound_queue.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 256 * 1024;
constexpr std::size_t kSize = 16 * kPiece + 12345;

ReaderDemand blocked_on(std::uint64_t begin, std::uint64_t end) {
    return {.blocked = {{begin, end}}, .window = {}};
}

/// Leecher that knows some seeds.
struct World {
    explicit World(std::size_t seeds, NodeOptions seed_options = {}) : swarm(kPiece, kSize) {
        leecher = swarm.add({});
        seed_options.seed = true;
        for (std::size_t i = 0; i < seeds; ++i) swarm.introduce(leecher, swarm.add(seed_options));
    }
    bool has(std::uint32_t piece) { return swarm.storage(leecher).had().test(PieceIndex(piece)); }

    VirtualSwarm swarm;
    std::size_t leecher;
};

TEST(Torrent, FetchesThePieceThatAReadWaitsForAndNoOther) {
    World w(2);
    w.swarm.set_reader(w.leecher, 1, blocked_on(5 * kPiece + 10, 5 * kPiece + 20));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(5); }, 5s));
    w.swarm.run_for(5s);
    EXPECT_EQ(w.swarm.storage(w.leecher).had().count(), 1u);
    EXPECT_EQ(w.swarm.torrent(w.leecher).totals().downloaded, kPiece);
}

TEST(Torrent, FetchesTheShortLastPiece) {
    World w(1);
    w.swarm.set_reader(w.leecher, 1, blocked_on(kSize - 1, kSize));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(16); }, 5s));
}

TEST(Torrent, FetchesTheWholeWindow) {
    World w(3);
    w.swarm.set_reader(w.leecher, 1, {.blocked = {}, .window = {0, 8 * kPiece}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().count() == 8; }, 10s));
}

TEST(Torrent, OfManyFirstDialsABoundedNumberIsContested) {
    VirtualSwarm swarm(kPiece, kSize);
    Torrent& torrent = swarm.torrent(swarm.add({}));
    torrent.set_reader(1, blocked_on(0, 1), swarm.now());
    std::vector<Endpoint> peers;
    for (std::uint16_t i = 1; i <= Torrent::kMaxDialling; ++i)
        peers.push_back({*Address::parse("198.51.100." + std::to_string(i)), 6881});
    torrent.handle_candidates(peers, PeerSource::tracker, swarm.now());
    std::size_t dials = 0, contested = 0;
    while (const auto action = torrent.poll_action())
        if (const auto* dial = std::get_if<Dial>(&*action)) {
            ++dials;
            contested += dial->contested;
        }
    EXPECT_EQ(dials, Torrent::kMaxDialling);
    EXPECT_EQ(contested, Torrent::kMaxContested);
}

TEST(Torrent, SeedsThatLosePacketsOverTcpAreTriedOverUtp) {
    for (const bool loses : {true, false}) {
        VirtualSwarm swarm(kPiece, kSize);
        const std::size_t leecher = swarm.add({.torrent = {.utp = true}, .tcp_first = true});
        for (int i = 0; i < 4; ++i)
            swarm.introduce(leecher, swarm.add({.seed = true, .link = {.delay = 15ms, .up = 100e3}}));
        swarm.set_reader(leecher, 1, {.blocked = {{0, kSize}}, .window = {0, kSize}});
        for (int i = 0; i < 5; ++i) {
            swarm.run_for(1s);
            const std::uint64_t packets = 1000;
            swarm.tell_reception(leecher, {packets, loses ? packets / 20 : 0, 60ms, 60ms});
        }
        EXPECT_EQ(swarm.utp_connections(leecher), loses ? 2u : 0u);
        EXPECT_EQ(swarm.torrent(leecher).totals().peers, 4u);
        EXPECT_TRUE(swarm.run_until([&] { return swarm.torrent(leecher).totals().left == 0; }, 20s));
        EXPECT_LT(swarm.torrent(leecher).totals().wasted, kSize / 20);
    }
}

TEST(Torrent, AnIpFilterClosesConnectionsToItsAddressesAndAdmitsNoneOfThem) {
    BanList bans;
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({.torrent = {.bans = &bans}});
    const std::size_t filtered = swarm.add({.seed = true}), other = swarm.add({.seed = true});
    swarm.introduce(leecher, filtered);
    swarm.introduce(leecher, other);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(leecher).totals().peers == 2; }, 5s));
    const auto number = load_big_endian<std::uint32_t>(swarm.endpoint(filtered).address.bytes().data());
    bans.set_filter(std::make_shared<const IpFilter>(std::vector<IpFilter::V4Range>{{number, number}},
                                                     std::vector<IpFilter::V6Range>{}));
    swarm.torrent(leecher).on_filter_changed(swarm.now());
    EXPECT_EQ(swarm.torrent(leecher).totals().peers, 1u);
    swarm.introduce(filtered, leecher);  // which dials it
    swarm.run_for(1min);
    EXPECT_EQ(swarm.torrent(leecher).totals().peers, 1u);
    swarm.set_reader(leecher, 1, blocked_on(0, 1));
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().test(PieceIndex(0)); }, 10s));
}

TEST(Torrent, PeersThatGaveContentAreKeptAndDialledByTheNextRunAtOnce) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({}), giver = swarm.add({.seed = true}), idle = swarm.add({});
    swarm.introduce(leecher, giver, PeerSource::dht);
    swarm.introduce(leecher, idle, PeerSource::dht);
    swarm.set_reader(leecher, 1, {.blocked = {}, .window = {0, 4 * kPiece}});
    EXPECT_FALSE(swarm.torrent(leecher).has_peers_to_keep());
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().count() == 4; }, 10s));
    swarm.run_for(1s);  // until the torrent has heard of the last one
    ASSERT_TRUE(swarm.torrent(leecher).has_peers_to_keep());
    const auto kept = swarm.torrent(leecher).peers_to_keep(swarm.now());
    EXPECT_FALSE(swarm.torrent(leecher).has_peers_to_keep());
    ASSERT_EQ(kept.size(), 1u);
    EXPECT_EQ(kept[0].endpoint, swarm.endpoint(giver));
    EXPECT_EQ(kept[0].bytes_given, 4 * kPiece);
    EXPECT_EQ(kept[0].source, PeerSource::dht);
    EXPECT_EQ(kept[0].way, KnownWay{DialManner{}}) << "it was dialled plain, over TCP";

    const std::size_t next_run = swarm.add({});
    swarm.torrent(next_run).handle_kept_peers(kept, swarm.now());
    swarm.set_reader(next_run, 1, blocked_on(0, 1));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(next_run).had().test(PieceIndex(0)); }, 1s));
    EXPECT_EQ(swarm.torrent(next_run).peers_to_keep(swarm.now())[0].source, PeerSource::dht);
}

TEST(Torrent, TheWayInWhichAPeerGaveIsThatOfTheNextRunsFirstDial) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::vector<KeptPeer> kept{
        {*Endpoint::parse("198.51.100.1:6881"), PeerSource::dht, 900, swarm.now(), {DialManner{true}, true}},
        {*Endpoint::parse("198.51.100.2:6881"),
         PeerSource::dht,
         800,
         swarm.now(),
         {DialManner{false}, false}}};
    for (const Encryption rule : {Encryption::allow, Encryption::prefer, Encryption::off}) {
        Torrent& torrent = swarm.torrent(swarm.add({.torrent = {.encryption = rule}}));
        torrent.handle_kept_peers(kept, swarm.now());
        std::vector<Dial> dials;
        while (const auto action = torrent.poll_action())
            if (const auto* dial = std::get_if<Dial>(&*action)) dials.push_back(*dial);
        ASSERT_EQ(dials.size(), 2u);
        EXPECT_EQ(dials[0].manner.encrypted, rule != Encryption::off);
        EXPECT_EQ(dials[0].greeting.empty(), rule == Encryption::off);
        EXPECT_TRUE(dials[0].utp_told);
        EXPECT_FALSE(dials[1].manner.encrypted);
        EXPECT_FALSE(dials[1].utp_told);
    }
}

TEST(Torrent, APrivateOneKeepsAndUsesThePeersOfItsTrackersAlone) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t told = swarm.add({.seed = true}), heard = swarm.add({.seed = true});
    const std::vector<KeptPeer> kept{{swarm.endpoint(heard), PeerSource::pex, 9000, swarm.now()},
                                     {swarm.endpoint(told), PeerSource::tracker, 10, swarm.now()}};
    for (const bool private_first : {true, false}) {
        const std::size_t run = swarm.add({});
        Torrent& torrent = swarm.torrent(run);
        if (private_first) torrent.become_private(swarm.now());
        torrent.handle_kept_peers(kept, swarm.now());
        if (!private_first) torrent.become_private(swarm.now());
        EXPECT_EQ(torrent.peers_known(), 1u) << private_first;
        swarm.set_reader(run, 1, blocked_on(0, 1));
        ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(run).had().test(PieceIndex(0)); }, 5s));
        EXPECT_EQ(torrent.totals().peers, 1u);
        const auto to_keep = torrent.peers_to_keep(swarm.now());
        ASSERT_EQ(to_keep.size(), 1u);
        EXPECT_EQ(to_keep[0].endpoint, swarm.endpoint(told));
    }
}

TEST(Torrent, APeerThatIsFilteredIsNotKept) {
    BanList bans;
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({.torrent = {.bans = &bans}}), giver = swarm.add({.seed = true});
    const std::vector<KeptPeer> kept{{swarm.endpoint(giver), PeerSource::dht, 9000, swarm.now()}};
    const auto number = load_big_endian<std::uint32_t>(swarm.endpoint(giver).address.bytes().data());
    bans.set_filter(std::make_shared<const IpFilter>(std::vector<IpFilter::V4Range>{{number, number}},
                                                     std::vector<IpFilter::V6Range>{}));
    swarm.torrent(leecher).handle_kept_peers(kept, swarm.now());
    EXPECT_EQ(swarm.torrent(leecher).peers_known(), 0u);
    EXPECT_TRUE(swarm.torrent(leecher).peers_to_keep(swarm.now()).empty());
}

TEST(Torrent, FetchesNothingUnasked) {
    World w(2);
    w.swarm.run_for(10s);
    EXPECT_EQ(w.swarm.torrent(w.leecher).totals().peers, 2u);
    EXPECT_EQ(w.swarm.torrent(w.leecher).totals().downloaded, 0u);
}

TEST(Torrent, FetchesAllInBackground) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({.torrent = {.background = true}});
    for (int i = 0; i < 2; ++i) swarm.introduce(leecher, swarm.add({.seed = true}));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(leecher).totals().left == 0; }, 30s));
}

TEST(Torrent, FetchesSelectedFilesInBackgroundAndThenRests) {
    VirtualSwarm swarm(
        kPiece, {{0, 4 * kPiece, false}, {4 * kPiece, 3 * kPiece, false}, {7 * kPiece, kPiece, false}});
    const std::size_t leecher = swarm.add({.torrent = {.background = true, .background_files = {{1, 1}}}});
    const auto is_partial_seed = [&] { return swarm.torrent(leecher).totals().partial_seed; };
    EXPECT_FALSE(is_partial_seed());
    swarm.introduce(leecher, swarm.add({.seed = true}));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().count() == 3; }, 30s));
    swarm.run_for(30s);
    EXPECT_TRUE(is_partial_seed());
    EXPECT_EQ(swarm.storage(leecher).had().count(), 3u);
    for (std::uint32_t piece = 4; piece < 7; ++piece)
        EXPECT_TRUE(swarm.storage(leecher).had().test(PieceIndex(piece))) << piece;
    // Pieces that a reader needs are still fetched.
    swarm.set_reader(leecher, 1, blocked_on(0, kPiece));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().test(PieceIndex(0)); }, 20s));
    EXPECT_FALSE(is_partial_seed());
    swarm.torrent(leecher).drop_reader(1, swarm.now());
    EXPECT_TRUE(is_partial_seed());
}

TEST(Torrent, ThatIsFetchedOnDemandOrCompleteIsNoPartialSeed) {
    World w(1);
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, kPiece));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 5s));
    w.swarm.torrent(w.leecher).drop_reader(1, w.swarm.now());
    EXPECT_FALSE(w.swarm.torrent(w.leecher).totals().partial_seed);
    EXPECT_FALSE(w.swarm.torrent(1).totals().partial_seed);
}

TEST(Torrent, SpreadsAColdPieceOverAllPeers) {
    World w(4);
    w.swarm.run_for(2s);
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, 1));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 5s));
    for (std::size_t seed = 1; seed <= 4; ++seed)
        EXPECT_GT(w.swarm.torrent(seed).totals().uploaded, 0u) << seed;
}

TEST(Torrent, GetsAroundAPeerThatFallsSilent) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({});
    swarm.introduce(leecher, swarm.add({.seed = true, .silent_from = swarm.now() + 1s}));
    swarm.introduce(leecher, swarm.add({.seed = true}));
    swarm.run_for(2s);
    const TimePoint asked = swarm.now();
    swarm.set_reader(leecher, 1, blocked_on(0, kPiece));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().test(PieceIndex(0)); }, 20s));
    EXPECT_LT(swarm.now() - asked, 2s);
}

TEST(Torrent, WhatWillComeLastIsAskedOfASecondPeerAndWastesLittle) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({});
    swarm.introduce(leecher, swarm.add({.seed = true, .link = {.up = 20e3}}));
    swarm.introduce(leecher, swarm.add({.seed = true}));
    swarm.run_for(2s);
    const TimePoint asked = swarm.now();
    swarm.set_reader(leecher, 1, blocked_on(0, kPiece));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().test(PieceIndex(0)); }, 20s));
    // The slow peer takes 0.8 s for each block, and is asked for several before it is known to be slow.
    EXPECT_LT(swarm.now() - asked, 600ms);
    swarm.run_for(5s);
    EXPECT_LT(swarm.torrent(leecher).totals().downloaded, kPiece + kPiece / 2);
}

TEST(Torrent, BansTheSenderOfABadBlockAndNobodyElse) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({});
    const std::size_t liar =
        swarm.add({.seed = true, .tamper = [](std::span<std::byte> b) { b[0] ^= std::byte{1}; }});
    const std::size_t honest = swarm.add({.seed = true});
    swarm.introduce(leecher, liar);
    swarm.introduce(leecher, honest);
    swarm.run_for(1s);
    swarm.set_reader(leecher, 1, {.blocked = {{0, 1}}, .window = {0, kSize}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().all(); }, 60s));
    EXPECT_EQ(swarm.torrent(leecher).totals().peers, 1u);
    EXPECT_EQ(swarm.torrent(liar).totals().peers, 0u);
    EXPECT_LT(swarm.torrent(leecher).totals().downloaded, kSize + kSize / 4);
}

TEST(Torrent, ServesWhatItVerified) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t middle = swarm.add({});
    const std::size_t last = swarm.add({.torrent = {.background = true}});
    swarm.introduce(middle, swarm.add({.seed = true}));
    swarm.introduce(last, middle);
    swarm.set_reader(middle, 1, {.blocked = {}, .window = {0, kSize}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(last).had().all(); }, 60s));
}

TEST(Torrent, FetchesALostPieceAgain) {
    World w(1);
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, 1));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 5s));
    w.swarm.storage(w.leecher).lose(PieceIndex(0));
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, 1));
    w.swarm.run_for(0ms);
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 5s));
}

TEST(Torrent, ASeekWastesLittle) {
    World w(4);
    w.swarm.run_for(1s);
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 1}}, .window = {0, 8 * kPiece}});
    w.swarm.run_for(50ms);
    w.swarm.set_reader(w.leecher, 1, blocked_on(12 * kPiece, 12 * kPiece + 1));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(12); }, 5s));
    w.swarm.run_for(5s);
    EXPECT_LT(w.swarm.torrent(w.leecher).totals().downloaded, 4 * kPiece);
}

TEST(Torrent, WorksWithMemoryForOnePieceAtATime) {
    World w(2);
    w.swarm.storage(w.leecher).max_pieces = 1;
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 1}}, .window = {0, 6 * kPiece}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().count() == 6; }, 30s));
}

TEST(Torrent, AsksForNoMoreBlocksOfAPieceWithoutRoomUntilThereIsCredit) {
    World w(2);
    w.swarm.storage(w.leecher).set_room(false);
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 1}}, .window = {0, 6 * kPiece}});
    w.swarm.run_for(20s);
    EXPECT_LT(w.swarm.storage(w.leecher).had().count(), 6u);
    EXPECT_FALSE(w.has(0));
    w.swarm.storage(w.leecher).set_room(true);
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().count() == 6; }, 10s));
}

// ---- torrents without metadata (BEP 9) ----

TEST(Torrent, OfWhichOnlyTheNameIsKnownGetsTheRestFromItsPeersAndReadsOn) {
    VirtualSwarm swarm(kPiece, kSize);
    for (int i = 0; i < 3; ++i) swarm.add({.seed = true});
    const std::size_t newcomer = swarm.add({.name_only = true});
    for (std::size_t seed = 0; seed < 3; ++seed) swarm.introduce(newcomer, seed);
    ASSERT_GT(swarm.torrent(newcomer).totals().left, 0u) << "it must not be taken for a seed";
    // The time suffices for a connection, handshakes and the dictionary: three round trips of 40 ms, and 40
    // KB.
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(newcomer).totals().left == kSize; }, 300ms));
    EXPECT_EQ(swarm.torrent(newcomer).totals().peers, 3u) << "the connections stay";
    swarm.set_reader(newcomer, 1, blocked_on(5 * kPiece, 5 * kPiece + 1));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(newcomer).had().test(PieceIndex(5)); }, 1s));
}

TEST(Torrent, PeersThatToldItsMetadataAreAskedForPinsAndWindows) {
    for (const bool is_pinned : {true, false}) {
        VirtualSwarm swarm(kPiece, kSize);
        const std::size_t seed = swarm.add({.seed = true}), newcomer = swarm.add({.name_only = true});
        swarm.introduce(newcomer, seed);
        ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(newcomer).totals().left == kSize; }, 1s));
        swarm.run_for(3s);  // it does nothing
        const std::uint32_t pieces = swarm.layout().piece_count();
        if (is_pinned)
            swarm.set_pinned(newcomer, Bitfield(pieces, true));
        else
            swarm.set_reader(newcomer, 1, {.blocked = {}, .window = {0, kSize}});
        EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(newcomer).had().all(); }, 20s))
            << (is_pinned ? "pins" : "a window");
    }
}

TEST(Torrent, AForgedInfoDictionaryIsFoundOut) {
    VirtualSwarm swarm(kPiece, kSize);
    const auto forged = std::make_shared<const Bytes>(40'000, std::byte{9});
    swarm.add({.seed = true, .forged_metadata = forged});
    swarm.add({.seed = true});
    const std::size_t newcomer = swarm.add({.name_only = true});
    swarm.introduce(newcomer, 0);
    swarm.run_for(2s);
    swarm.introduce(newcomer, 1);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(newcomer).totals().left == kSize; }, 10s));
}

TEST(Torrent, TwoThatKnowOnlyTheNameWaitForOneThatKnowsMore) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t first = swarm.add({.name_only = true}), second = swarm.add({.name_only = true});
    swarm.introduce(first, second);
    swarm.run_for(5s);
    const std::size_t seed = swarm.add({.seed = true});
    swarm.introduce(first, seed);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(first).totals().left == kSize; }, 2s));
}

TEST(Torrent, ManyReadersAreAllAnswered) {
    World w(3);
    for (ReaderId reader = 1; reader <= 16; ++reader)
        w.swarm.set_reader(w.leecher, reader,
                           blocked_on((reader - 1) * kPiece + 5, (reader - 1) * kPiece + 6));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().count() == 16; }, 30s));
}

TEST(Torrent, DoesNotConnectToItself) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t node = swarm.add({});
    swarm.introduce(node, node);
    swarm.run_for(60s);
    EXPECT_EQ(swarm.torrent(node).totals().peers, 0u);
}

TEST(Torrent, TwoThatDialEachOtherKeepOneConnection) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t a = swarm.add({.seed = true}), b = swarm.add({.torrent = {.background = true}});
    swarm.introduce(a, b);
    swarm.introduce(b, a);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(b).had().all(); }, 30s));
}

// Any peer can learn another's id by connecting to it.
TEST(Torrent, ACopiedPeerIdClosesNobodyElsesConnection) {
    VirtualSwarm swarm(kPiece, kSize);
    Torrent& torrent = swarm.torrent(swarm.add({}));
    TimePoint now = swarm.now();
    const auto connect = [&](const char* address, wire::Direction direction) {
        const ConnectionId id = torrent.handle_connected(*Endpoint::parse(address), {direction, 20ms}, now);
        wire::Handshake hello;
        hello.info_hash = swarm.identity().wire_hash();
        hello.peer_id.fill(std::byte{0xff});  // greater than ours
        torrent.handle_bytes(id, hello.encode(), now);
        return id;
    };
    const ConnectionId honest = connect("10.0.0.7:6881", wire::Direction::outgoing);
    const ConnectionId other_host = connect("10.0.0.8:50000", wire::Direction::incoming);
    EXPECT_TRUE(torrent.session(honest));
    EXPECT_TRUE(torrent.session(other_host));
    now += 10s;
    const ConnectionId other_family = connect("[2001:db8::8]:50000", wire::Direction::incoming);
    EXPECT_TRUE(torrent.session(honest));
    EXPECT_FALSE(torrent.session(other_family));
    const ConnectionId same_host = connect("10.0.0.7:6882", wire::Direction::outgoing);
    EXPECT_TRUE(torrent.session(honest));
    EXPECT_FALSE(torrent.session(same_host));
}

/// Connects a peer whose handshake says at which address it sees us (`yourip`).
void connect_that_sees_us(Torrent& torrent, const VirtualSwarm& swarm, const std::string& peer,
                          const char* us) {
    const ConnectionId id = torrent.handle_connected(*Endpoint::parse(peer + ":6881"),
                                                     {wire::Direction::incoming, 20ms}, swarm.now());
    wire::Handshake hello;
    hello.capabilities = {.fast = true, .extended = true};
    hello.info_hash = swarm.identity().wire_hash();
    hello.peer_id.fill(static_cast<std::byte>(id));
    wire::ExtendedHandshake extended;
    extended.your_address = Address::parse(us);
    const Bytes payload = extended.encode();
    const auto raw = hello.encode();
    Bytes bytes(raw.begin(), raw.end());
    append_message(bytes, wire::Extended{wire::kExtendedHandshakeId, payload});
    torrent.handle_bytes(id, bytes, swarm.now());
}

/// Returns true if candidates are dialled in the order of BEP 40 for our address `us`.
bool dials_as(const char* us, Torrent& torrent, const VirtualSwarm& swarm) {
    while (torrent.poll_action()) {
    }
    std::vector<Endpoint> candidates;
    for (int i = 1; i <= 20; ++i)
        candidates.push_back(*Endpoint::parse("198.51." + std::to_string(i) + ".9:6881"));
    torrent.handle_candidates(candidates, PeerSource::tracker, swarm.now());
    std::vector<std::uint32_t> priorities;
    while (const auto action = torrent.poll_action())
        if (const auto* dial = std::get_if<Dial>(&*action))
            priorities.push_back(canonical_priority({*Address::parse(us), 0}, dial->endpoint));
    EXPECT_EQ(priorities.size(), candidates.size());
    return std::ranges::is_sorted(priorities, std::greater{});
}

TEST(Torrent, OnePeerAloneDoesNotSayWhoWeAre) {
    for (const bool all_say_so : {false, true}) {
        VirtualSwarm swarm(kPiece, kSize);
        Torrent& torrent = swarm.torrent(swarm.add({}));
        connect_that_sees_us(torrent, swarm, "192.0.2.1", "203.0.113.66");
        for (int i = 2; all_say_so && i <= 7; ++i)
            connect_that_sees_us(torrent, swarm, "192.0.2." + std::to_string(i), "203.0.113.66");
        EXPECT_EQ(dials_as("203.0.113.66", torrent, swarm), all_say_so);
    }
}

TEST(Torrent, TrackersVoteOnOurAddressAsPeersDo) {
    for (const unsigned voters : {1U, 7U}) {
        VirtualSwarm swarm(kPiece, kSize);
        Torrent& torrent = swarm.torrent(swarm.add({}));
        for (unsigned i = 1; i <= voters; ++i) {
            const Address tracker = *Address::parse("192.0.2." + std::to_string(i));
            torrent.handle_own_address(tracker, *Address::parse("10.0.0.1"));
            torrent.handle_own_address(tracker, *Address::parse("203.0.113.66"));
        }
        EXPECT_EQ(dials_as("203.0.113.66", torrent, swarm), voters == 7);
    }
}

/// Torrent with one peer whose bytes the test writes.
struct Scripted {
    Scripted()
        : layout(kPiece, {{0, kSize, false}}),
          content(testing::make_content(kSize)),
          storage(layout, content, false, [](std::function<void()>) {}),
          torrent(identity, layout, storage, {}, 1, now) {
        peer =
            torrent.handle_connected(*Endpoint::parse("10.0.0.9:1"), {wire::Direction::outgoing, 20ms}, now);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(std::byte{9});
        torrent.handle_bytes(peer, hello.encode(), now);
    }
    void says(std::initializer_list<wire::Message> messages) {
        Bytes bytes;
        for (const wire::Message& m : messages) append_message(bytes, m);
        torrent.handle_bytes(peer, bytes, now);
    }

    void sends(const BlockRef& block) {
        const auto* data = content.data() + layout.piece_range(block.piece).begin + block.offset_in_piece;
        wire::OutboundQueue queue;
        queue.push_block(block, {{data, block.size}, nullptr});
        Bytes bytes;
        iovec buffers[4];
        for (std::size_t i = 0, count = queue.send_buffers(buffers); i < count; ++i) {
            const auto* begin = static_cast<const std::byte*>(buffers[i].iov_base);
            bytes.insert(bytes.end(), begin, begin + buffers[i].iov_len);
        }
        torrent.handle_bytes(peer, bytes, now);
    }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    Layout layout;
    std::vector<std::byte> content;
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage;
    Torrent torrent;
    ConnectionId peer;
};

/// Takes all bytes that the torrent has for a peer.
std::string said_to(wire::PeerSession& session) {
    iovec buffers[64];
    std::string text;
    for (std::size_t i = 0, count = session.send_buffers(buffers); i < count; ++i)
        text.append(static_cast<const char*>(buffers[i].iov_base), buffers[i].iov_len);
    return text;
}

TEST(Torrent, WhoIsBeyondTheGatewayIsToldTheOutsidePortsAndOthersOurOwn) {
    Scripted s;
    Torrent torrent(s.identity, s.layout, s.storage, {.ports = {6881, 6882}}, 1, s.now);
    torrent.set_outside_ports({7001, 7002});
    for (const auto& [remote, tcp, dht] : {std::tuple("8.8.8.8:1", 7001, 7002),
                                           {"192.168.1.9:1", 6881, 6882},
                                           {"127.0.0.1:1", 6881, 6882},
                                           {"[2001:db8::1]:1", 6881, 6882}}) {
        const ConnectionId id =
            torrent.handle_connected(*Endpoint::parse(remote), {wire::Direction::outgoing, 20ms}, s.now);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = true, .v2 = false};
        hello.info_hash = s.identity.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id + 10));
        torrent.handle_bytes(id, hello.encode(), s.now);
        const std::string said = said_to(*torrent.session(id));
        EXPECT_NE(said.find("1:pi" + std::to_string(tcp) + "e"), std::string::npos) << remote;
        const char port[] = {0, 0, 0, 3, 9, static_cast<char>(dht >> 8), static_cast<char>(dht)};
        EXPECT_NE(said.find(std::string(port, sizeof port)), std::string::npos) << remote;
    }
}

TEST(Torrent, ASeedThatLosesPiecesInOneBreathIsCountedRight) {
    Scripted s;
    const Bytes zero = wire::encode_dont_have(PieceIndex(0)), one = wire::encode_dont_have(PieceIndex(1));
    s.says(
        {wire::HaveAll{}, wire::Extended{wire::kDontHaveId, zero}, wire::Extended{wire::kDontHaveId, one}});
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(0)), 0u);
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(1)), 0u);
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(2)), 1u);
    s.torrent.handle_closed(s.peer, s.now);
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(2)), 0u);
}

TEST(Torrent, APeerThatBecomesASeedInOneBreathIsCountedOnce) {
    Scripted s;
    s.says({wire::HaveNone{}});
    Bytes bytes;
    for (std::uint32_t i = 0; i < s.layout.piece_count(); ++i)
        append_message(bytes, wire::Have{PieceIndex(i)});
    s.torrent.handle_bytes(s.peer, bytes, s.now);
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(3)), 1u);
    EXPECT_EQ(s.torrent.totals().seeds, 1u);
    s.torrent.handle_closed(s.peer, s.now);
    EXPECT_EQ(s.torrent.picker().availability(PieceIndex(3)), 0u);
}

TEST(Torrent, TheOnlyPeerIsAskedAgainSoonThoughItRefused) {
    Scripted s;
    s.says({wire::HaveAll{}, wire::Unchoke{}});
    s.torrent.set_reader(1, blocked_on(3 * kPiece, 3 * kPiece + 1), s.now);
    const wire::PeerSession& session = *s.torrent.session(s.peer);
    while (session.requests().size() > 0) s.says({wire::RejectRequest{session.requests().front().block}});
    for (const TimePoint end = s.now + 2s; s.now < end; s.now += 100ms) s.torrent.handle_timeout(s.now);
    ASSERT_GT(session.requests().size(), 0u);
    EXPECT_EQ(session.requests().front().block.piece, PieceIndex(3));
}

// The rejects belong to the Choke, although the peer does not choke us any more when they are handled.
TEST(Torrent, APeerThatChokedAndUnchokedInOneTurnIsAskedOn) {
    Scripted s;
    s.says({wire::HaveAll{}, wire::Unchoke{}});
    s.torrent.set_reader(1, {.blocked = {{3 * kPiece, 3 * kPiece + 1}}, .window = {0, kSize}}, s.now);
    const wire::PeerSession& session = *s.torrent.session(s.peer);
    ASSERT_GT(session.requests().size(), 1u);
    Bytes turn;
    append_message(turn, wire::Choke{});
    for (const auto& request : session.requests()) append_message(turn, wire::RejectRequest{request.block});
    append_message(turn, wire::Unchoke{});
    s.torrent.handle_bytes(s.peer, turn, s.now);
    EXPECT_GT(session.requests().size(), 1u) << "a peer that counts as silent is asked for one block at most";
}

TEST(Torrent, ARequestThatTheOnlyPeerOverlooksIsRepeated) {
    Scripted s;
    s.says({wire::HaveAll{}, wire::Unchoke{}});
    s.torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {0, 4 * kPiece}}, s.now);
    const wire::PeerSession& session = *s.torrent.session(s.peer);
    const BlockRef overlooked = session.requests().front().block;
    int asked = 1;
    TimePoint asked_at = s.now;
    for (const TimePoint end = s.now + 20s; s.now < end; s.now += 100ms) {
        s.torrent.handle_timeout(s.now);
        if (session.requests().size() > 1) {
            const auto next = std::ranges::find_if(
                session.requests(), [&](const auto& r) { return r.block != overlooked && !r.cancelled; });
            if (next != session.requests().end()) s.sends(next->block);
        }
        for (const auto& r : session.requests())
            if (r.block == overlooked && !r.cancelled && r.since > asked_at) ++asked, asked_at = r.since;
    }
    EXPECT_GE(asked, 2);
    EXPECT_LE(asked, 4);
}

TEST(Torrent, AnIdleTorrentWithoutPeersNeedsNoTick) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t node = swarm.add({});
    EXPECT_EQ(swarm.torrent(node).next_timeout(), kNever);
}

TEST(Torrent, CountsEachPieceOfAPeerOnceHoweverItsMessagesArrive) {
    VirtualSwarm swarm(kPiece, kSize);
    Torrent& torrent = swarm.torrent(swarm.add({}));
    const std::uint32_t count = swarm.layout().piece_count();
    const TimePoint now = swarm.now();
    Bitfield some(count);
    for (std::uint32_t i = 0; i + 3 < count; ++i) some.set(PieceIndex(i));
    wire::Handshake theirs;
    theirs.info_hash = swarm.identity().wire_hash();
    Bytes packet;
    ByteWriter(packet).bytes(theirs.encode());
    wire::append_message(packet, wire::BitfieldMessage{some.bytes()});
    wire::append_message(packet, wire::Have{PieceIndex(count - 3)});
    const Endpoint peer = *Endpoint::parse("10.9.9.9:6881");
    const ConnectionId id = torrent.handle_connected(peer, {wire::Direction::incoming}, now);
    torrent.handle_bytes(id, packet, now);
    EXPECT_EQ(torrent.picker().availability(PieceIndex(0)), 1u);
    EXPECT_EQ(torrent.picker().availability(PieceIndex(count - 3)), 1u);
    EXPECT_EQ(torrent.picker().availability(PieceIndex(count - 1)), 0u);

    packet.clear();
    wire::append_message(packet, wire::Have{PieceIndex(count - 2)});
    wire::append_message(packet, wire::Have{PieceIndex(count - 1)});
    torrent.handle_bytes(id, packet, now);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(torrent.picker().availability(PieceIndex(i)), 1u);
    torrent.handle_closed(id, now);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_EQ(torrent.picker().availability(PieceIndex(i)), 0u);
}

// The called side of a connection with ourselves reads our peer id first, and closes before the dialling one
// does.
TEST(Torrent, TheCalledSideOfAConnectionWithOurselvesLearnsThatTheAddressIsOurs) {
    VirtualSwarm swarm(kPiece, kSize);
    const wire::PeerId ours = wire::make_peer_id(std::array<std::byte, 12>{});  // of the first node
    const std::size_t node = swarm.add({});
    Torrent& torrent = swarm.torrent(node);
    swarm.introduce(node, node);
    swarm.introduce(node, swarm.add({.seed = true}));
    ASSERT_EQ(torrent.peers_known(), 2u);
    wire::Handshake greeting;
    greeting.info_hash = swarm.identity().wire_hash();
    greeting.peer_id = ours;
    const Endpoint caller{swarm.endpoint(node).address, 50'000};
    const ConnectionId id = torrent.handle_connected(caller, {wire::Direction::incoming}, swarm.now());
    torrent.handle_bytes(id, greeting.encode(), swarm.now());
    EXPECT_EQ(torrent.session(id), nullptr);
    EXPECT_EQ(torrent.peers_known(), 1u);
    swarm.introduce(node, node);
    EXPECT_EQ(torrent.peers_known(), 1u) << "its trackers tell of us for ever";
}

WaitReason why(World& w) {
    const auto waits = w.swarm.torrent(w.leecher).reader_waits();
    EXPECT_EQ(waits.size(), 1u);
    EXPECT_EQ(waits.at(0).reader, 1u);
    return waits.at(0).reason;
}

TEST(Torrent, TellsWhyAReaderWaits) {
    World alone(0);
    EXPECT_TRUE(alone.swarm.torrent(alone.leecher).reader_waits().empty());
    alone.swarm.set_reader(alone.leecher, 1, blocked_on(0, 10));
    EXPECT_EQ(why(alone), WaitReason::no_peers);

    World w(0);
    w.swarm.introduce(w.leecher, w.swarm.add({}));
    w.swarm.run_for(2s);
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, 10));
    EXPECT_EQ(why(w), WaitReason::no_one_has_it);

    World slow(1, {.link = {.up = 1000}});
    slow.swarm.set_reader(slow.leecher, 1, blocked_on(0, 10));
    slow.swarm.run_for(2s);
    EXPECT_EQ(why(slow), WaitReason::asked);
    EXPECT_EQ(slow.swarm.torrent(slow.leecher).reader_waits().at(0).peers, 1u);
}

TEST(Torrent, APausedOneLeavesItsPeersAndItsReadersWaitUntilItGoesOn) {
    World w(2, {.link = {.up = 100'000}});
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 4 * kPiece}}, .window = {0, kSize}});
    Torrent& torrent = w.swarm.torrent(w.leecher);
    ASSERT_TRUE(w.swarm.run_until([&] { return torrent.totals().downloaded > 100'000; }, 5s));
    w.swarm.set_paused(w.leecher, true);
    EXPECT_TRUE(torrent.is_paused());
    EXPECT_EQ(torrent.connection_count(), 0u);
    EXPECT_EQ(why(w), WaitReason::paused);
    const std::uint64_t before = torrent.totals().downloaded;
    w.swarm.introduce(w.leecher, w.swarm.add({.seed = true}));
    w.swarm.set_reader(w.leecher, 1, blocked_on(8 * kPiece, 9 * kPiece));
    w.swarm.run_for(10min);
    EXPECT_EQ(torrent.connection_count(), 0u);
    EXPECT_EQ(torrent.totals().downloaded, before);
    EXPECT_EQ(why(w), WaitReason::paused);

    w.swarm.set_paused(w.leecher, false);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.has(8); }, 2s)) << "not after the dials' usual back-off";
    EXPECT_GE(torrent.connection_count(), 2u);
}

TEST(Torrent, APausedOneAsksForNothingWhatEverIsSaidOfIt) {
    World w(1);
    Torrent& torrent = w.swarm.torrent(w.leecher);
    w.swarm.run_for(1s);
    w.swarm.set_paused(w.leecher, true);
    w.swarm.prefetch(w.leecher, Bitfield(17, true));
    EXPECT_FALSE(torrent.wants_content()) << "web seeds are connected while it does";
    EXPECT_EQ(torrent.add_web_seed(0, w.swarm.now()), kNobody);
    const Endpoint caller{*Address::parse("10.0.0.77"), 50'000};
    EXPECT_EQ(torrent.handle_connected(caller, {wire::Direction::incoming}, w.swarm.now()), kNobody);
    torrent.on_network_changed(w.swarm.now());
    w.swarm.run_for(10min);
    EXPECT_EQ(torrent.totals().downloaded, 0u);
    EXPECT_EQ(torrent.next_timeout(), kNever) << "it costs nothing";
    w.swarm.set_paused(w.leecher, false);
    EXPECT_TRUE(w.swarm.run_until([&] { return torrent.totals().left == 0; }, 10s)) << "nothing is forgotten";
}

TEST(Torrent, OneThatIsPausedWhileItDialsTakesNoConnection) {
    World w(3);
    w.swarm.set_paused(w.leecher, true);  // dials are under way
    w.swarm.run_for(1min);
    EXPECT_EQ(w.swarm.torrent(w.leecher).connection_count(), 0u);
    w.swarm.set_paused(w.leecher, false);
    w.swarm.run_for(2s);
    EXPECT_EQ(w.swarm.torrent(w.leecher).connection_count(), 3u);
}

TEST(Torrent, APausedOneKeepsNoMemoryForPiecesOfWhichNothingIsHere) {
    World w(1, {.link = {.up = 1000}});
    const auto& begun = w.swarm.torrent(w.leecher).picker().partials();
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 4 * kPiece}}, .window = {0, kSize}});
    w.swarm.run_for(2s);
    EXPECT_FALSE(begun.empty());
    w.swarm.set_paused(w.leecher, true);
    EXPECT_TRUE(begun.empty());
    w.swarm.set_paused(w.leecher, false);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 1h)) << "they are asked for again";
}

TEST(Torrent, ADialThatAPauseEndedIsNoFailureOfThePeer) {
    VirtualSwarm swarm(kPiece, kSize);
    Torrent& torrent = swarm.torrent(swarm.add({}));
    const auto dials = [&] {
        std::size_t count = 0;
        while (const auto action = torrent.poll_action()) count += std::holds_alternative<Dial>(*action);
        return count;
    };
    const Endpoint peer{*Address::parse("10.0.1.1"), 6881};
    torrent.handle_candidates({&peer, 1}, PeerSource::tracker, swarm.now());
    ASSERT_EQ(dials(), 1u);
    for (int i = 0; i < 3; ++i) {
        torrent.set_paused(true, swarm.now());
        torrent.handle_dial_failed(peer, Errc::cancelled, swarm.now());
        EXPECT_EQ(dials(), 0u);
        torrent.set_paused(false, swarm.now());
        EXPECT_EQ(dials(), 1u) << "at once, not after a back-off";
    }
}

TEST(Torrent, APausedOneTakesNoInterestFromTheIdle) {
    IdleInterest shared;
    VirtualSwarm swarm(kPiece, kSize);
    NodeOptions options;
    options.torrent.idle_interest = &shared;
    const std::size_t reads = swarm.add(options);
    swarm.set_reader(reads, 1, blocked_on(0, 1));
    std::vector<std::size_t> idle;
    for (std::size_t i = 0; i < IdleInterest::kMaxTorrents; ++i) {
        idle.push_back(swarm.add(options));
        swarm.introduce(idle.back(), swarm.add({.seed = true}));
    }
    swarm.run_for(3s);
    swarm.set_paused(reads, true);
    options.torrent.paused = true;
    EXPECT_TRUE(swarm.torrent(swarm.add(options)).is_paused());
    swarm.run_for(3s);
    for (const std::size_t each : idle) {
        const auto peers = swarm.torrent(each).peer_statuses(swarm.now());
        ASSERT_EQ(peers.size(), 1u);
        EXPECT_TRUE(peers[0].interesting) << each;
    }
}

TEST(Torrent, TellsThatAllWhoHaveThePieceChoke) {
    UploadSlots none(0);
    NodeOptions choking;
    choking.torrent.upload_slots = &none;
    World w(1, choking);
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, kSize}}, .window = {}});
    w.swarm.run_for(5s);
    ASSERT_LT(w.swarm.storage(w.leecher).had().count(), 17u) << "beyond the allowed fast set";
    EXPECT_EQ(why(w), WaitReason::all_choke);
    EXPECT_EQ(w.swarm.torrent(w.leecher).reader_waits().at(0).peers, 1u);
}

TEST(Torrent, TellsThatTheStoreTakesNothingMore) {
    World w(2);
    w.swarm.storage(w.leecher).max_pieces = 0;
    w.swarm.set_reader(w.leecher, 1, blocked_on(0, 10));
    w.swarm.run_for(3s);
    EXPECT_EQ(why(w), WaitReason::no_room);
}

TEST(Torrent, ItsPieceMapHasWhatIsHadAndHowManyPeersHaveEach) {
    World w(2);
    w.swarm.set_reader(w.leecher, 1, blocked_on(5 * kPiece, 5 * kPiece + 1));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(5); }, 5s));
    w.swarm.run_for(1s);
    const auto map = w.swarm.torrent(w.leecher).piece_map();
    ASSERT_TRUE(map);
    EXPECT_EQ(map->piece_length, kPiece);
    EXPECT_EQ(map->had.count(), 1u);
    EXPECT_TRUE(map->had.test(PieceIndex(5)));
    EXPECT_TRUE(map->begun.none());
    EXPECT_EQ(map->availability, std::vector<std::uint8_t>(17, 2));
}

TEST(Torrent, AConnectionHasRates) {
    World w(1);
    w.swarm.set_reader(w.leecher, 1, {.blocked = {}, .window = {0, kSize}});
    w.swarm.run_for(1s);
    const auto peers = w.swarm.torrent(w.leecher).peer_statuses(w.swarm.now());
    ASSERT_EQ(peers.size(), 1u);
    EXPECT_GT(peers[0].down, 100'000);
    EXPECT_EQ(peers[0].up, 0);
    EXPECT_LT(w.swarm.torrent(w.leecher).peer_statuses(w.swarm.now() + 60s)[0].down, 1);
}

}  // namespace
}  // namespace btfs
