#include "engine/swarm/choker.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/scripted_peers.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieceLength = 1 << 18;
constexpr std::uint32_t kPieces = 8;

/// Choker of a torrent that is alone, and peers whose messages the test writes.
struct World : testing::ScriptedPeers {
    explicit World(std::size_t slot_count, std::uint64_t seed = 1)
        : ScriptedPeers(kPieceLength, kPieces), slots(slot_count), choker(peers, slots, seed) {
        choker.set_aim({.fetches = true, .has_readers = true, .piece_length = kPieceLength});
    }

    ConnectionId connect(const std::string& host = {}) {
        const ConnectionId id =
            ScriptedPeers::connect(host.empty() ? "203.0.113." + std::to_string(next_id % 250) : host);
        choker.on_peer_connected(*peers.at(id));
        return id;
    }
    ConnectionId connect_interested(const std::string& host = {}) {
        const ConnectionId id = connect(host);
        says(id, wire::Interested{});
        return id;
    }
    void says(ConnectionId id, const wire::Message& message) {
        receive(id, message);
        while (session(id).poll_event()) {
        }
    }
    /// The peer takes that much, now.
    void takes(ConnectionId id, std::uint64_t bytes) {
        for (; bytes > 0; bytes -= std::min<std::uint64_t>(bytes, kBlockSize)) {
            const BlockRef block{PieceIndex(0), 0, kBlockSize};
            says(id, wire::Request{block});
            session(id).send_block(block, {content, nullptr});
            take_output(id);
        }
        peers.at(id)->last_uploaded = now;
    }
    /// As if the peer had sent that much in this round.
    void gives(ConnectionId id, double bytes) { peers.at(id)->slot.given += 2 * bytes; }
    /// All unchoked peers take something each second.
    void run(Duration time) {
        for (const TimePoint end = now + time; now < end; now += 1s) {
            for (auto& [id, peer] : peers)
                if (!peer->session.am_choking()) peer->last_uploaded = now;
            choker.tick(now);
        }
    }
    bool unchoked(ConnectionId id) { return !session(id).am_choking(); }
    std::size_t unchoked_count() {
        return static_cast<std::size_t>(std::ranges::count_if(
            peers, [](const auto& entry) { return !entry.second->session.am_choking(); }));
    }

    const Bytes content = Bytes(kBlockSize);
    UploadSlots slots;
    Choker choker;
};

TEST(Choker, UnchokesAtOnceWhileASlotIsFree) {
    World w(2);
    const ConnectionId a = w.connect(), b = w.connect_interested(), c = w.connect_interested(),
                       d = w.connect_interested();
    w.choker.assign(w.now);
    EXPECT_FALSE(w.unchoked(a)) << "it is not interested";
    EXPECT_TRUE(w.unchoked(b));
    EXPECT_TRUE(w.unchoked(c));
    EXPECT_FALSE(w.unchoked(d));
    w.says(b, wire::NotInterested{});
    w.choker.assign(w.now);
    EXPECT_FALSE(w.unchoked(b));
    EXPECT_TRUE(w.unchoked(d)) << "it takes the slot";
}

TEST(Choker, ASlotWhosePeerTakesNothingIsFree) {
    World w(1);
    const ConnectionId a = w.connect_interested(), b = w.connect_interested();
    w.choker.assign(w.now);
    ASSERT_TRUE(w.unchoked(a));
    EXPECT_FALSE(w.unchoked(b)) << "it may be about to ask";
    w.now += Choker::kIdle;
    w.choker.assign(w.now);
    EXPECT_TRUE(w.unchoked(b));
    EXPECT_TRUE(w.unchoked(a)) << "it may still ask";
}

TEST(Choker, PeersThatComeTogetherDrawLotsForTheSlots) {
    std::set<std::vector<bool>> outcomes;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        World w(3, seed);
        std::vector<ConnectionId> ids;
        for (int i = 0; i < 12; ++i) ids.push_back(w.connect());
        w.now += 1s;
        for (ConnectionId id : ids) {
            w.says(id, wire::Interested{});
            w.choker.on_interest_changed(w.now);
        }
        EXPECT_EQ(w.unchoked_count(), 0u) << "others may come in the same moment";
        EXPECT_EQ(w.choker.next_timeout(), w.now + Choker::kGather);
        w.now += Choker::kGather;
        w.choker.assign(w.now);
        EXPECT_EQ(w.unchoked_count(), 3u);
        std::vector<bool> outcome;
        for (ConnectionId id : ids) outcome.push_back(w.unchoked(id));
        outcomes.insert(outcome);
    }
    EXPECT_GE(outcomes.size(), 5u) << "each of us has other peers";
}

TEST(Choker, WhereAllPeersFitNobodyWaitsForOthers) {
    World w(3);
    const ConnectionId a = w.connect_interested();
    w.connect();
    w.choker.on_interest_changed(w.now);
    EXPECT_TRUE(w.unchoked(a));
}

TEST(Choker, OfThoseThatTakeNothingOnlySoManyAreUnchoked) {
    World w(2);
    for (int i = 0; i < 20; ++i) w.connect_interested();
    for (int i = 0; i < 60; ++i) {
        w.choker.tick(w.now);
        w.now += 1s;
        EXPECT_LE(w.unchoked_count(), 2 * Choker::kMostIdle);
    }
}

TEST(Choker, WhoGivesMostHasTheSlots) {
    World w(5);
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 12; ++i) ids.push_back(w.connect_interested());
    w.choker.assign(w.now);
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 4; ++i) w.gives(ids[static_cast<std::size_t>(8 + i)], 1e6 * (1 + i));
        w.run(Choker::kRound);
    }
    for (std::size_t i = 8; i < 12; ++i) EXPECT_TRUE(w.unchoked(ids[i])) << i;
    EXPECT_EQ(w.unchoked_count(), 5u) << "and one by lot";
}

TEST(Choker, ThoseThatGiveNothingHaveTheOptimisticSlotInTurns) {
    World w(2);
    const ConnectionId giver = w.connect_interested();
    std::vector<ConnectionId> others;
    for (int i = 0; i < 4; ++i) others.push_back(w.connect_interested());
    std::set<ConnectionId> had_one;
    for (int second = 0; second < 600; ++second) {
        w.gives(giver, 1e5);
        w.run(1s);
        for (ConnectionId id : others)
            if (w.unchoked(id)) had_one.insert(id);
        if (second > 10) {
            ASSERT_TRUE(w.unchoked(giver)) << second;
        }
        ASSERT_LE(w.unchoked_count(), 2u);
    }
    EXPECT_EQ(had_one.size(), others.size());
}

/// How often, of 300 lots, the last of five peers is drawn.
int draws_of_last(bool known_host) {
    int drawn = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        World w(1, seed);
        for (int i = 0; i < 5; ++i) w.connect_interested();
        const std::string host = "198.51.100.9";
        if (known_host) w.connect_interested(host);
        w.run(Choker::kNewcomer + Choker::kOptimistic);
        if (known_host) w.peers.erase(w.next_id - 1);  // it hangs up, and comes again at once
        const ConnectionId last = w.connect_interested(host);
        for (int i = 0; i < 40 && !w.unchoked(last); ++i) w.run(1s);
        drawn += w.unchoked(last);
    }
    return drawn;
}

TEST(Choker, NewcomersAreLikelierToBeDrawnAndThoseThatReconnectAreNone) {
    const int new_ones = draws_of_last(false), known = draws_of_last(true);
    EXPECT_GT(new_ones, known * 3 / 2);
    EXPECT_GT(known, 10);
}

TEST(Choker, AFreeRiderHasTheOptimisticSlotOnly) {
    World w(4);
    const ConnectionId rider = w.connect_interested();
    w.session(rider).set_interested(true);
    w.choker.assign(w.now);
    ASSERT_TRUE(w.unchoked(rider));
    w.takes(rider, Choker::kFreeRide + kPieceLength);
    w.run(Choker::kRound + 1s);
    for (int i = 0; i < 3; ++i) w.connect_interested();
    int unchoked_for = 0;
    for (int second = 0; second < 600; ++second) {
        w.run(1s);
        unchoked_for += w.unchoked(rider);
    }
    EXPECT_GT(unchoked_for, 0);
    EXPECT_LT(unchoked_for, 500) << "there is a slot for each, and the others have theirs all the time";
    // The bytes that a peer might give count only while we want something.
    w.choker.set_aim({.piece_length = kPieceLength});
    w.choker.assign(w.now);
    EXPECT_TRUE(w.unchoked(rider));
}

TEST(Choker, AFreeRiderThatComesBackIsStillOne) {
    World w(5);
    const ConnectionId first = w.connect_interested("10.0.1.1");
    w.session(first).set_interested(true);
    w.choker.assign(w.now);
    w.takes(first, Choker::kFreeRide + kPieceLength);
    w.choker.on_peer_gone(*w.peers.at(first), w.now);
    w.peers.erase(first);
    const ConnectionId again = w.connect_interested("10.0.1.1"), other = w.connect_interested("10.0.1.2");
    for (ConnectionId id : {again, other}) w.session(id).set_interested(true);
    w.choker.assign(w.now);
    EXPECT_FALSE(w.unchoked(again)) << "though slots are free";
    EXPECT_TRUE(w.unchoked(other));
}

TEST(Choker, WhoHasWhatIsBlockedIsPreferredAmongThoseThatGaveNothing) {
    World w(1);
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 6; ++i) ids.push_back(w.connect_interested());
    w.choker.set_aim({.fetches = true,
                      .has_readers = true,
                      .piece_length = kPieceLength,
                      .has_blocked = [&](const Peer& peer) { return peer.id == ids[4]; }});
    w.choker.assign(w.now);
    EXPECT_TRUE(w.unchoked(ids[4]));
}

TEST(Choker, ASeedPrefersWhoTakesFastestUntilItHadItsTurn) {
    World w(2);
    w.choker.set_aim({.piece_length = kPieceLength});
    const ConnectionId slow = w.connect_interested(), fast = w.connect_interested();
    w.choker.assign(w.now);
    const ConnectionId waits = w.connect_interested();
    const auto goes_on = [&](Duration time) {
        for (const TimePoint end = w.now + time; w.now < end; w.now += 1s) {
            if (w.unchoked(fast)) w.takes(fast, 8 * kBlockSize);
            if (w.unchoked(slow)) w.takes(slow, kBlockSize);
            if (w.unchoked(waits)) w.takes(waits, kBlockSize);
            w.choker.tick(w.now);
        }
    };
    goes_on(Choker::kRound * 2);
    EXPECT_TRUE(w.unchoked(fast));
    EXPECT_EQ(w.unchoked_count(), 2u);
    bool fast_was_choked = false;
    for (int i = 0; i < 120; ++i) {
        goes_on(1s);
        fast_was_choked = fast_was_choked || !w.unchoked(fast);
    }
    EXPECT_TRUE(fast_was_choked) << "it had more than its quota, and the others wait";
}

TEST(Choker, AThousandPeersAreServedWithinTheSlotsAndEachInItsTurn) {
    World w(10);
    w.choker.set_aim({.piece_length = kPieceLength});
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 1000; ++i)
        ids.push_back(
            w.connect_interested("198.51." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
    std::set<ConnectionId> served;
    for (int i = 0; i < 3600; ++i) {
        w.run(1s);
        ASSERT_LE(w.unchoked_count(), 12u);
        for (ConnectionId id : ids)
            if (w.unchoked(id)) served.insert(id);
    }
    EXPECT_GE(served.size(), 300u) << "in an hour";
}

// ---- peers that want more than their share ----

/// Counts the seconds in which each peer is unchoked.
struct Shares {
    void count(World& w, const std::vector<ConnectionId>& ids) {
        seconds.resize(ids.size());
        for (std::size_t i = 0; i < ids.size(); ++i) seconds[i] += w.unchoked(ids[i]);
    }
    std::vector<int> seconds;
};

TEST(Choker, WhoHangsUpAndComesBackIsUnchokedNoSoonerThanThoseThatWait) {
    for (const bool fetches : {true, false}) {
        World w(2);
        w.choker.set_aim({.fetches = fetches, .piece_length = kPieceLength});
        std::vector<ConnectionId> ids;
        for (int i = 0; i < 6; ++i) ids.push_back(w.connect_interested());
        const std::string host = "198.51.100.9";
        ids.push_back(w.connect_interested(host));
        Shares shares;
        for (int second = 0; second < 1200; ++second) {
            if (second % 5 == 0 && !w.unchoked(ids.back())) {
                w.peers.erase(ids.back());
                ids.back() = w.connect_interested(host);
                w.choker.assign(w.now);
            }
            w.run(1s);
            shares.count(w, ids);
        }
        const int total = std::accumulate(shares.seconds.begin(), shares.seconds.end() - 1, 0);
        EXPECT_LE(shares.seconds.back(), total / 6) << "six others wait, " << (fetches ? "leecher" : "seed");
    }
}

TEST(Choker, WhoClaimsToHaveWhatIsBlockedTakesNothingFromThoseThatGive) {
    World w(5);
    std::set<ConnectionId> liars;
    for (int i = 0; i < 20; ++i) liars.insert(w.connect_interested());
    std::vector<ConnectionId> givers;
    for (int i = 0; i < 4; ++i) givers.push_back(w.connect_interested());
    const ConnectionId honest = w.connect_interested();
    w.choker.set_aim({.fetches = true,
                      .has_readers = true,
                      .piece_length = kPieceLength,
                      .has_blocked = [&](const Peer& peer) { return liars.contains(peer.id); }});
    bool honest_was_unchoked = false;
    for (int second = 0; second < 3 * 3600; ++second) {
        for (ConnectionId id : givers) w.gives(id, 1000);
        w.run(1s);
        honest_was_unchoked = honest_was_unchoked || w.unchoked(honest);
        ASSERT_LE(w.unchoked_count(), 5u);
        if (second <= 10) continue;
        for (ConnectionId id : givers) ASSERT_TRUE(w.unchoked(id)) << second;
    }
    EXPECT_TRUE(honest_was_unchoked) << "by lot";
}

// It asks and does not take the blocks, or asks and cancels in turn: a block waits for it whenever we look.
TEST(Choker, WhoOnlyLooksBusyDoesNotKeepItsSlot) {
    for (const bool fetches : {true, false}) {
        World w(2);
        w.choker.set_aim({.fetches = fetches, .piece_length = kPieceLength});
        std::vector<ConnectionId> ids;
        for (int i = 0; i < 4; ++i) ids.push_back(w.connect_interested());
        w.peers.at(ids.front())->uploads.push_back({PieceIndex(0), 0, kBlockSize});
        Shares shares;
        for (int second = 0; second < 1200; ++second) {
            w.run(1s);
            shares.count(w, ids);
        }
        for (std::size_t i = 1; i < ids.size(); ++i)
            EXPECT_GE(shares.seconds[i], shares.seconds[0] / 2) << (fetches ? "leecher" : "seed");
    }
}

TEST(Choker, WithoutSlotsNobodyIsUnchoked) {
    World w(0);
    for (int i = 0; i < 10; ++i) w.connect_interested();
    EXPECT_FALSE(w.choker.may_unchoke());
    for (int i = 0; i < 120; ++i) {
        w.run(1s);
        ASSERT_EQ(w.unchoked_count(), 0u);
    }
}

TEST(Choker, ClosedItUnchokesNobody) {
    World w(4);
    const ConnectionId a = w.connect_interested();
    w.choker.assign(w.now);
    ASSERT_TRUE(w.unchoked(a));
    w.choker.set_closed(true);
    w.choker.assign(w.now);
    EXPECT_FALSE(w.unchoked(a));
    w.run(1min);
    EXPECT_FALSE(w.unchoked(a));
    w.choker.set_closed(false);
    w.choker.assign(w.now);
    EXPECT_TRUE(w.unchoked(a));
}

}  // namespace
}  // namespace btfs
