#include "engine/swarm/metadata_fetch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/core/rng.hpp"
#include "engine/wire/metadata_message.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = wire::kMetadataPieceSize;

struct MetadataFetchTest : ::testing::Test {
    Rng rng{1};
    Bytes info = random_bytes(4 * kPiece + 100);
    Identity identity{.v1 = sha1(info), .v2 = {}};
    MetadataFetch fetch{identity};
    TimePoint now = TimePoint{} + 1h;
    std::uint32_t size = static_cast<std::uint32_t>(info.size());

    Bytes random_bytes(std::size_t count) {
        Bytes bytes(count);
        for (std::byte& b : bytes) b = static_cast<std::byte>(rng.below(256));
        return bytes;
    }
    std::vector<MetadataFetch::Ask> asks() {
        std::vector<MetadataFetch::Ask> all;
        while (auto ask = fetch.poll_ask(now)) all.push_back(*ask);
        return all;
    }
    static ByteView part(const Bytes& of, std::uint32_t piece) {
        return ByteView(of).subspan(piece * kPiece,
                                    std::min<std::size_t>(kPiece, of.size() - piece * kPiece));
    }
    bool send(MetadataFetch::Ask ask, const Bytes& of) {
        return fetch.handle_data(ask.peer, ask.piece, static_cast<std::uint32_t>(of.size()),
                                 part(of, ask.piece), now);
    }
};

TEST_F(MetadataFetchTest, PiecesAreSpreadOverThePeers) {
    EXPECT_TRUE(fetch.add_peer(1, size));
    EXPECT_TRUE(fetch.add_peer(2, size));
    std::map<ConnectionId, int> count;
    for (const auto& ask : asks()) {
        ++count[ask.peer];
        EXPECT_FALSE(fetch.take_whole());
        EXPECT_FALSE(send(ask, info));
    }
    EXPECT_EQ(count[1] + count[2], 5);
    EXPECT_GE(std::min(count[1], count[2]), 2);
    EXPECT_EQ(fetch.take_whole(), info);
}

TEST_F(MetadataFetchTest, ImpossibleSizesAreNotBelieved) {
    EXPECT_FALSE(fetch.add_peer(1, 0));
    EXPECT_FALSE(fetch.add_peer(1, MetadataFetch::kMaxSize + 1));
    EXPECT_TRUE(asks().empty());
    EXPECT_EQ(fetch.next_timeout(), kNever);
}

TEST_F(MetadataFetchTest, ALatePieceIsAskedOfAnotherPeerToo) {
    fetch.add_peer(1, size);
    EXPECT_EQ(asks().size(), 5u);
    fetch.add_peer(2, size);
    EXPECT_TRUE(asks().empty());
    now = fetch.next_timeout();
    const auto again = asks();
    ASSERT_EQ(again.size(), 5u);
    for (const auto& ask : again) {
        EXPECT_EQ(ask.peer, 2u);
        send(ask, info);
    }
    EXPECT_EQ(fetch.take_whole(), info);
}

TEST_F(MetadataFetchTest, NobodyIsAskedForThePieceTwiceWithinSeconds) {
    fetch.add_peer(1, size);
    const TimePoint first = now;
    EXPECT_EQ(asks().size(), 5u);
    while (now < first + MetadataFetch::kAskAgain) {
        EXPECT_TRUE(asks().empty());
        now = std::max(now + 1ms, fetch.next_timeout());
    }
    EXPECT_EQ(asks().size(), 5u);
}

TEST_F(MetadataFetchTest, WhoRefusesIsLeftAloneForAMinute) {
    fetch.add_peer(1, size);
    for (const auto& ask : asks()) fetch.handle_reject(1, ask.piece, now);
    now += 59s;
    EXPECT_TRUE(asks().empty());
    fetch.add_peer(2, size);
    EXPECT_EQ(asks().size(), 5u);
    now += 2s;
    EXPECT_EQ(asks().size(), 5u) << "late by now, and the first may be asked again";
}

TEST_F(MetadataFetchTest, ALoneSenderOfWhatIsWrongIsOut) {
    Bytes wrong = info;
    wrong[5] ^= std::byte{1};
    fetch.add_peer(1, size);
    bool out = false;
    for (const auto& ask : asks()) out = send(ask, wrong);
    EXPECT_TRUE(out);
    fetch.remove_peer(1);
    fetch.add_peer(2, size);
    for (const auto& ask : asks()) EXPECT_FALSE(send(ask, info));
    EXPECT_EQ(fetch.take_whole(), info);
}

TEST_F(MetadataFetchTest, AmongSeveralTheLiarIsFoundOut) {
    Bytes wrong = info;
    for (std::uint32_t i = 0; i < 5; ++i) wrong[i * kPiece] ^= std::byte{1};
    for (ConnectionId id = 1; id <= 3; ++id) fetch.add_peer(id, size);
    std::set<ConnectionId> out;
    for (int turn = 0; turn < 100; ++turn) {
        for (const auto& ask : asks()) {
            if (!send(ask, ask.peer == 2 ? wrong : info)) continue;
            out.insert(ask.peer);
            fetch.remove_peer(ask.peer);
        }
        if (const auto whole = fetch.take_whole()) {
            EXPECT_EQ(*whole, info);
            EXPECT_FALSE(out.contains(1) || out.contains(3));
            return;
        }
        now += 1s;
    }
    FAIL() << "never whole";
}

TEST_F(MetadataFetchTest, ManyClaimsThatLeadNowhereDelayTheRightOneOnlySoLong) {
    for (ConnectionId id = 1; id <= 40; ++id)
        fetch.add_peer(id, size + static_cast<std::uint32_t>(id / 2) + 1);
    fetch.add_peer(99, size);
    const TimePoint begun = now;
    std::optional<Bytes> whole;
    while (!whole && now < begun + 60s) {
        for (const auto& ask : asks())
            if (ask.peer == 99) send(ask, info);
        whole = fetch.take_whole();
        now = std::max(now + 1ms, fetch.next_timeout());
    }
    EXPECT_EQ(whole, info);
}

/// Three liars, each of which claims a size of its own and sends a piece every four seconds.
struct Dribbling : MetadataFetchTest {
    Dribbling() {
        for (ConnectionId id = 1; id <= 3; ++id) {
            lies.push_back(random_bytes(1000 * kPiece + id));
            fetch.add_peer(id, static_cast<std::uint32_t>(lies.back().size()));
        }
        for (const auto& ask : asks()) owed.push_back(ask);
    }
    /// Runs until the dictionary is there or `limit` has passed. Honest peers answer at once.
    std::optional<Bytes> run(Duration limit) {
        TimePoint next_piece = now;
        for (const TimePoint end = now + limit; now < end; now += 100ms) {
            for (const auto& ask : asks()) {
                if (ask.peer > 3)
                    send(ask, info);
                else
                    owed.push_back(ask);
            }
            if (now >= next_piece) {
                next_piece = now + 4s;
                for (ConnectionId id = 1; id <= 3; ++id) {
                    const auto one = std::ranges::find(owed, id, &MetadataFetch::Ask::peer);
                    if (one == owed.end()) continue;
                    send(*one, lies[id - 1]);
                    owed.erase(one);
                }
            }
            if (auto whole = fetch.take_whole()) return whole;
        }
        return std::nullopt;
    }
    std::vector<Bytes> lies;
    std::vector<MetadataFetch::Ask> owed;
};

TEST_F(Dribbling, NoPeerIsAskedForMorePiecesAtATimeThanItTakes) {
    std::map<ConnectionId, std::size_t> asked;
    for (const auto& ask : owed) ++asked[ask.peer];
    for (ConnectionId id = 1; id <= 3; ++id) EXPECT_EQ(asked[id], MetadataFetch::kMaxWaiting) << id;
}

TEST_F(Dribbling, LiarsWhoDribbleDoNotKeepTheirPlace) {
    run(3s);
    fetch.add_peer(99, size);
    EXPECT_EQ(run(MetadataFetch::kTurn + 5s), info);
}

TEST_F(Dribbling, AClaimOfMorePeersTakesThePlaceOfOneOfFewer) {
    run(3s);
    fetch.add_peer(98, size);
    EXPECT_EQ(run(1s), std::nullopt) << "no more peers than any of the liars";
    fetch.add_peer(99, size);
    EXPECT_EQ(run(1s), info);
}

TEST_F(MetadataFetchTest, APeerChangesItsClaimOnlySoOften) {
    for (std::uint32_t i = 0; i < 10; ++i) fetch.add_peer(1, size + i);
    asks();
    EXPECT_EQ(fetch.piece_count(), 5u);
    for (const auto& [id, bytes] : {std::pair<ConnectionId, std::uint32_t>{1, size + 3}}) {
        fetch.add_peer(id, bytes);
        EXPECT_TRUE(fetch.handle_data(1, 0, size + 9, part(info, 0), now)) << "its fourth claim stands";
    }
}

TEST_F(MetadataFetchTest, WhoSaysAnotherSizeStartsOver) {
    const Bytes small = random_bytes(100);
    fetch.add_peer(1, size);
    fetch.add_peer(2, 100);
    EXPECT_EQ(asks().size(), 6u);
    fetch.add_peer(1, 100);
    EXPECT_FALSE(fetch.handle_data(1, 4, 100, small, now)) << "that was asked for of another dictionary";
    fetch.handle_reject(1, 3, now);
    fetch.remove_peer(1);
    fetch.add_peer(3, size);
    for (const auto& ask : asks()) EXPECT_FALSE(send(ask, info));
    EXPECT_EQ(fetch.take_whole(), info);
}

TEST_F(MetadataFetchTest, DataThatNobodyAskedForOrOfAnotherSizeDoNotCount) {
    fetch.add_peer(1, size);
    EXPECT_FALSE(fetch.handle_data(1, 0, size, part(info, 0), now)) << "not asked for yet: ignored";
    EXPECT_EQ(fetch.pieces_had(), 0u);
    const auto asked = asks();
    EXPECT_TRUE(fetch.handle_data(1, 0, size + 1, part(info, 0), now));
    EXPECT_TRUE(fetch.handle_data(1, 1, size, part(info, 1).first(100), now));
    EXPECT_FALSE(fetch.handle_data(7, 2, size, part(info, 2), now));
    EXPECT_EQ(fetch.pieces_had(), 0u);
}

}  // namespace
}  // namespace btfs
