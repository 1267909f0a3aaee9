// Cost of one message: it depends on what the message changes, not on the size of the torrent.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>

#include "engine/swarm/torrent.hpp"
#include "tests/support/memory_storage.hpp"

namespace btfs {
namespace {

Duration thread_cpu() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// Torrent that wants all pieces in the background, with one peer whose messages the test writes.
struct World {
    explicit World(std::uint32_t pieces)
        : layout(kBlockSize, {{0, std::uint64_t{pieces} * kBlockSize, false}}),
          storage(layout, nothing, false, [](std::function<void()>) {}),
          torrent(identity, layout, storage, {.background = true}, 1, now) {
        peer =
            torrent.handle_connected(*Endpoint::parse("10.0.0.9:1"), {wire::Direction::incoming, 20ms}, now);
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(std::byte{9});
        torrent.handle_bytes(peer, hello.encode(), now);
    }
    void says(const wire::Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        now += 1ms;
        torrent.handle_bytes(peer, bytes, now);
    }
    void dont_have(PieceIndex piece) {
        const Bytes payload = wire::encode_dont_have(piece);
        says(wire::Extended{wire::kDontHaveId, payload});
    }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    const Layout layout;
    const std::vector<std::byte> nothing;
    TimePoint now = TimePoint{} + 1h;
    testing::MemoryStorage storage;
    Torrent torrent;
    ConnectionId peer;
};

struct Case {
    const char* name;
    std::function<void(World&)> before;
    std::function<void(World&, std::uint32_t n)> turn;
};

// Handles each message by itself, so that messages share no work. A search of all pieces would take a
// thousand times as long in the larger torrent.
TEST(MessageFlood, CostsTheSameInALargeTorrent) {
    const auto nothing = [](World&) {};
    const Case cases[] = {
        {"HaveAll", [](World& w) { w.says(wire::HaveAll{}); },
         [](World& w, std::uint32_t) { w.says(wire::HaveAll{}); }},
        {"Have of a choking peer", [](World& w) { w.says(wire::HaveNone{}); },
         [](World& w, std::uint32_t n) { w.says(wire::Have{PieceIndex(n % 90)}); }},
        {"Have and DontHave", [](World& w) { w.says(wire::Have{PieceIndex(3)}); },
         [](World& w, std::uint32_t) {
             w.says(wire::Have{PieceIndex(7)});
             w.dont_have(PieceIndex(7));
         }},
        {"DontHave and Have of a seed",
         [](World& w) {
             w.says(wire::HaveAll{});
             w.dont_have(PieceIndex(7));
         },
         [](World& w, std::uint32_t) {
             w.says(wire::Have{PieceIndex(7)});
             w.dont_have(PieceIndex(7));
         }},
        {"Reject", nothing,
         [](World& w, std::uint32_t n) {
             w.says(wire::RejectRequest{{PieceIndex(n % 90), 0, kBlockSize}});
         }},
        {"Cancel", nothing,
         [](World& w, std::uint32_t n) {
             w.says(wire::Cancel{{PieceIndex(n % 90), 0, kBlockSize}});
         }},
        {"Interested and not", nothing,
         [](World& w, std::uint32_t n) {
             n % 2 ? w.says(wire::Interested{}) : w.says(wire::NotInterested{});
         }},
    };
    for (const Case& c : cases) {
        const auto cost = [&](std::uint32_t pieces) {
            World w(pieces);
            c.before(w);
            c.turn(w, 0);
            const Duration before = thread_cpu();
            for (std::uint32_t n = 0; n < 2000; ++n) c.turn(w, n);
            EXPECT_TRUE(w.torrent.session(w.peer)) << c.name;
            return thread_cpu() - before;
        };
        const Duration small = cost(100), large = cost(100'000);
        EXPECT_LT(large, 10 * small + 5ms)
            << c.name << ": " << seconds(small) << " s, " << seconds(large) << " s";
    }
}

TEST(MessageFlood, IsHungUpOn) {
    World w(1000);
    for (int i = 0; i < 40'000 && w.torrent.session(w.peer); ++i) {
        w.says(wire::HaveAll{});
        w.now -= 900us;
    }
    EXPECT_FALSE(w.torrent.session(w.peer));
}

}  // namespace
}  // namespace btfs
