// Peer exchange between whole torrents (BEP 11), which private torrents do not take part in (BEP 27).
#include <gtest/gtest.h>

#include "engine/wire/messages.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 256 * 1024;
constexpr std::size_t kSize = 4 * kPiece;

NodeOptions without_pex(NodeOptions options) {
    options.torrent.pex = false;
    return options;
}

/// A seed and a newcomer that know the peer in the middle, but not each other.
struct World {
    World(NodeOptions seed_options, NodeOptions middle_options, NodeOptions newcomer_options)
        : swarm(kPiece, kSize) {
        seed_options.seed = true;
        seed = swarm.add(seed_options);
        middle = swarm.add(middle_options);
        newcomer = swarm.add(newcomer_options);
        swarm.introduce(seed, middle);
        swarm.introduce(newcomer, middle);
    }
    std::size_t peers_of(std::size_t node) { return swarm.torrent(node).totals().peers; }
    bool meet(Duration limit) {
        return swarm.run_until([&] { return peers_of(seed) == 2 && peers_of(newcomer) == 2; }, limit);
    }
    /// Returns the extended handshake of the node's first peer.
    const wire::ExtendedHandshake& heard_by(std::size_t node) {
        return swarm.torrent(node).session(1)->extended();
    }

    VirtualSwarm swarm;
    std::size_t seed, middle, newcomer;
};

TEST(PeerExchange, BringsTogetherWhoKnowsTheSamePeerWithinSeconds) {
    World w({}, {}, {});
    ASSERT_TRUE(w.meet(5s));
    w.swarm.set_reader(w.newcomer, 1, {.blocked = {{0, 1}}, .window = {}});
    EXPECT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.newcomer).had().test(PieceIndex(0)); }, 5s));
}

TEST(PeerExchange, FindsTheSeedForWhoKnowsOnlyTheName) {
    World w({}, {.name_only = true}, {.name_only = true});
    EXPECT_TRUE(w.swarm.run_until([&] { return w.swarm.torrent(w.newcomer).totals().left == kSize; }, 6s));
    EXPECT_TRUE(w.meet(5s));
}

TEST(PeerExchange, TellsOfWhoComesLater) {
    World w({}, {}, {});
    ASSERT_TRUE(w.meet(5s));
    const std::size_t late = w.swarm.add({});
    w.swarm.introduce(late, w.middle);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.peers_of(late) == 3; }, 5s)) << "it is told of the others";
}

TEST(PeerExchange, NeedsTheOneInTheMiddleAndOneOfTheOthers) {
    World silent({}, without_pex({}), {});
    EXPECT_FALSE(silent.meet(180s));
    EXPECT_EQ(silent.heard_by(silent.newcomer).pex_id, 0);
    World deaf(without_pex({}), {}, without_pex({}));
    EXPECT_FALSE(deaf.meet(180s));
    World one(without_pex({}), {}, {});
    EXPECT_TRUE(one.meet(5s));
}

TEST(PeerExchange, APrivateTorrentHasNone) {
    const NodeOptions is_private{.is_private = true};
    World w(is_private, is_private, is_private);
    EXPECT_FALSE(w.meet(180s));
    EXPECT_EQ(w.peers_of(w.middle), 2u);
    for (std::size_t node : {w.seed, w.middle, w.newcomer}) EXPECT_EQ(w.heard_by(node).pex_id, 0);
}

// The peer in the middle takes the torrent for public and sends its peers.
TEST(PeerExchange, APrivateTorrentDoesNotListen) {
    World w({.is_private = true}, {}, {.is_private = true});
    EXPECT_FALSE(w.meet(180s));
}

TEST(PeerExchange, WhoCameByItIsLetGoOnceTheTorrentTurnsOutToBePrivate) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t stranger = swarm.add(without_pex({.name_only = true}));
    const std::size_t middle = swarm.add({.name_only = true});
    const std::size_t newcomer = swarm.add({.name_only = true, .is_private = true});
    swarm.introduce(stranger, middle);
    swarm.introduce(newcomer, middle);
    const auto dialled_by_newcomer = [&](std::size_t other) {
        for (ConnectionId id = 1; id < 20; ++id) {
            const wire::PeerSession* session = swarm.torrent(newcomer).session(id);
            if (session && session->remote() == swarm.endpoint(other)) return true;
        }
        return false;
    };
    ASSERT_TRUE(swarm.run_until([&] { return dialled_by_newcomer(stranger); }, 5s));
    const std::size_t seed = swarm.add({.seed = true, .is_private = true});
    swarm.introduce(newcomer, seed);
    ASSERT_TRUE(swarm.run_until([&] { return swarm.torrent(newcomer).totals().left == kSize; }, 5s));
    EXPECT_FALSE(dialled_by_newcomer(stranger));
    EXPECT_TRUE(dialled_by_newcomer(middle) && dialled_by_newcomer(seed)) << "whom a tracker has told of";
    swarm.run_for(120s);
    EXPECT_FALSE(dialled_by_newcomer(stranger));
}

/// Public torrent with one peer whose messages the test writes.
struct Flooded {
    Flooded() : swarm(kPiece, kSize), torrent(swarm.torrent(swarm.add({}))) {
        const Endpoint remote = *Endpoint::parse("198.51.100.1:50000");
        teller = torrent.handle_connected(remote, {wire::Direction::incoming}, swarm.now());
        wire::Handshake hello;
        hello.capabilities = {.fast = true, .extended = true, .dht = false, .v2 = false};
        hello.info_hash = swarm.identity().wire_hash();
        hello.peer_id.fill(std::byte{9});
        torrent.handle_bytes(teller, hello.encode(), swarm.now());
        wire::ExtendedHandshake extensions;
        extensions.pex_id = 7;
        says(wire::kExtendedHandshakeId, extensions.encode());
    }
    void says(std::uint8_t id, const Bytes& payload) {
        Bytes bytes;
        wire::append_message(bytes, wire::Extended{id, payload});
        torrent.handle_bytes(teller, bytes, swarm.now());
    }
    std::size_t dials() {
        std::size_t count = 0;
        while (const auto action = torrent.poll_action()) {
            const auto* dial = std::get_if<Dial>(&*action);
            if (!dial) continue;
            ++count;
            torrent.handle_dial_failed(dial->endpoint, Errc::timed_out, swarm.now());
        }
        return count;
    }

    VirtualSwarm swarm;
    Torrent& torrent;
    ConnectionId teller;
};

TEST(PeerExchange, AFloodOfPeersIsIgnored) {
    Flooded f;
    for (std::uint32_t n = 0; n < 300; ++n) {
        wire::PexMessage message;
        for (std::uint32_t i = 0; i < 100; ++i) {
            Bytes compact;
            ByteWriter(compact).u32((20u << 24) + n * 65536 + i * 256 + 1).u16(6881);
            message.added.push_back({*Endpoint::from_compact(compact), 0});
        }
        f.says(wire::kPexId, message.encode());
    }
    EXPECT_TRUE(f.torrent.session(f.teller)) << "more would be a flood (MessageBudget)";
    EXPECT_EQ(f.dials(), Pex::kHeardAtOnce * Pex::kMaxTaken);
}

TEST(PeerExchange, NonsenseEndsTheConnection) {
    Flooded f;
    f.says(wire::kPexId, Bytes(5, std::byte{'x'}));
    EXPECT_FALSE(f.torrent.session(f.teller));
}

}  // namespace
}  // namespace btfs
