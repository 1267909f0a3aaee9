// Floods of useless messages, and honest peers whose traffic comes near to a flood.
#include <gtest/gtest.h>

#include <functional>

#include "engine/wire/metadata_message.hpp"
#include "engine/wire/peer_session.hpp"

namespace btfs::wire {
namespace {

constexpr std::uint32_t kPieceLength = 64 * 1024;
constexpr std::uint32_t kPieces = 50'000;

struct NoPlaces final : BlockPlaces {
    std::span<std::byte> place_of(const BlockRef&) override { return {}; }
};

/// Session that has all pieces, with a peer whose messages the test writes.
struct Flooded {
    Flooded() {
        Handshake hello;
        hello.capabilities = {.fast = true, .extended = true};
        hello.info_hash = identity.wire_hash();
        hello.peer_id.fill(std::byte{7});
        session.handle_bytes(hello.encode(), now);
        take_output();
    }
    void says(const Message& message) {
        Bytes bytes;
        append_message(bytes, message);
        session.handle_bytes(bytes, now);
        take_output();
        while (const auto event = session.poll_event()) {
            ++events;
            if (const auto* failed = std::get_if<Failed>(&*event)) failure = failed->reason;
        }
    }
    void take_output() {
        iovec buffers[16];
        while (const std::size_t count = session.send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) size += buffers[i].iov_len;
            session.handle_sent(size, now);
        }
    }

    Identity identity{.v1 = sha1(as_bytes("t")), .v2 = {}};
    Layout layout{kPieceLength, {{0, kPieceLength* std::uint64_t{kPieces}, false}}};
    Bitfield everything{kPieces, true};
    TimePoint now = TimePoint{} + 1h;
    NoPlaces places;
    PeerSession session{{.direction = Direction::incoming,
                         .identity = identity,
                         .layout = &layout,
                         .our_id = {},
                         .remote = *Endpoint::parse("192.0.2.1:6881"),
                         .have = everything,
                         .pex = true,
                         .holepunch = true},
                        places,
                        now};
    Error failure;
    std::size_t events = 0;
};

PieceIndex piece(std::uint32_t n) {
    return PieceIndex(n % kPieces);
}
BlockRef block(std::uint32_t n) {
    return {piece(n), n % 4 * kBlockSize, kBlockSize};
}

struct Case {
    const char* name;
    /// Does the n-th turn of the flood.
    std::function<void(Flooded&, std::uint32_t n)> turn;
};

void dont_have(Flooded& f, PieceIndex lost) {
    const Bytes payload = encode_dont_have(lost);
    f.says(Extended{kDontHaveId, payload});
}

TEST(MessageFlood, EndsTheConnectionWhateverItIsMadeOf) {
    const Bytes extensions(as_bytes("de").begin(), as_bytes("de").end());
    const Bytes metadata = encode(MetadataRequest{0});
    const Bytes holepunch = HolepunchMessage{}.encode();
    const Case floods[] = {
        {"holepunch",
         [&holepunch](Flooded& f, std::uint32_t) {
             f.says(Extended{kHolepunchId, holepunch});
         }},
        {"keep-alive", [](Flooded& f, std::uint32_t) { f.says(KeepAlive{}); }},
        {"choke", [](Flooded& f, std::uint32_t) { f.says(Choke{}); }},
        {"choke and unchoke",
         [](Flooded& f, std::uint32_t n) { n % 2 ? f.says(Choke{}) : f.says(Unchoke{}); }},
        {"interested and not",
         [](Flooded& f, std::uint32_t n) { n % 2 ? f.says(NotInterested{}) : f.says(Interested{}); }},
        {"have all", [](Flooded& f, std::uint32_t) { f.says(HaveAll{}); }},
        {"have none", [](Flooded& f, std::uint32_t) { f.says(HaveNone{}); }},
        {"have", [](Flooded& f, std::uint32_t) { f.says(Have{piece(1)}); }},
        {"donthave", [](Flooded& f, std::uint32_t n) { dont_have(f, piece(n)); }},
        {"donthave and have",
         [](Flooded& f, std::uint32_t n) {
             f.says(Have{piece(n)});
             dont_have(f, piece(n));
         }},
        {"donthave and have all",
         [](Flooded& f, std::uint32_t n) {
             f.says(HaveAll{});
             dont_have(f, piece(n));
         }},
        {"request while choked", [](Flooded& f, std::uint32_t n) { f.says(Request{block(n)}); }},
        {"request and cancel",
         [](Flooded& f, std::uint32_t n) {
             f.session.set_choking(false);
             f.says(Request{block(n)});
             f.says(Cancel{block(n)});
         }},
        {"cancel", [](Flooded& f, std::uint32_t n) { f.says(Cancel{block(n)}); }},
        {"reject", [](Flooded& f, std::uint32_t n) { f.says(RejectRequest{block(n)}); }},
        {"suggest", [](Flooded& f, std::uint32_t n) { f.says(SuggestPiece{piece(n)}); }},
        {"allowed fast", [](Flooded& f, std::uint32_t n) { f.says(AllowedFast{piece(n)}); }},
        {"port", [](Flooded& f, std::uint32_t n) { f.says(Port{static_cast<std::uint16_t>(n)}); }},
        {"extended handshake",
         [&](Flooded& f, std::uint32_t) {
             f.says(Extended{kExtendedHandshakeId, extensions});
         }},
        {"peer exchange",
         [&](Flooded& f, std::uint32_t) {
             f.says(Extended{kPexId, extensions});
         }},
        {"metadata request",
         [&](Flooded& f, std::uint32_t) {
             f.says(Extended{kMetadataId, metadata});
         }},
        {"unknown extension",
         [&](Flooded& f, std::uint32_t) {
             f.says(Extended{77, extensions});
         }},
    };
    for (const Case& flood : floods) {
        Flooded f;
        // 10,000 turns a second.
        std::uint32_t turns = 0;
        for (; turns < 40'000 && !f.failure; ++turns) {
            f.now += 100us;
            flood.turn(f, turns);
        }
        EXPECT_EQ(f.failure, make_error_code(Errc::message_flood)) << flood.name;
        EXPECT_LE(turns, 26'000u) << flood.name;  // the burst, and the points that come back meanwhile
    }
}

TEST(MessageFlood, HonestPeersAreFarFromOne) {
    const Case honest[] = {
        // A reader seeks five times a second, and each time all requests are cancelled.
        {"a user who scrubs",
         [](Flooded& f, std::uint32_t n) {
             f.session.set_choking(false);
             for (std::uint32_t i = 0; i < 80; ++i) f.says(Request{block(n * 80 + i)});
             for (std::uint32_t i = 0; i < 80; ++i) f.says(Cancel{block(n * 80 + i)});
             f.now += 200ms;
         }},
        // The peer's queue is full when our Choke leaves, every ten seconds.
        {"a full queue that meets a choke",
         [](Flooded& f, std::uint32_t n) {
             for (std::uint32_t i = 0; i < PeerSession::kOurReqq; ++i) f.says(Request{block(n + i)});
             f.now += 10s;
         }},
        // The end of a fast download: the peer has asked everybody for each block.
        {"an end game",
         [](Flooded& f, std::uint32_t n) {
             f.says(Cancel{block(n)});
             f.now += 1ms;
         }},
        // A peer with a full cache that downloads pieces of 64 KiB at 100 MB/s.
        {"a leecher that evicts",
         [](Flooded& f, std::uint32_t n) {
             f.says(Have{piece(n)});
             if (n >= 100) dont_have(f, piece(n - 100));
             f.now += 650us;
         }},
        {"interest that follows our pieces",
         [](Flooded& f, std::uint32_t n) {
             n % 2 ? f.says(NotInterested{}) : f.says(Interested{});
             f.now += 2ms;
         }},
        {"peer exchange once a minute",
         [](Flooded& f, std::uint32_t) {
             const Bytes payload = PexMessage{}.encode();
             f.says(Extended{kPexId, payload});
             f.now += 60s;
         }},
    };
    for (const Case& peer : honest) {
        Flooded f;
        const TimePoint end = f.now + 10min;
        for (std::uint32_t n = 0; n < 10'000 && f.now < end && !f.failure; ++n) peer.turn(f, n);
        EXPECT_FALSE(f.failure) << peer.name << ": " << f.failure.message();
    }
}

TEST(MessageFlood, ARepeatedHaveAllIsNoEvent) {
    Flooded f;
    f.says(HaveAll{});
    const std::size_t before = f.events;
    for (int i = 0; i < 1000; ++i) f.says(HaveAll{});
    EXPECT_EQ(f.events, before);
}

TEST(MessageFlood, ManyPiecesAtOnceAreOneEvent) {
    Flooded f;
    f.says(Have{PieceIndex(0)});
    const std::size_t before = f.events;
    f.says(HaveAll{});
    EXPECT_EQ(f.events, before + 1);
    EXPECT_TRUE(f.session.is_seed());
}

TEST(MessageBudget, RefillsWithTime) {
    MessageBudget budget;
    TimePoint now = TimePoint{} + 1h;
    EXPECT_TRUE(budget.take(MessageBudget::kBurst, now));
    EXPECT_FALSE(MessageBudget(budget).take(1, now));
    now += 1s;
    EXPECT_TRUE(budget.take(MessageBudget::kPerSecond, now));
    EXPECT_FALSE(budget.take(1, now));
}

}  // namespace
}  // namespace btfs::wire
