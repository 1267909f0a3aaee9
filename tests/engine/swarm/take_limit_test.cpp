#include "engine/swarm/take_limit.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 1 << 20;
constexpr std::size_t kPieces = 64;
constexpr std::size_t kSize = kPieces * kPiece;
constexpr std::size_t kTenth = kSize / TakeLimit::kPart;

Address address(const std::string& text) {
    return *Address::parse(text);
}

Layout layout_of(std::uint32_t piece_length, std::uint64_t size) {
    return {piece_length, {{0, size, false}}};
}

TEST(TakeLimit, AllowsATenthMoreThanWhatIsAnnounced) {
    TakeLimit limit;
    TakeAccount& account = limit.join(address("192.0.2.1"));
    limit.know_content(layout_of(kPiece, kSize), 3 * kPiece);
    EXPECT_TRUE(limit.may_take(account, 3 * kPiece + kTenth));
    EXPECT_FALSE(limit.may_take(account, 3 * kPiece + kTenth + 1));
    account.taken = kPiece;
    EXPECT_TRUE(limit.may_take(account, 2 * kPiece + kTenth));
    EXPECT_FALSE(limit.may_take(account, 2 * kPiece + kTenth + 1));
    limit.on_announced(kPiece);
    EXPECT_TRUE(limit.may_take(account, 3 * kPiece + kTenth));
    limit.on_withdrawn(kPiece);
    EXPECT_FALSE(limit.may_take(account, 2 * kPiece + kTenth + 1));
}

TEST(TakeLimit, AllowsTwoPiecesHoweverLargeTheyAre) {
    TakeLimit limit;
    TakeAccount& account = limit.join(address("192.0.2.1"));
    limit.know_content(layout_of(16 * kPiece, kSize), 0);
    EXPECT_TRUE(limit.may_take(account, 2 * 16 * kPiece));
    EXPECT_FALSE(limit.may_take(account, 2 * 16 * kPiece + 1));
}

TEST(TakeLimit, IgnoresTorrentsThatTheToolsIgnore) {
    TakeLimit limit;
    TakeAccount& account = limit.join(address("192.0.2.1"));
    limit.know_content(layout_of(kPiece, TakeLimit::kSmallTorrent - 1), 0);
    EXPECT_TRUE(limit.may_take(account, 10 * kSize));
    limit.on_announced(kPiece);
    EXPECT_TRUE(limit.may_take(account, 10 * kSize));
    limit.know_content(layout_of(kPiece, TakeLimit::kSmallTorrent), 0);
    EXPECT_FALSE(limit.may_take(account, 10 * kSize));
}

TEST(TakeLimit, CountsByIpv4AddressAndIpv6Slash56) {
    TakeLimit limit;
    EXPECT_NE(&limit.join(address("192.0.2.1")), &limit.join(address("192.0.2.2")));
    TakeAccount& account = limit.join(address("2001:db8:0:1200::1"));
    EXPECT_EQ(&account, &limit.join(address("2001:db8:0:12ff:1:2:3:4")));
    EXPECT_NE(&account, &limit.join(address("2001:db8:0:1300::1")));
    EXPECT_EQ(account.connections, 2u);
}

TEST(TakeLimit, RemembersAnAddressThatComesBack) {
    TakeLimit limit;
    const Address host = address("192.0.2.1");
    limit.join(host).taken = 5 * kPiece;
    limit.leave(host);
    TakeAccount& account = limit.join(host);
    EXPECT_EQ(account.taken, 5 * kPiece);
    limit.join(host);
    limit.leave(host);
    EXPECT_EQ(account.connections, 1u) << "the other connection is still there";
    EXPECT_EQ(account.taken, 5 * kPiece);
}

TEST(TakeLimit, RemembersABoundedNumberOfThoseWhoLeft) {
    TakeLimit limit;
    const auto host = [](std::size_t i) {
        return address("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
    };
    limit.join(address("192.0.2.1"));  // stays
    limit.join(address("192.0.2.2"));  // comes and goes, and has sent nothing
    limit.leave(address("192.0.2.2"));
    EXPECT_EQ(limit.size(), 1u);
    limit.join(address("192.0.2.3")).taken = 1;  // leaves first, but comes back
    limit.leave(address("192.0.2.3"));
    limit.join(address("192.0.2.3"));
    for (std::size_t i = 0; i < TakeLimit::kMaxGone + 10; ++i) {
        limit.join(host(i)).taken = i + 1;
        limit.leave(host(i));
    }
    EXPECT_EQ(limit.size(), TakeLimit::kMaxGone + 2);
    EXPECT_EQ(limit.join(address("192.0.2.3")).taken, 1u);
    EXPECT_EQ(limit.join(host(9)).taken, 0u) << "it left too long ago";
    EXPECT_EQ(limit.join(host(10)).taken, 11u);
}

// ---- in a torrent ----

/// Leecher and a fast seed of a torrent that the tools look at.
struct World {
    World() : swarm(kPiece, kSize), leecher(swarm.add({})), seed(swarm.add({.seed = true})) {
        swarm.introduce(leecher, seed);
    }
    void read(const ReaderDemand& demand) { swarm.set_reader(leecher, 1, demand); }
    bool has(std::uint32_t piece) { return swarm.storage(leecher).had().test(PieceIndex(piece)); }
    std::uint64_t sent_by(std::size_t node) { return swarm.torrent(node).totals().uploaded; }
    /// Takes so many pieces, and has to announce that it has lost them.
    void take_and_lose(std::uint32_t pieces) {
        read({.blocked = {}, .window = {0, pieces * std::uint64_t{kPiece}}});
        ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(leecher).had().count() == pieces; }, 60s));
        read({});
        for (std::uint32_t i = 0; i < pieces; ++i) swarm.storage(leecher).lose(PieceIndex(i));
        swarm.run_for(1s);
        taken = sent_by(seed);
    }

    VirtualSwarm swarm;
    std::size_t leecher, seed;
    std::uint64_t taken = 0;
};

TEST(TakeLimitOfATorrent, IsNotReachedByAnHonestDownload) {
    World w;
    w.read({.blocked = {{0, 1}}, .window = {0, kSize}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().all(); }, 30s))
        << "at full speed";
    EXPECT_EQ(w.sent_by(w.seed), kSize);
}

TEST(TakeLimitOfATorrent, APeerBeyondItIsAskedOnlyForAReadThatNobodyElseCanServe) {
    World w;
    w.take_and_lose(16);
    w.read({.blocked = {}, .window = {0, kSize}});
    w.swarm.run_for(20s);
    EXPECT_EQ(w.sent_by(w.seed), w.taken) << "readahead waits";
    w.read({.blocked = {{0, 1}}, .window = {0, kSize}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 10s));
    w.swarm.run_for(20s);
    EXPECT_EQ(w.sent_by(w.seed), w.taken + kPiece);
}

TEST(TakeLimitOfATorrent, ASlowPeerWithinItServesTheReadInstead) {
    World w;
    w.take_and_lose(16);
    const std::size_t slow = w.swarm.add({.seed = true, .link = {.up = 200e3}});
    w.swarm.introduce(w.leecher, slow);
    w.swarm.run_for(5s);
    w.read({.blocked = {{0, 1}}, .window = {}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.has(0); }, 30s));
    EXPECT_EQ(w.sent_by(w.seed), w.taken);
    EXPECT_EQ(w.sent_by(slow), kPiece);
}

TEST(TakeLimitOfATorrent, APeerBeyondItFinishesWhatOthersLeftBegun) {
    World w;
    w.take_and_lose(16);
    const TimePoint end = w.swarm.now() + 8s;
    w.swarm.introduce(w.leecher, w.swarm.add({.seed = true, .link = {.up = 200e3}, .silent_from = end}));
    w.read({.blocked = {}, .window = {0, kSize}});
    w.swarm.run_for(8s);
    EXPECT_FALSE(w.swarm.torrent(w.leecher).picker().partials().empty());
    EXPECT_EQ(w.sent_by(w.seed), w.taken);
    const auto nothing_is_begun = [&] { return w.swarm.torrent(w.leecher).picker().partials().empty(); };
    EXPECT_TRUE(w.swarm.run_until(nothing_is_begun, 30s));
    EXPECT_GT(w.sent_by(w.seed), w.taken);
    EXPECT_LE(w.sent_by(w.seed), w.taken + 4 * kPiece);
}

TEST(TakeLimitOfATorrent, EndsOnceEnoughIsAnnounced) {
    World w;
    w.take_and_lose(16);
    w.read({.blocked = {}, .window = {0, kSize}});
    w.swarm.introduce(w.leecher, w.swarm.add({.seed = true, .link = {.up = 1e6}}));
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().all(); }, 120s));
    EXPECT_GT(w.sent_by(w.seed), w.taken + kSize / 4) << "the fast seed is asked again";
}

// ---- in a torrent whose pieces do not stay ----

/// Besides the fast seed, which has sent what it may, one of 20 kB/s, which has not.
struct EvictingWorld : World {
    EvictingWorld() {
        swarm.storage(leecher).lasting = false;
        swarm.introduce(leecher, swarm.add({.seed = true, .link = {.up = 20e3}}));
        read({.blocked = {{0, 1}}, .window = {0, 8 * kPiece}});
        EXPECT_TRUE(swarm.run_until([&] { return had() == 8; }, 60s));
        EXPECT_GE(sent_by(seed), kTenth);
    }
    std::size_t had() { return swarm.storage(leecher).had().count(); }
};

TEST(TakeLimitOfATorrent, HoldsNothingBackFromAReaderOfWhatDoesNotStay) {
    EvictingWorld w;
    w.read({.blocked = {{8 * kPiece, 8 * kPiece + 1}}, .window = {8 * kPiece, kSize}});
    EXPECT_TRUE(w.swarm.run_until([&] { return w.had() == kPieces; }, 60s))
        << "a slow peer within the limit is no reason to leave the fast one idle";
}

TEST(TakeLimitOfATorrent, GivesPeersWithinItAHeadStartWhereWhatComesDoesNotStay) {
    EvictingWorld w;
    const std::uint64_t begin = 8 * kPiece;
    w.read({.blocked = {}, .window = {begin, kSize}, .bytes_per_second = kPiece / 2});
    w.swarm.run_for(5s);
    EXPECT_GE(w.had(), 8u + 5u) << "the reader gets there within ten seconds";
    EXPECT_LE(w.had(), 8u + 9u);
}

TEST(TakeLimitOfATorrent, BoundsWhatALiarSendsWhoComesBackFromTheRestOfItsNetwork) {
    VirtualSwarm swarm(kPiece, kSize);
    const std::size_t leecher = swarm.add({});
    swarm.introduce(leecher, swarm.add({.seed = true, .link = {.up = 100e3}}));
    swarm.run_for(1s);
    swarm.set_reader(leecher, 1, {.blocked = {}, .window = {0, kSize}});
    std::uint64_t lies = 0;
    for (int i = 0; i < 16; ++i) {
        NodeOptions options{.seed = true, .link = {.up = 10e6}};
        options.address =
            address("2001:db8:0:" + std::to_string(1200 + i) + "::1");  // all in 2001:db8:0:1200::/56
        options.tamper = [](std::span<std::byte> block) { block[0] ^= std::byte{1}; };
        const std::size_t liar = swarm.add(options);
        swarm.introduce(leecher, liar);
        swarm.run_for(5s);
        lies += swarm.torrent(liar).totals().uploaded;
        const std::uint64_t announced = swarm.storage(leecher).had().count() * std::uint64_t{kPiece};
        ASSERT_LE(lies, announced + kTenth) << "liar " << i;
    }
    EXPECT_GT(lies, kTenth / 2) << "they were asked";
}

TEST(TakeLimitOfATorrent, SeedsHearOfOurProgressToo) {
    World w;
    w.read({.blocked = {{0, 1}}, .window = {0, 4 * kPiece}});
    ASSERT_TRUE(w.swarm.run_until([&] { return w.swarm.storage(w.leecher).had().count() == 4; }, 60s));
    w.swarm.run_for(1s);
    const wire::PeerSession* ours = w.swarm.torrent(w.seed).session(1);
    ASSERT_TRUE(ours && ours->pieces());
    EXPECT_EQ(ours->pieces()->count(), 4u);
}

}  // namespace
}  // namespace btfs
