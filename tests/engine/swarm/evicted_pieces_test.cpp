// Pieces that a bounded cache gives up: peers hear the truth, and nobody fetches them again but a reader.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/swarm/torrent.hpp"
#include "tests/support/memory_storage.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 4 * kBlockSize;
constexpr std::uint32_t kPieces = 16;
constexpr std::uint64_t kSize = kPieces * std::uint64_t{kPiece};

ReaderDemand wants(std::uint32_t piece) {
    return {.blocked = {{piece * std::uint64_t{kPiece}, piece * std::uint64_t{kPiece} + 1}}, .window = {}};
}

TEST(EvictedPieces, AreFetchedAgainForAReaderAndNotInTheBackground) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.background = true}});
    swarm.introduce(client, swarm.add({.seed = true}));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().count() > 10; }, 60s));
    const std::vector<PieceIndex> gone{PieceIndex(0), PieceIndex(3)};
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().all(); }, 60s));
    swarm.storage(client).evict(gone);
    swarm.run_for(60s);
    EXPECT_EQ(swarm.storage(client).had().count(), kPieces - 2u);
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.set_reader(client, 1, wants(3));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().test(PieceIndex(3)); }, 60s));
    swarm.run_for(60s);
    EXPECT_FALSE(swarm.storage(client).had().test(PieceIndex(0)));
}

TEST(EvictedPieces, ThatArePinnedAreFetchedAgain) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({});
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.run_for(10s);
    EXPECT_TRUE(swarm.storage(client).had().none());
    Bitfield pins(kPieces);
    pins.set(PieceIndex(2));
    pins.set(PieceIndex(9));
    swarm.set_pinned(client, pins);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had() == pins; }, 30s));
    swarm.storage(client).evict({PieceIndex(9)});
    swarm.run_for(1s);
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(client).had() == pins; }, 30s));
    swarm.set_pinned(client, Bitfield(kPieces));
    swarm.storage(client).evict({PieceIndex(9)});
    swarm.run_for(60s);
    EXPECT_FALSE(swarm.storage(client).had().test(PieceIndex(9)));
}

TEST(EvictedPieces, ThatWerePrefetchedAreFetchedAgainOnlyIfThatIsSaidAgain) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({});
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.run_for(1s);
    Bitfield first(kPieces), second(kPieces), both(kPieces);
    for (Bitfield* pieces : {&first, &both}) pieces->set(PieceIndex(2));
    for (Bitfield* pieces : {&second, &both}) pieces->set(PieceIndex(9));
    swarm.prefetch(client, first);
    swarm.prefetch(client, second);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had() == both; }, 30s));
    swarm.storage(client).evict({PieceIndex(9)});
    swarm.run_for(60s);
    EXPECT_EQ(swarm.storage(client).had(), first);
    swarm.prefetch(client, second);
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(client).had() == both; }, 30s));
}

TEST(EvictedPieces, APinIsFetchedThoughTheStoreTakesNothingElse) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.background = true}});
    Bitfield pins(kPieces);
    for (std::uint32_t p = 5; p < 12; ++p) pins.set(PieceIndex(p));
    swarm.storage(client).takes_background = false;
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.run_for(5s);
    EXPECT_TRUE(swarm.storage(client).had().none());
    swarm.storage(client).pinned = pins;
    swarm.set_pinned(client, pins);
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(client).had() == pins; }, 30s));
}

TEST(EvictedPieces, AreNotAskedOfUsByPeersWhoWereTold) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.pex = false}}), last = swarm.add({});
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.introduce(last, client);
    swarm.set_reader(client, 1, {.blocked = {{0, 1}}, .window = {0, kSize}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().all(); }, 60s));
    swarm.set_reader(client, 1, {});
    swarm.storage(client).evict({PieceIndex(5)});
    swarm.run_for(1s);
    swarm.set_reader(last, 1, wants(5));
    swarm.run_for(20s);
    EXPECT_FALSE(swarm.storage(last).had().test(PieceIndex(5)));
    EXPECT_EQ(swarm.torrent(last).totals().peers, 1u);
    swarm.set_reader(client, 1, wants(5));
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(last).had().test(PieceIndex(5)); }, 60s));
}

TEST(UnprovenPieces, AreProvenFromWhenPeersAreThereWhoWouldBeTold) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({});
    swarm.run_for(60s);
    EXPECT_EQ(swarm.storage(client).asked_to_prove, 0);
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.run_for(5s);
    EXPECT_GT(swarm.storage(client).asked_to_prove, 0);
}

TEST(RarePieces, AreThoseThatOnePeerHasAtMost) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.pex = false}}),
                      other = swarm.add({.torrent = {.pex = false}});
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.introduce(other, swarm.add({.seed = true}));
    swarm.introduce(client, other);
    swarm.set_reader(client, 1, {.blocked = {{0, 1}}, .window = {0, 8 * std::uint64_t{kPiece}}});
    swarm.set_reader(other, 1, {.blocked = {{0, 1}}, .window = {0, 6 * std::uint64_t{kPiece}}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().count() == 8; }, 60s));
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(other).had().count() == 6; }, 60s));
    swarm.run_for(Torrent::kTellRareEvery + 1s);
    Bitfield rare(kPieces);
    rare.set(PieceIndex(6));
    rare.set(PieceIndex(7));
    EXPECT_EQ(swarm.storage(client).rare, rare) << "the others are had by the seed and by the other client";
}

TEST(EvictedPieces, WhatDoesNotLastIsNotAnnouncedUntilItDoes) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.pex = false}});
    const std::size_t last = swarm.add({.torrent = {.background = true}});
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.introduce(last, client);
    swarm.storage(client).lasting = false;
    swarm.set_reader(client, 1, {.blocked = {{0, 1}}, .window = {0, 8 * std::uint64_t{kPiece}}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().count() == 8; }, 60s));
    swarm.run_for(30s);
    EXPECT_TRUE(swarm.storage(last).had().none());
    swarm.storage(client).lasting = true;
    swarm.set_reader(client, 1,
                     {.blocked = {{kSize - 1, kSize}}, .window = {8 * std::uint64_t{kPiece}, kSize}});
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(last).had().all(); }, 120s))
        << "now those that came before are announced, too";
}

TEST(EvictedPieces, AStoreThatTakesNothingForTheBackgroundHoldsUpNoReader) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({.torrent = {.background = true}});
    swarm.storage(client).takes_background = false;
    swarm.introduce(client, swarm.add({.seed = true}));
    swarm.run_for(5s);
    EXPECT_TRUE(swarm.storage(client).had().none());
    swarm.set_reader(client, 1, {.blocked = {}, .window = {0, 8 * std::uint64_t{kPiece}}});
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().count() == 8; }, 10s));
}

TEST(FoundPieces, EndWhatWasBegunOfThem) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t client = swarm.add({});
    swarm.introduce(client, swarm.add({.seed = true, .link = {.up = 20e3}}));
    swarm.set_reader(client, 1, wants(9));
    swarm.run_for(2s);
    ASSERT_EQ(swarm.storage(client).held(), 1u);
    swarm.storage(client).find(PieceIndex(9));
    swarm.run_for(10s);
    EXPECT_EQ(swarm.storage(client).held(), 0u);
    EXPECT_EQ(swarm.torrent(client).totals().peers, 1u);
    swarm.storage(client).evict({PieceIndex(9)});
    EXPECT_TRUE(swarm.run_until([&] { return swarm.storage(client).had().test(PieceIndex(9)); }, 60s));
}

TEST(EvictedPieces, BegunPiecesThatNoReaderWantsAreGivenUpWhenOthersNeedTheirSpace) {
    for (const bool is_read : {false, true}) {
        VirtualSwarm swarm(kPiece, kSize);
        const std::size_t client = swarm.add({.torrent = {.background = !is_read}});
        swarm.introduce(client,
                        swarm.add({.seed = true, .link = {.up = 30e3}, .silent_from = swarm.now() + 1500ms}));
        if (is_read) swarm.set_reader(client, 1, wants(9));
        swarm.run_for(200s);
        ASSERT_GE(swarm.storage(client).held(), 1u) << "begun, and its peer is silent";
        swarm.storage(client).run_short();
        swarm.run_for(1s);
        EXPECT_EQ(swarm.storage(client).held(), is_read ? 1u : 0u);
        swarm.introduce(client, swarm.add({.seed = true}));
        EXPECT_TRUE(swarm.run_until(
            [&] {
                return is_read ? swarm.storage(client).had().test(PieceIndex(9))
                               : swarm.storage(client).had().all();
            },
            60s));
    }
}

/// A torrent that has everything, and a peer whose bytes the test writes.
struct OnePeer : StorageEvents {
    explicit OnePeer(bool extended)
        : storage(layout, content, true,
                  [this](std::function<void()> event) { later.push_back(std::move(event)); }),
          torrent(identity, layout, storage, {}, 1, now) {
        storage.attach(*this);
        id = torrent.handle_connected(*Endpoint::parse("192.0.2.1:9"), {wire::Direction::incoming}, now);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = extended, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        hello.peer_id[0] = std::byte{1};
        torrent.handle_bytes(id, hello.encode(), now);
        if (extended) {
            const Bytes dict(as_bytes("d1:md11:lt_donthavei7eee").begin(),
                             as_bytes("d1:md11:lt_donthavei7eee").end());
            says(wire::Extended{0, dict});
        }
        says(wire::Interested{});
        for (int i = 0; i < 20; ++i) {
            torrent.handle_timeout(now += 1s);
            settle();
        }
    }
    void says(const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        torrent.handle_bytes(id, bytes, now);
        settle();
    }
    void settle() {
        for (auto& event : std::exchange(later, {})) event();
        while (wire::PeerSession* session = torrent.session(id)) {
            iovec buffers[32];
            const std::size_t count = session->send_buffers(buffers);
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* begin = static_cast<const std::byte*>(buffers[i].iov_base);
                sent.insert(sent.end(), begin, begin + buffers[i].iov_len);
                size += buffers[i].iov_len;
            }
            if (size == 0) break;
            torrent.handle_sent(id, size, now);
        }
        while (auto action = torrent.poll_action())
            if (const auto* end = std::get_if<Disconnect>(&*action)) ended = end->reason;
    }
    /// Checks that the bytes sent from here on end with the message.
    bool ends_with(const wire::Message& message) const {
        Bytes bytes;
        append_message(bytes, message);
        return sent.size() >= bytes.size() && std::equal(bytes.rbegin(), bytes.rend(), sent.rbegin());
    }

    /// The message was sent twice.
    bool says_again(const wire::Message& message) const {
        Bytes bytes;
        append_message(bytes, message);
        const auto first = std::ranges::search(sent, bytes);
        return !first.empty() &&
               std::search(first.end(), sent.end(), bytes.begin(), bytes.end()) != sent.end();
    }

    void on_verified(PieceIndex, std::vector<Sha1Digest>) override {}
    void on_mismatch(PieceIndex, PieceBufferPtr, std::vector<Sha1Digest>) override {}
    void on_lost(PieceIndex piece) override { torrent.handle_lost(piece, now); }
    void on_evicted(const std::vector<PieceIndex>& pieces) override { torrent.handle_evicted(pieces, now); }
    void on_credit() override {}
    void on_read(ReadTicket ticket, Result<ContentView> read) override {
        torrent.handle_read(ticket, read, now);
    }

    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout{kPiece, {{0, kSize}}};
    const std::vector<std::byte> content = std::vector<std::byte>(kSize);
    std::vector<std::function<void()>> later;
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage;
    Torrent torrent;
    ConnectionId id = kNobody;
    Bytes sent;
    std::optional<Error> ended;
};

constexpr BlockRef kGone{PieceIndex(2), 0, kBlockSize}, kThere{PieceIndex(3), 0, kBlockSize};

TEST(EvictedPieces, APeerWhoUnderstandsHearsOfThemAndItsLateRequestIsRejected) {
    OnePeer peer(true);
    peer.storage.evict({PieceIndex(2)});
    peer.settle();
    const Bytes index{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{2}};
    EXPECT_TRUE(peer.ends_with(wire::Extended{7, index}));
    peer.says(wire::Request{kGone});
    EXPECT_TRUE(peer.ends_with(wire::RejectRequest{kGone}));
    EXPECT_TRUE(peer.says_again(wire::Extended{7, index})) << "it may not have understood before";
    EXPECT_FALSE(peer.ended);
    const std::size_t before = peer.sent.size();
    peer.says(wire::Request{kThere});
    EXPECT_GT(peer.sent.size(), before + kBlockSize);
}

TEST(EvictedPieces, APeerWhoCannotBeToldGetsANewConnectionIfItAsks) {
    OnePeer peer(false);
    peer.storage.evict({PieceIndex(2)});
    peer.settle();
    peer.says(wire::Request{kThere});
    EXPECT_FALSE(peer.ended);
    peer.says(wire::Request{kGone});
    ASSERT_TRUE(peer.ended);
    EXPECT_EQ(*peer.ended, make_error_code(Errc::peer_out_of_date));
}

}  // namespace
}  // namespace btfs
