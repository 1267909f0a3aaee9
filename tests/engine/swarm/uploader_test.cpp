#include "engine/swarm/uploader.hpp"

#include <gtest/gtest.h>

#include "tests/support/scripted_peers.hpp"

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

/// Uploader, and peers whose messages the test writes.
struct World : testing::ScriptedPeers {
    explicit World(RateLimit* the_limit = nullptr) : ScriptedPeers(kPieceLength, kPieces), limit(the_limit) {}

    ConnectionId connect() {
        const ConnectionId id = ScriptedPeers::connect();
        peers.at(id)->limited = limit != nullptr;
        return id;
    }
    void says(ConnectionId id, const wire::Message& message) {
        receive(id, message);
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
    void unchoke(ConnectionId id) {
        says(id, wire::Interested{});
        session(id).set_choking(false);
    }

    // ---- with a limit ----
    ConnectionId connect_unchoked() {
        const ConnectionId id = connect();
        unchoke(id);
        take_output(id);
        return id;
    }
    /// Peers ask for block after block, and take at once all that they are sent. Returns the bytes of content
    /// that each was sent.
    std::map<ConnectionId, std::uint64_t> run_for(Duration time) {
        std::map<ConnectionId, std::uint64_t> before;
        for (const auto& [id, peer] : peers) before[id] = peer->session.content_sent();
        const TimePoint end = now + time;
        for (;;) {
            do {
                while (!storage.reads.empty()) answer();
                for (auto& [id, peer] : peers) {
                    take_output(id);
                    while (peer->uploads.size() < 32) ask_for_next(id);
                    uploader.pump(*peer, now);
                }
            } while (!storage.reads.empty());
            if (uploader.next_timeout() > end) break;
            now = std::max(now, uploader.next_timeout());
            uploader.pump_held(now);
        }
        now = end;
        for (auto& [id, bytes] : before) bytes = session(id).content_sent() - bytes;
        return before;
    }
    void ask_for_next(ConnectionId id) {
        const std::uint32_t next = next_block[id]++ % (kPieces * 64);
        asks(id, next / 64, next % 64, 1);
    }

    const Bytes content = Bytes(kPieceLength);
    ReadsAsked storage;
    std::map<ConnectionId, std::uint32_t> next_block;
    RateLimit* const limit;
    Uploader uploader{peers, storage, limit};
};

TEST(Uploader, ReadsNeighbouringBlocksInOneGo) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 20);
    w.asks(a, 3, 7, 1);
    w.uploader.pump(*w.peers.at(a), w.now);
    ASSERT_EQ(w.storage.reads.size(), 1u) << "one read at a time for a peer";
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(0), 0, 16 * kBlockSize}));
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(0), 16 * kBlockSize, 4 * kBlockSize}));
    w.take_output(a);
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_EQ(w.answer(), (BlockRef{PieceIndex(3), 7 * kBlockSize, kBlockSize}));
}

TEST(Uploader, ReadsLittleAheadOfTheSocket) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    for (std::uint32_t piece = 0; piece < kPieces; ++piece) w.asks(a, piece, 0, 64);
    for (;;) {
        w.uploader.pump(*w.peers.at(a), w.now);
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
    w.uploader.pump(*w.peers.at(a), w.now);
    w.take_output(a);
    w.answer(false);
    EXPECT_EQ(w.take_output(a), 3 * 17u) << "three rejects";
    w.asks(a, 0, 0, 1);
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_EQ(w.storage.reads.size(), 1u) << "it reads on";
}

TEST(Uploader, ForgetsAPeerThatHasGone) {
    World w;
    const ConnectionId a = w.connect();
    w.unchoke(a);
    w.asks(a, 0, 0, 3);
    w.uploader.pump(*w.peers.at(a), w.now);
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
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_EQ(w.storage.reads.front().second, (BlockRef{PieceIndex(0), kBlockSize, kBlockSize}));
}

TEST(Uploader, SendsWhatTheLimitLetsThroughAndSmoothly) {
    for (const std::uint64_t rate : {1'000'000, 10'000'000, 100'000'000}) {
        RateLimit limit(rate);
        World w(&limit);
        const ConnectionId a = w.connect_unchoked();
        w.run_for(1s);
        std::uint64_t sum = 0;
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t sent = w.run_for(200ms).at(a);
            EXPECT_NEAR(static_cast<double>(sent), static_cast<double>(rate) / 5,
                        static_cast<double>(rate) / 50);
            sum += sent;
        }
        EXPECT_NEAR(static_cast<double>(sum), 4.0 * static_cast<double>(rate),
                    0.02 * static_cast<double>(rate));
    }
}

TEST(Uploader, PeersShareALimitEvenly) {
    RateLimit limit(1'000'000);
    World w(&limit);
    const ConnectionId a = w.connect_unchoked(), b = w.connect_unchoked();
    w.run_for(1s);
    const auto sent = w.run_for(10s);
    EXPECT_NEAR(static_cast<double>(sent.at(a)), 5e6, 1e5);
    EXPECT_NEAR(static_cast<double>(sent.at(b)), 5e6, 1e5);
}

TEST(Uploader, APeerThatIsNotLimitedIsFree) {
    RateLimit limit(1'000'000);
    World w(&limit);
    const ConnectionId a = w.connect_unchoked();
    w.run_for(1s);
    const ConnectionId b = w.connect_unchoked();
    w.peers.at(b)->limited = false;
    w.asks(b, 1, 0, 64);
    for (int i = 0; i < 10; ++i) {
        w.uploader.pump(*w.peers.at(b), w.now);
        while (!w.storage.reads.empty()) w.answer();
        w.take_output(b);
    }
    EXPECT_GE(w.session(b).content_sent(), 64u * kBlockSize) << "in no time";
    EXPECT_LE(w.session(a).content_sent(), 1'050'000u);
}

TEST(Uploader, KeepsLittleInTheQueueOfALimitedPeer) {
    RateLimit limit(1'000'000);
    World w(&limit);
    const ConnectionId a = w.connect_unchoked();
    w.asks(a, 0, 0, 64);
    for (int i = 0; i < 100; ++i) {
        w.uploader.pump(*w.peers.at(a), w.now);
        while (!w.storage.reads.empty()) w.answer();
        w.now += 100ms;  // the peer takes nothing meanwhile
        w.uploader.pump_held(w.now);
    }
    EXPECT_LE(w.session(a).upload_backlog(), 3 * (kBlockSize + wire::kPieceHeaderSize));
}

TEST(Uploader, GivesBackWhatWasTakenForBlocksThatWereNotSent) {
    for (const bool readable : {true, false}) {
        RateLimit limit(20'000);
        World w(&limit);
        const ConnectionId a = w.connect_unchoked();
        for (int i = 0; i < 100; ++i) {
            w.asks(a, 0, 0, 1);
            w.uploader.pump(*w.peers.at(a), w.now);
            ASSERT_EQ(w.storage.reads.size(), 1u) << readable << ": nothing was sent before, " << i;
            w.answer(readable);
            if (readable) w.says(a, wire::Cancel{{PieceIndex(0), 0, kBlockSize}});
        }
        EXPECT_EQ(w.session(a).content_sent(), 0u);
    }
}

TEST(Uploader, APeerThatGoesGivesBackWhatItWasNotSent) {
    RateLimit limit(20'000);
    World w(&limit);
    const ConnectionId a = w.connect_unchoked();
    w.asks(a, 0, 0, 1);
    w.uploader.pump(*w.peers.at(a), w.now);
    w.uploader.on_peer_gone(*w.peers.at(a));
    w.peers.erase(a);
    w.storage.reads.clear();
    const ConnectionId b = w.connect_unchoked();
    w.asks(b, 0, 0, 1);
    w.uploader.pump(*w.peers.at(b), w.now);
    EXPECT_EQ(w.storage.reads.size(), 1u);
}

TEST(Uploader, ALimitOfZeroKeepsABoundedQueueAndNothingElse) {
    RateLimit limit(0);
    World w(&limit);
    const ConnectionId a = w.connect_unchoked();
    for (std::uint32_t piece = 0; piece < kPieces; ++piece) w.asks(a, piece, 0, 64);
    for (std::uint32_t piece = 0; piece < kPieces; ++piece)
        for (std::uint32_t i = 0; i < 64; ++i)
            w.says(a, wire::Request{{PieceIndex(piece), i * kBlockSize, 100}});
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_EQ(w.uploader.next_timeout(), kNever);
    EXPECT_TRUE(w.storage.reads.empty());
    EXPECT_LE(w.peers.at(a)->uploads.size(), wire::RequestsToServe::kMaxWaiting);
}

TEST(Uploader, RefusesAllThatWaits) {
    World w;
    const ConnectionId a = w.connect_unchoked();
    w.asks(a, 0, 0, 4);
    w.uploader.refuse_all();
    EXPECT_EQ(w.take_output(a), 4 * 17u) << "four rejects";
    w.uploader.pump(*w.peers.at(a), w.now);
    EXPECT_TRUE(w.storage.reads.empty());
}

}  // namespace
}  // namespace btfs
