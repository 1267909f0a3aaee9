// Torrents among peers that keep to the protocol and mean no good.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "tests/support/memory_storage.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 256 * 1024;
constexpr std::uint32_t kPieces = 64;

Duration thread_cpu() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Torrent with peers whose messages the test writes, and that take all that they are sent.
struct World : private StorageEvents {
    explicit World(bool is_seed, const TorrentOptions& options = {})
        : storage(layout, content, is_seed,
                  [this](std::function<void()> event) { later.push_back(std::move(event)); }),
          torrent(identity, layout, storage, options, 1, now) {
        storage.attach(*this);
    }

    ConnectionId connect() {
        const std::uint64_t number = ++connected;
        const std::string host =
            "203." + std::to_string(number / 250) + "." + std::to_string(number % 250) + ".1:1";
        const ConnectionId id =
            torrent.handle_connected(*Endpoint::parse(host), {wire::Direction::incoming}, now);
        EXPECT_NE(id, kNobody);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        for (std::size_t i = 0; i < 8; ++i) hello.peer_id[i] = static_cast<std::byte>(number >> 8 * i);
        torrent.handle_bytes(id, hello.encode(), now);
        take_output(id);
        return id;
    }
    void says(ConnectionId id, const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        torrent.handle_bytes(id, bytes, now);
        take_output(id);
    }
    void take_output(ConnectionId id) {
        iovec buffers[32];
        while (wire::PeerSession* session = torrent.session(id)) {
            const std::size_t count = session->send_buffers(buffers);
            if (count == 0) break;
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) size += buffers[i].iov_len;
            torrent.handle_sent(id, size, now);
        }
        while (torrent.poll_action()) {
        }
    }
    void run(Duration time) {
        for (const TimePoint end = now + time; now < end;) {
            now += 100ms;
            run_storage();
            if (now >= torrent.next_timeout()) torrent.handle_timeout(now);
            while (torrent.poll_action()) {
            }
        }
    }
    /// The store does what it was asked for.
    void run_storage() {
        for (auto& event : std::exchange(later, {})) event();
    }

    void on_verified(PieceIndex piece, std::vector<Sha1Digest> digests) override {
        torrent.handle_verified(piece, digests, now);
    }
    void on_mismatch(PieceIndex piece, PieceBufferPtr, std::vector<Sha1Digest> digests) override {
        torrent.handle_mismatch(piece, digests, now);
    }
    void on_lost(PieceIndex piece) override { torrent.handle_lost(piece, now); }
    void on_evicted(const std::vector<PieceIndex>& pieces) override { torrent.handle_evicted(pieces, now); }
    void on_credit() override { torrent.handle_credit(now); }
    void on_read(ReadTicket ticket, Result<ContentView> read) override {
        torrent.handle_read(ticket, read, now);
    }

    const Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout{kPieceLength, {{0, std::uint64_t{kPieces} * kPieceLength, false}}};
    const std::vector<std::byte> content = std::vector<std::byte>(std::size_t{kPieces} * kPieceLength);
    std::vector<std::function<void()>> later;
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage;
    Torrent torrent;
    std::uint64_t connected = 0;
};

// Each change of interest looks at all peers once.
TEST(HostilePeers, AThousandThatWantASlotCostEachMessageLittleAndGetNoMoreThanThereAre) {
    const auto cost = [](std::size_t count) {
        UploadSlots slots(8);
        World w(true, {.max_peers = count, .upload_slots = &slots});
        std::vector<ConnectionId> ids;
        for (std::size_t i = 0; i < count; ++i) {
            ids.push_back(w.connect());
            w.says(ids.back(), wire::Interested{});
        }
        w.run(30s);
        const Duration before = thread_cpu();
        for (int i = 0; i < 300; ++i) {
            w.now += 1ms;
            w.says(ids[1], wire::NotInterested{});
            w.says(ids[1], wire::Interested{});
        }
        const Duration took = thread_cpu() - before;
        const auto unchoked =
            std::ranges::count_if(ids, [&](ConnectionId id) { return !w.torrent.session(id)->am_choking(); });
        EXPECT_GT(unchoked, 0);
        EXPECT_LE(unchoked, static_cast<std::ptrdiff_t>(8 * Choker::kMostIdle));
        return took;
    };
    const Duration hundred = cost(100), thousand = cost(1000);
    EXPECT_LT(thousand, 50 * hundred + 5ms) << seconds(hundred) << " s, " << seconds(thousand) << " s";
}

TEST(HostilePeers, WhoRequestsAndCancelsInTurnCostsFewReadsAndIsHungUpOn) {
    World w(true);
    const ConnectionId id = w.connect();
    w.says(id, wire::Interested{});
    ASSERT_FALSE(w.torrent.session(id)->am_choking());
    int cycles = 0;
    for (; cycles < 100'000 && w.torrent.session(id); ++cycles) {
        const BlockRef block{PieceIndex(static_cast<std::uint32_t>(cycles) % kPieces), 0, kBlockSize};
        w.says(id, wire::Request{block});
        ASSERT_LE(w.later.size(), 1u) << "one read at a time";
        if (w.torrent.session(id)) w.says(id, wire::Cancel{block});
        w.now += 10us;
        if (cycles % 100 == 0) w.run_storage();
    }
    EXPECT_FALSE(w.torrent.session(id)) << "it is a flood";
    EXPECT_LE(cycles, 20'000);
}

TEST(HostilePeers, WhoRequestsAndCancelsNowAndThenHoldsNobodyUp) {
    UploadSlots one(1);
    World w(true, {.upload_slots = &one});
    const ConnectionId canceller = w.connect();
    w.says(canceller, wire::Interested{});
    ASSERT_FALSE(w.torrent.session(canceller)->am_choking());
    const ConnectionId other = w.connect();
    w.says(other, wire::Interested{});
    int unchoked_for = 0;
    for (int i = 0; i < 6000; ++i) {
        const BlockRef block{PieceIndex(0), 0, kBlockSize};
        if (i % 2 == 0) w.says(canceller, wire::Request{block});
        w.run(100ms);
        if (i % 2 == 1) w.says(canceller, wire::Cancel{block});
        if (i % 600 == 0) w.says(other, wire::KeepAlive{});
        unchoked_for += !w.torrent.session(other)->am_choking();
    }
    EXPECT_GE(unchoked_for, 2000);
}

/// A reader among peers that choke us and allow a few pieces all the same.
struct Starving : World {
    Starving() : World(false) {
        torrent.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, now);
        for (std::uint32_t i = 0; i < 4; ++i) {
            choking.push_back(connect());
            says(choking.back(), wire::HaveAll{});
            for (std::uint32_t piece = 0; piece < 15; ++piece)
                says(choking.back(), wire::AllowedFast{PieceIndex(4 + 15 * i + piece)});
        }
    }
    std::size_t requests() {
        std::size_t total = 0;
        for (ConnectionId id : choking)
            if (wire::PeerSession* session = torrent.session(id)) total += session->requests().size();
        return total;
    }
    void sends_all_but_last_blocks(ConnectionId id) {
        std::vector<BlockRef> asked;
        for (const wire::RequestInFlight& request : torrent.session(id)->requests())
            if (request.block.offset_in_piece + request.block.size < kPieceLength)
                asked.push_back(request.block);
        for (const BlockRef& block : asked) {
            Bytes message(wire::kPieceHeaderSize + block.size);
            wire::write_piece_header(std::span(message).first<wire::kPieceHeaderSize>(), block);
            torrent.handle_bytes(id, message, now);
            take_output(id);
        }
    }
    std::vector<ConnectionId> choking;
};

TEST(HostilePeers, ASeedThatUnchokesUsAndSendsNothingDoesNotKeepAReaderFromTrading) {
    Starving w;
    const ConnectionId silent = w.connect();
    w.says(silent, wire::HaveAll{});
    w.says(silent, wire::Unchoke{});
    w.run(1s);
    EXPECT_GT(w.torrent.session(silent)->requests().size(), 0u);
    w.run(5s);
    EXPECT_GT(w.requests(), 0u);
}

// The choking peers send all blocks of a piece but the last, so that no piece to trade is ever whole.
TEST(HostilePeers, PiecesToTradeThatAreNeverWholeAreBounded) {
    Starving w;
    std::size_t most = 0;
    for (int i = 0; i < 600; ++i) {
        for (ConnectionId id : w.choking) w.sends_all_but_last_blocks(id);
        w.run(100ms);
        most = std::max(most, w.torrent.picker().partials().size());
    }
    EXPECT_GT(most, 4u);
    EXPECT_LE(most * std::uint64_t{kPieceLength}, Trade::kCapital);
}

TEST(HostilePeers, WhoUploadsNothingDownloadsAllTheSame) {
    UploadSlots none(0);
    testing::VirtualSwarm swarm(kPieceLength, std::size_t{16} * kPieceLength);
    const std::size_t leecher =
        swarm.add({.torrent = {.background = true, .pex = false, .upload_slots = &none}});
    swarm.introduce(leecher, swarm.add({.seed = true}));
    const std::size_t other = swarm.add({.torrent = {.background = true, .pex = false}});
    swarm.introduce(other, leecher);
    EXPECT_TRUE(swarm.run_until([&] { return swarm.torrent(leecher).totals().left == 0; }, 30s));
    swarm.run_for(10s);
    EXPECT_EQ(swarm.torrent(other).totals().downloaded, 0u);
    EXPECT_EQ(swarm.torrent(other).totals().peers, 1u);
}

}  // namespace
}  // namespace btfs
