#include "engine/swarm/uploader.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 1 << 20;
constexpr std::uint32_t kPieces = 8;

struct ReadsAsked final : Storage {
    void attach(StorageEvents&) override {}
    void detach() override {}
    Bitfield available() const override { return Bitfield(kPieces, true); }
    Bitfield unproven() const override { return Bitfield(kPieces); }
    PieceBufferPtr acquire(PieceIndex, Urgency) override { return nullptr; }
    void verify(PieceIndex, PieceBufferPtr, bool) override {}
    void read(ReadTicket ticket, BlockRef range) override { reads.push_back({ticket, range}); }

    std::vector<std::pair<ReadTicket, BlockRef>> reads;
};

struct NoPlaces final : wire::BlockPlaces {
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
};

/// Uploader, and peers whose messages the test writes.
struct World {
    ConnectionId connect() {
        const ConnectionId id = next_id++;
        peers.emplace(
            id, std::make_unique<Peer>(id,
                                       wire::PeerSession::Config{.direction = wire::Direction::incoming,
                                                                 .identity = identity,
                                                                 .layout = &layout,
                                                                 .our_id = {},
                                                                 .remote = *Endpoint::parse("10.0.0.1:1"),
                                                                 .have = have},
                                       places, now));
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(static_cast<std::byte>(id));
        session(id).handle_bytes(hello.encode(), now);
        take_output(id);
        return id;
    }
    wire::PeerSession& session(ConnectionId id) { return peers.at(id)->session; }
    void says(ConnectionId id, const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        session(id).handle_bytes(bytes, now);
        while (const auto event = session(id).poll_event())
            if (const auto* wanted = std::get_if<wire::BlockWanted>(&*event))
                uploader.on_wanted(*peers.at(id), wanted->block);
    }
    /// Requests `count` adjacent blocks of 16 KiB.
    void asks(ConnectionId id, std::uint32_t piece, std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t i = first; i < first + count; ++i)
            says(id, wire::Request{{PieceIndex(piece), i * kBlockSize, kBlockSize}});
    }
    /// Answers the oldest read. Returns its range.
    BlockRef answer(bool well = true) {
        const auto [ticket, range] = storage.reads.front();
        storage.reads.erase(storage.reads.begin());
        uploader.on_read(ticket,
                         well ? Result<ContentView>(ContentView{ByteView(content).first(range.size), nullptr})
                              : Result<ContentView>(Errc::storage_failed));
        return range;
    }
    std::size_t take_output(ConnectionId id) {
        std::size_t total = 0;
        iovec buffers[32];
        while (const std::size_t count = session(id).send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) size += buffers[i].iov_len;
            session(id).handle_sent(size, now);
            total += size;
        }
        return total;
    }
    void unchoke(ConnectionId id) {
        says(id, wire::Interested{});
        session(id).set_choking(false);
    }

    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout{kPieceLength, {{0, kPieces* std::uint64_t{kPieceLength}, false}}};
    const Bitfield have{kPieces, true};
    const Bytes content = Bytes(kPieceLength);
    TimePoint now = TimePoint{} + 1h;
    NoPlaces places;
    ReadsAsked storage;
    PeerTable peers;
    ConnectionId next_id = 1;
    Uploader uploader{peers, storage};
};

TEST(Uploader, ReadsNeighbouringBlocksInOneGo) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 20);
    w.asks(a, 3, 7, 1);
    w.uploader.pump(*w.peers.at(a));
    ASSERT_EQ(w.storage.reads.size(), 1u) << "one read at a time for a peer";
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(0), 0, 16 * kBlockSize}));
    w.uploader.pump(*w.peers.at(a));
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(0), 16 * kBlockSize, 4 * kBlockSize}));
    w.take_output(a);
    w.uploader.pump(*w.peers.at(a));
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(3), 7 * kBlockSize, kBlockSize}));
}

TEST(Uploader, ReadsLittleAheadOfTheSocket) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    for (std::uint32_t piece = 0; piece < kPieces; ++piece) w.asks(a, piece, 0, 64);
    for (;;) {
        w.uploader.pump(*w.peers.at(a));
        if (w.storage.reads.empty()) break;
        w.answer();
    }
    EXPECT_GE(w.session(a).upload_backlog(), 2 * 16 * kBlockSize);
    EXPECT_LE(w.session(a).upload_backlog(), 3 * 16 * (kBlockSize + wire::kPieceHeaderSize));
}

TEST(Uploader, RefusesWhatTheStoreCannotRead) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 3);
    w.uploader.pump(*w.peers.at(a));
    w.take_output(a);
    w.answer(false);
    EXPECT_EQ(w.take_output(a), 3 * 17u) << "three rejects";
    w.asks(a, 0, 0, 1);
    w.uploader.pump(*w.peers.at(a));
    EXPECT_EQ(w.storage.reads.size(), 1u) << "it reads on";
}

TEST(Uploader, ForgetsAPeerThatHasGone) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 3);
    w.uploader.pump(*w.peers.at(a));
    w.peers.erase(a);
    EXPECT_EQ(w.uploader.on_read(w.storage.reads.front().first, Errc::cancelled), nullptr);
    EXPECT_EQ(w.uploader.on_read(99, Errc::cancelled), nullptr);
}

TEST(Uploader, DoesNotReadForACancelledRequest) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 2);
    w.uploader.on_not_wanted(*w.peers.at(a), {PieceIndex(0), 0, kBlockSize});
    w.uploader.pump(*w.peers.at(a));
    EXPECT_EQ(w.storage.reads.front().second, (BlockRef{PieceIndex(0), kBlockSize, kBlockSize}));
}

}  // namespace
}  // namespace btfs
