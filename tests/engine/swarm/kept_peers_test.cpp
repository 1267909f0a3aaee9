// Peers that are kept for the next run: which ones, and their file.
#include "engine/swarm/kept_peers.hpp"

#include <gtest/gtest.h>

#include "engine/core/hash.hpp"

namespace btfs {
namespace {

constexpr std::int64_t kWall_s = 1'800'000'000;
constexpr TimePoint kNow{std::chrono::hours(1000)};

Endpoint nth(std::uint32_t n) {
    Bytes compact;
    ByteWriter(compact).u32((20u << 24) + n).u16(6881);
    return *Endpoint::from_compact(compact);
}
bool any(const KeptPeer&) {
    return true;
}

TEST(KeptPeers, ComeBackFromTheirFile) {
    const std::vector<KeptPeer> peers{
        {nth(1), PeerSource::tracker, 900, kNow - 5s},
        {*Endpoint::parse("[2001:db8::1]:51413"), PeerSource::incoming, 800, kNow - std::chrono::hours(48)},
        {nth(2), PeerSource::user, 800, kNow - std::chrono::hours(49)}};
    const Bytes file = write_kept_peers(peers, kNow, kWall_s);
    const TimePoint later =
        kNow + std::chrono::hours(5);  // another boot, perhaps: only the wall clock is common
    const auto back = read_kept_peers(file, later, kWall_s + 3600);
    ASSERT_EQ(back.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(back[i].endpoint, peers[i].endpoint);
        EXPECT_EQ(back[i].source, peers[i].source);
        EXPECT_EQ(back[i].bytes_given, peers[i].bytes_given);
        EXPECT_EQ(later - back[i].last_gave, kNow - peers[i].last_gave + std::chrono::hours(1));
    }
    EXPECT_TRUE(read_kept_peers(write_kept_peers({}, kNow, kWall_s), kNow, kWall_s).empty());
}

TEST(KeptPeers, TheWayInWhichTheyWereConnectedIsKeptWithThem) {
    const DialManner plain{}, encrypted{.encrypted = true};
    const std::vector<KnownWay> ways{
        {}, {plain}, {encrypted}, {std::nullopt, true}, {plain, true}, {encrypted, true}};
    KeptPeers kept;
    for (std::uint32_t n = 0; n < ways.size(); ++n) {
        kept.on_gave(nth(n), PeerSource::tracker, 100 - n, kNow);
        kept.on_way(nth(n), ways[n]);
    }
    kept.on_way(nth(1), {});        // it dials us plain now
    kept.on_way(nth(99), ways[1]);  // has given nothing
    const auto back = read_kept_peers(write_kept_peers(kept.best(any, kNow), kNow, kWall_s), kNow, kWall_s);
    ASSERT_EQ(back.size(), ways.size());
    for (std::size_t n = 0; n < ways.size(); ++n) EXPECT_EQ(back[n].way, ways[n]) << n;
    KeptPeers next_run;
    next_run.take_earlier(back);
    EXPECT_EQ(next_run.best(any, kNow)[4].way, ways[4]) << "it is kept until it gives again";
}

TEST(KeptPeers, AFileOfVersion1IsReadAndTellsNoWays) {
    const std::vector<KeptPeer> peers{{nth(1), PeerSource::dht, 900, kNow},
                                      {nth(2), PeerSource::pex, 800, kNow}};
    Bytes file = write_kept_peers(peers, kNow, kWall_s);
    file.resize(file.size() - Sha1Digest::kSize);
    const auto with_version = [&](std::uint8_t version) {
        Bytes whole = file;
        whole[11] = std::byte{version};
        const Sha1Digest digest = sha1(whole);
        ByteWriter(whole).bytes(digest.view());
        return read_kept_peers(whole, kNow, kWall_s);
    };
    ASSERT_EQ(with_version(1).size(), 2u);
    EXPECT_EQ(with_version(1)[0].way, KnownWay{});
    EXPECT_EQ(with_version(1)[0].source, PeerSource::dht);
    EXPECT_TRUE(with_version(3).empty());
    file[16 + 18] = std::byte{1};  // of the first one: a source beyond all in version 1, a way in version 2
    EXPECT_EQ(with_version(1).size(), 1u);
    EXPECT_EQ(with_version(2)[0].way, KnownWay{DialManner{}});
}

TEST(KeptPeers, WhatGaveNothingForAMonthIsDropped) {
    const std::vector<KeptPeer> peers{{nth(1), PeerSource::tracker, 900, kNow}};
    const Bytes file = write_kept_peers(peers, kNow, kWall_s);
    const auto limit_s = static_cast<std::int64_t>(seconds(kLongestKept));
    EXPECT_EQ(read_kept_peers(file, kNow, kWall_s + limit_s).size(), 1u);
    EXPECT_TRUE(read_kept_peers(file, kNow, kWall_s + limit_s + 1).empty());
    // A clock that was set back since does not make a peer old, or young for ever.
    const auto back = read_kept_peers(file, kNow, kWall_s - 1000);
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(back[0].last_gave, kNow);
}

TEST(KeptPeers, AFileThatIsDamagedHasNone) {
    const std::vector<KeptPeer> peers{{nth(1), PeerSource::tracker, 900, kNow},
                                      {nth(2), PeerSource::dht, 5, kNow}};
    const Bytes file = write_kept_peers(peers, kNow, kWall_s);
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        Bytes damaged = file;
        damaged[bit / 8] ^= std::byte(1 << bit % 8);
        ASSERT_TRUE(read_kept_peers(damaged, kNow, kWall_s).empty()) << bit;
    }
    for (std::size_t size = 0; size < file.size(); ++size)
        ASSERT_TRUE(read_kept_peers(ByteView(file).first(size), kNow, kWall_s).empty()) << size;
    Bytes longer = file;
    longer.push_back(std::byte{0});
    EXPECT_TRUE(read_kept_peers(longer, kNow, kWall_s).empty());
}

TEST(KeptPeers, OfAFileWithARightCheckSumOnlyPeersThatCanBeDialledAreTaken) {
    std::vector<KeptPeer> peers{{*Endpoint::parse("0.0.0.0:1"), PeerSource::tracker, 9, kNow},
                                {*Endpoint::parse("224.0.0.1:1"), PeerSource::tracker, 9, kNow},
                                {*Endpoint::parse("20.0.0.1:0"), PeerSource::tracker, 9, kNow},
                                {nth(3), PeerSource::tracker, 9, kNow},
                                {nth(3), PeerSource::tracker, 9, kNow}};
    EXPECT_EQ(read_kept_peers(write_kept_peers(peers, kNow, kWall_s), kNow, kWall_s).size(), 1u);
    Bytes file = write_kept_peers(std::span(peers).last(1), kNow, kWall_s);
    file.resize(file.size() - Sha1Digest::kSize);
    file[16 + 19] = std::byte{99};  // no such source
    const Sha1Digest digest = sha1(file);
    ByteWriter(file).bytes(digest.view());
    EXPECT_TRUE(read_kept_peers(file, kNow, kWall_s).empty());
    peers.clear();
    for (std::uint32_t n = 0; n < 1000; ++n) peers.push_back({nth(n), PeerSource::tracker, 9, kNow});
    EXPECT_EQ(read_kept_peers(write_kept_peers(peers, kNow, kWall_s), kNow, kWall_s).size(), kMaxKeptPeers);
}

TEST(KeptPeers, ThoseThatGaveMostAreTheBestThenTheLatest) {
    KeptPeers kept;
    EXPECT_FALSE(kept.changed());
    for (std::uint32_t n = 0; n < 100; ++n) kept.on_gave(nth(n), PeerSource::dht, 1000 + n, kNow + n * 1s);
    kept.on_gave(nth(0), PeerSource::dht, 5000, kNow + 1s);
    kept.on_gave(nth(1), PeerSource::dht, 98, kNow + 200s);  // as much as the last, and later
    EXPECT_TRUE(kept.changed());
    const auto best = kept.best(any, kNow + 300s);
    EXPECT_FALSE(kept.changed());
    ASSERT_EQ(best.size(), kMaxKeptPeers);
    EXPECT_EQ(best[0].endpoint, nth(0));
    EXPECT_EQ(best[0].bytes_given, 6000u);
    EXPECT_EQ(best[1].endpoint, nth(1));
    EXPECT_EQ(best[2].endpoint, nth(99));
}

TEST(KeptPeers, WhatEarlierRunsKeptCountsHalfAndGoesOnBeingKept) {
    KeptPeers kept;
    const std::vector<KeptPeer> earlier{{nth(1), PeerSource::tracker, 1000, kNow - 1s},
                                        {nth(2), PeerSource::dht, 900, kNow - kLongestKept + 1s}};
    kept.take_earlier(earlier);
    EXPECT_FALSE(kept.changed());
    kept.on_gave(nth(3), PeerSource::pex, 600, kNow);
    kept.on_gave(nth(2), PeerSource::kept, 200, kNow);
    const auto best = kept.best(any, kNow + 1min);
    ASSERT_EQ(best.size(), 3u);
    EXPECT_EQ(best[0].endpoint, nth(2));
    EXPECT_EQ(best[0].bytes_given, 650u);
    EXPECT_EQ(best[0].source, PeerSource::dht) << "it is told of by whom it was told of first";
    EXPECT_EQ(best[1].endpoint, nth(3));
    EXPECT_EQ(best[2].bytes_given, 500u);
    EXPECT_EQ(kept.best(any, kNow + kLongestKept).size(), 2u) << "one has grown old meanwhile";
}

TEST(KeptPeers, OnlyWhatMayBeKeptIs) {
    KeptPeers kept;
    kept.on_gave(nth(1), PeerSource::tracker, 1, kNow);
    kept.on_gave(nth(2), PeerSource::pex, 1000, kNow);
    const auto best = kept.best([](const KeptPeer& peer) { return is_for_private(peer.source); }, kNow);
    ASSERT_EQ(best.size(), 1u);
    EXPECT_EQ(best[0].endpoint, nth(1));
    EXPECT_EQ(kept.hearsay(), std::vector{nth(2)});
    kept.on_gave(nth(2), PeerSource::tracker, 1, kNow);  // which tells of it, too
    EXPECT_TRUE(kept.hearsay().empty());
}

TEST(KeptPeers, AreBoundedAndThoseThatGaveLeastMakeRoom) {
    KeptPeers kept;
    kept.on_gave(nth(0), PeerSource::dht, 1 << 20, kNow);
    for (std::uint32_t n = 1; n < 10 * KeptPeers::kMaxWatched; ++n)
        kept.on_gave(nth(n), PeerSource::dht, 16, kNow);
    const auto best = kept.best(any, kNow);
    EXPECT_EQ(best.size(), kMaxKeptPeers);
    EXPECT_EQ(best[0].endpoint, nth(0));
    EXPECT_LE(kept.hearsay().size(), KeptPeers::kMaxWatched);
}

}  // namespace
}  // namespace btfs
