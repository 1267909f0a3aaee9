#include "engine/swarm/blame.hpp"

#include <gtest/gtest.h>

#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 256 * 1024;  // sixteen blocks
constexpr std::size_t kSize = 8 * kPiece;

/// Returns the options of a peer that spoils one block of each piece. The first byte of a block tells which
/// one of its piece it is.
NodeOptions spoiler() {
    NodeOptions options{.seed = true};
    options.tamper = [](std::span<std::byte> block) {
        if ((block[0] & std::byte{0x0f}) == std::byte{3}) block[1] ^= std::byte{1};
    };
    return options;
}

TEST(Blame, LiarsWhoSpoilOnlySomeBlocksAreFoundOutAndNobodyElse) {
    BanList bans;
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({.torrent = {.bans = &bans}});
    for (int i = 0; i < 4; ++i) swarm.introduce(leecher, swarm.add(spoiler()));
    for (int i = 0; i < 4; ++i) swarm.introduce(leecher, swarm.add({.seed = true}));
    swarm.run_for(1s);
    swarm.set_reader(leecher, 1, {.blocked = {{0, 1}}, .window = {0, kSize}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().all(); }, 120s));
    EXPECT_GT(bans.size(), 0u);
    for (std::size_t node = 5; node <= 8; ++node)
        EXPECT_FALSE(bans.contains(swarm.endpoint(node).address)) << node;
    EXPECT_LT(swarm.torrent(leecher).totals().downloaded, 3 * kSize);
}

/// Blame without a torrent: a table of peers that have everything, and one piece.
struct Court : ::testing::Test, private wire::BlockPlaces {
    Court() : layout(kPiece, {{0, kSize, false}}), none(layout.piece_count()) {
        for (ConnectionId id = 1; id <= 4; ++id) connect(id);
    }
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
    void connect(ConnectionId id) {
        const wire::PeerSession::Config config{
            .identity = identity, .layout = &layout, .remote = {address(id), 6881}, .have = none};
        auto peer = std::make_unique<Peer>(id, config, static_cast<wire::BlockPlaces&>(*this), now);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = false, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id));
        const auto raw = hello.encode();
        Bytes bytes(raw.begin(), raw.end());
        append_message(bytes, wire::HaveAll{});
        append_message(bytes, wire::Unchoke{});
        peer->session.handle_bytes(bytes, now);
        peers.emplace(id, std::move(peer));
    }
    static Address address(ConnectionId id) { return *Address::parse("20.0.0." + std::to_string(id)); }
    struct Buffer final : PieceBuffer {
        std::span<std::byte> bytes() override { return memory; }
        std::vector<std::byte> memory = std::vector<std::byte>(kPiece);
    };
    /// Returns a piece whose blocks were received from these senders in turn.
    std::unique_ptr<PartialPiece> received_from(std::initializer_list<ConnectionId> senders) {
        auto partial = std::make_unique<PartialPiece>(piece, layout, std::make_shared<Buffer>(), open);
        for (std::uint32_t i = 0; i < partial->block_count(); ++i) {
            const ConnectionId sender = senders.begin()[i % senders.size()];
            partial->ask(i, {sender, now, now});
            partial->receive(i, sender);
        }
        return partial;
    }
    Blame::Sentence fails(std::initializer_list<ConnectionId> senders) {
        return blame.on_mismatch(*received_from(senders), digests, now);
    }
    bool is_asked(ConnectionId id) { return !blame.excludes(piece, *peers.at(id)); }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    Layout layout;
    Bitfield none;
    TimePoint now = TimePoint{} + 1h;
    std::set<PieceIndex> open;
    PeerTable peers;
    Blame blame{peers, layout};
    const PieceIndex piece{3};
    std::vector<Sha1Digest> digests = std::vector<Sha1Digest>(16, sha1(as_bytes("bad")));
};

TEST_F(Court, AloneTheSenderIsGuilty) {
    const auto sentence = fails({2});
    EXPECT_EQ(sentence.guilty, address(2));
    EXPECT_EQ(sentence.discarded.size(), 16u);
}

TEST_F(Court, OfSeveralOneIsSuspectedAndItsBlocksAreFetchedAgain) {
    const auto sentence = fails({1, 2});
    EXPECT_FALSE(sentence.guilty);
    EXPECT_EQ(sentence.discarded.size(), 8u);
    EXPECT_NE(is_asked(1), is_asked(2));
    EXPECT_TRUE(is_asked(3));
}

TEST_F(Court, AfterSomeFailuresOneSenderSendsTheWholePiece) {
    for (std::size_t i = 0; i < Blame::kMaxFailures; ++i) {
        EXPECT_FALSE(fails({1, 2, 3, 4}).guilty);
        EXPECT_FALSE(blame.parole_of(piece));
    }
    EXPECT_EQ(fails({1, 2, 3, 4}).discarded.size(), 16u);
    const auto holder = blame.parole_of(piece);
    ASSERT_TRUE(holder);
    for (ConnectionId id = 1; id <= 4; ++id) EXPECT_EQ(is_asked(id), address(id) == *holder) << id;
    // The holder of the parole is the liar.
    const ConnectionId liar = *holder == address(1)   ? 1
                              : *holder == address(2) ? 2
                              : *holder == address(3) ? 3
                                                      : 4;
    EXPECT_EQ(fails({liar}).guilty, *holder);
    peers.erase(liar);
    blame.reconsider(now);
    ASSERT_TRUE(blame.parole_of(piece));
    EXPECT_NE(blame.parole_of(piece), holder);
}

TEST_F(Court, WhatWasThrownAwayConvictsItsSenderWhenThePieceVerifies) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    std::vector<Sha1Digest> good = digests;
    good[1] = sha1(as_bytes("good"));  // the second sender's
    EXPECT_EQ(blame.on_verified(piece, nullptr, good), std::set<Address>{address(2)});
    EXPECT_FALSE(blame.parole_of(piece));
    EXPECT_TRUE(is_asked(1) && is_asked(3));
}

TEST_F(Court, ASlowSenderDoesNotKeepAPieceOnParole) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    std::set<Address> holders;
    for (int i = 0; i < 4; ++i) {
        holders.insert(*blame.parole_of(piece));
        now += Blame::kParole + 1s;
        blame.reconsider(now);
    }
    EXPECT_EQ(holders.size(), 4u);
}

TEST_F(Court, ASenderThatSendsNothingOfAPieceOnParoleLosesItSoon) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    std::set<Address> holders;
    for (int i = 0; i < 4; ++i) {
        const Address holder = *blame.parole_of(piece);
        holders.insert(holder);
        now += Blame::kShortestSilence;
        blame.on_block(piece, holder, now);
        blame.on_block(piece, address(9), now + 1s);  // is not the holder
        EXPECT_TRUE(blame.reconsider(now + Blame::kShortestSilence).empty());
        now += Blame::kLongestSilence + 1ms;
        EXPECT_EQ(blame.reconsider(now).size(), 1u);
    }
    EXPECT_EQ(holders.size(), 4u);
}

TEST_F(Court, ASilentHolderIsGivenTwiceAsLongOnceAllWereTriedUpToALimit) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    for (int round = 0; round < 8; ++round) {
        const int doublings = std::min(round, Blame::kMaxSilenceRounds);
        for (std::size_t sender = 0; sender < peers.size(); ++sender) {
            EXPECT_TRUE(blame.reconsider(now + Blame::kShortestSilence * (1 << doublings)).empty()) << round;
            now += Blame::kLongestSilence * (1 << doublings) + 1ms;
            EXPECT_EQ(blame.reconsider(now).size(), 1u) << round;
        }
    }
}

TEST_F(Court, AParoleTakesTwiceAsLongOnceAllWereTriedUpToALimit) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    for (int round = 0; round < 13; ++round) {
        const Duration longest = Blame::kParole * (1 << std::min(round, 10));
        for (std::size_t sender = 0; sender < peers.size(); ++sender) {
            for (Duration t{}; t <= longest; t += 1s) {
                blame.on_block(piece, *blame.parole_of(piece), now + t);
                ASSERT_TRUE(blame.reconsider(now + t).empty()) << round;
            }
            now += longest + 1s;
            EXPECT_EQ(blame.reconsider(now).size(), 1u) << round;
        }
    }
}

TEST_F(Court, AParoleEndsWithItsHolder) {
    for (std::size_t i = 0; i <= Blame::kMaxFailures; ++i) fails({1, 2, 3, 4});
    while (!peers.empty()) {
        const auto holder = blame.parole_of(piece);
        ASSERT_TRUE(holder);
        std::erase_if(peers, [&](const auto& p) { return p.second->session.remote().address == *holder; });
        blame.reconsider(now);
        EXPECT_NE(blame.parole_of(piece), holder);
    }
    EXPECT_FALSE(blame.parole_of(piece)) << "whoever comes may be asked";
}

TEST_F(Court, ADepartureOfAnotherClearsNoSuspicion) {
    fails({1, 2});
    const ConnectionId suspect = is_asked(1) ? 2 : 1;
    peers.erase(4);
    blame.reconsider(now);
    EXPECT_FALSE(is_asked(suspect));
    for (ConnectionId id = 1; id <= 3; ++id)
        if (id != suspect) peers.erase(id);
    blame.reconsider(now);
    EXPECT_TRUE(is_asked(suspect)) << "nobody else has the piece";
}

TEST_F(Court, ReconnectingClearsNoName) {
    for (int i = 0; i < 3; ++i) fails({1, 2});
    peers.erase(1);
    peers.erase(2);
    connect(1);
    const Sha1Digest good[] = {sha1(as_bytes("good"))};
    EXPECT_EQ(blame.on_verified(piece, nullptr, good).size(), 1u);
}

TEST_F(Court, RemembersABoundedNumberOfThoseWhoLeft) {
    for (ConnectionId id = 10; id < 10 + 2 * Blame::kMaxDeparted; ++id) blame.on_departed(id, address(1));
    EXPECT_TRUE(blame.address_of(10).is_unspecified());
    EXPECT_EQ(blame.address_of(9 + 2 * Blame::kMaxDeparted), address(1));
}

}  // namespace
}  // namespace btfs
