// Web seeds as a torrent's peers: what is done for other peers, and must not be done for them.
#include <gtest/gtest.h>

#include "engine/swarm/torrent.hpp"
#include "engine/swarm/web_seed_address.hpp"
#include "engine/wire/inbound_stream.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 2 * kBlockSize;
constexpr std::uint32_t kPieces = 2000;  // over TakeLimit::kSmallTorrent

/// Torrent whose web seed is the test.
struct WebSeedPeer : ::testing::Test, StorageEvents {
    const Identity identity{sha1(as_bytes("t")), {}};
    const Layout layout{kPiece, {{0, std::uint64_t{kPiece} * kPieces, false}}};
    const std::vector<std::byte> content = testing::make_content(layout.total_size());
    std::vector<std::function<void()>> later;
    testing::MemoryStorage storage{
        layout, content, false, [this](std::function<void()> event) { later.push_back(std::move(event)); }};
    TimePoint now = TimePoint{} + 1h;
    BanList bans;
    std::unique_ptr<Torrent> torrent;
    std::vector<WebSeedFailed> failed;
    std::vector<ConnectionId> disconnected;

    void SetUp() override {
        storage.attach(*this);
        TorrentOptions options;
        options.bans = &bans;
        torrent = std::make_unique<Torrent>(identity, layout, storage, options, 1, now);
    }
    void on_verified(PieceIndex piece, std::vector<Sha1Digest> digests) override {
        torrent->handle_verified(piece, digests, now);
    }
    void on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> digests) override {
        torrent->handle_mismatch(piece, digests, now);
    }
    void on_lost(PieceIndex) override {}
    void on_evicted(const std::vector<PieceIndex>&) override {}
    void on_shortage() override {}
    void on_credit() override { torrent->handle_credit(now); }
    void on_read(ReadTicket, Result<ContentView>) override {}

    ConnectionId connect(std::uint32_t number) { return greet(torrent->add_web_seed(number, now), number); }
    /// A peer that is no web seed, and has all.
    ConnectionId accept(std::uint32_t number) {
        const Endpoint endpoint{*Address::parse("10.0.0.9"), static_cast<std::uint16_t>(50'000 + number)};
        return greet(torrent->handle_connected(endpoint, {wire::Direction::incoming}, now), number);
    }
    ConnectionId greet(ConnectionId id, std::uint32_t number) {
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity.wire_hash();
        hello.peer_id[3] = static_cast<std::byte>(number + 1);
        torrent->handle_bytes(id, hello.encode(), now);
        receive(id, wire::HaveAll{});
        receive(id, wire::Unchoke{});
        return id;
    }
    void receive(ConnectionId id, const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        torrent->handle_bytes(id, bytes, now);
    }
    /// Answers all requests, with wrong bytes where `lies`.
    void answer(ConnectionId id, bool lies) {
        for (int turns = 0; turns < 100 && torrent->session(id); ++turns) {
            std::vector<BlockRef> asked;
            for (const auto& request : torrent->session(id)->requests())
                if (!request.cancelled) asked.push_back(request.block);
            if (asked.empty()) break;
            now += 10ms;
            for (const BlockRef& block : asked) {
                const std::size_t at = layout.piece_offset_in_torrent(block.piece) + block.offset_in_piece;
                Bytes message(wire::kPieceHeaderSize);
                wire::write_piece_header(std::span(message).first<wire::kPieceHeaderSize>(), block);
                message.insert(message.end(), content.begin() + static_cast<std::ptrdiff_t>(at),
                               content.begin() + static_cast<std::ptrdiff_t>(at + block.size));
                if (lies) message.back() ^= std::byte{1};
                torrent->handle_bytes(id, message, now);
            }
            for (auto& event : std::exchange(later, {})) event();
            drain();
            if (lies) break;
        }
    }
    void drain() {
        while (auto action = torrent->poll_action()) {
            if (const auto* f = std::get_if<WebSeedFailed>(&*action)) failed.push_back(*f);
            if (const auto* d = std::get_if<Disconnect>(&*action)) disconnected.push_back(d->connection);
            EXPECT_FALSE(std::holds_alternative<Dial>(*action));
        }
    }
};

TEST_F(WebSeedPeer, ServesAReader) {
    torrent->set_reader(1, {.blocked = {{0, kPiece}}, .window = {0, 4 * kPiece}}, now);
    const ConnectionId id = connect(0);
    answer(id, false);
    EXPECT_EQ(storage.had().count(), 4u);
    EXPECT_EQ(torrent->totals().seeds, 1u);
}

TEST_F(WebSeedPeer, CountsAgainstNoLimitOfPeers) {
    TorrentOptions options;
    options.max_peers = 1;
    torrent = std::make_unique<Torrent>(identity, layout, storage, options, 1, now);
    const auto keep_house = [&] {
        for (int i = 0; i < 5; ++i) torrent->handle_timeout(now += Torrent::kHousekeeping);
    };
    const ConnectionId first = accept(1), web_seed = connect(0);
    keep_house();
    EXPECT_EQ(torrent->connection_count(), 2u) << "a limit that is not the torrent's own";
    torrent->set_limits({.max_peers = 1}, now);
    keep_house();
    EXPECT_NE(torrent->session(web_seed), nullptr);
    EXPECT_NE(torrent->session(first), nullptr);
    torrent->set_limits({.max_peers = 0}, now);
    EXPECT_NE(torrent->session(web_seed), nullptr);
    EXPECT_EQ(torrent->session(first), nullptr);
}

TEST_F(WebSeedPeer, ThatSendsAWrongPieceIsToldSoAndNeitherBannedNorDisconnected) {
    torrent->set_reader(1, {.blocked = {{0, kPiece}}, .window = {}}, now);
    const ConnectionId id = connect(7);
    answer(id, true);
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].seed, 7u);
    EXPECT_EQ(failed[0].piece, PieceIndex(0));
    EXPECT_TRUE(disconnected.empty());
    EXPECT_NE(torrent->session(id), nullptr);
    EXPECT_FALSE(bans.contains(web_seed_endpoint(7).address));
    answer(id, false);
    EXPECT_TRUE(storage.had().test(PieceIndex(0)));
}

TEST_F(WebSeedPeer, MayBeAskedForMoreThanIsAnnounced) {
    storage.lasting = false;  // so nothing that comes is announced
    torrent->set_reader(1, {.blocked = {}, .window = {0, layout.total_size()}}, now);
    const ConnectionId id = connect(0);
    for (int i = 0; i < 100 && storage.had().count() < kPieces / 2; ++i) answer(id, false);
    EXPECT_GE(storage.had().count(), kPieces / 2);
}

TEST_F(WebSeedPeer, IsNotAskedToStayInTouch) {
    torrent->set_reader(1, {.blocked = {}, .window = {0, kPiece}}, now);
    const ConnectionId id = connect(0);
    answer(id, false);
    ASSERT_EQ(storage.had().count(), 1u);
    for (int i = 0; i < 120; ++i) {
        now += 1s;
        torrent->handle_timeout(now);
        receive(id, wire::KeepAlive{});
    }
    ASSERT_NE(torrent->session(id), nullptr);
    EXPECT_TRUE(torrent->session(id)->requests().empty());
}

TEST_F(WebSeedPeer, IsNotConnectedWhereNothingIsMissing) {
    testing::MemoryStorage full(layout, content, true, [](std::function<void()>) {});
    Torrent complete(identity, layout, full, {}, 1, now);
    EXPECT_EQ(complete.add_web_seed(0, now), kNobody);
    Torrent unknown(identity, {}, 1, now);
    EXPECT_EQ(unknown.add_web_seed(0, now), kNobody);
}

TEST_F(WebSeedPeer, TheGapEndsWhereThereIsContent) {
    EXPECT_EQ(torrent->gap_end(5), layout.total_size());
    storage.find(PieceIndex(3));
    for (auto& event : std::exchange(later, {})) event();
    EXPECT_EQ(torrent->gap_end(5), 3 * kPiece);
    EXPECT_EQ(torrent->gap_end(4 * kPiece), layout.total_size());
}

TEST(WebSeedAddress, StandsForANumberAndForNoHost) {
    EXPECT_EQ(web_seed_number(web_seed_endpoint(0).address), 0u);
    EXPECT_EQ(web_seed_number(web_seed_endpoint(0xffffffff).address), 0xffffffffu);
    EXPECT_EQ(web_seed_number(*Address::parse("2001:db8::1")), std::nullopt);
    EXPECT_EQ(web_seed_number(*Address::parse("2001:db9::")), std::nullopt);
    EXPECT_EQ(web_seed_number(*Address::parse("32.1.13.184")), std::nullopt);
    EXPECT_NE(web_seed_endpoint(1).address.network(), web_seed_endpoint(2).address.network());
}

}  // namespace
}  // namespace btfs
