// Torrents among leechers: what is asked of whom when seeds are few, or nobody unchokes us.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/swarm/torrent.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::LinkOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 256 * 1024;
constexpr std::uint64_t kSize = 96 * kPiece;
constexpr double kUplink = 1.25e6;  // bytes per second
const LinkOptions kLink{.delay = std::chrono::milliseconds(20), .up = kUplink};

/// Node 0 is the seed; everybody knows everybody.
void make_crowd(VirtualSwarm& swarm, std::size_t leechers) {
    swarm.add({.seed = true, .link = kLink});
    for (std::size_t i = 1; i <= leechers; ++i) swarm.add({.link = kLink, .torrent = {.background = true}});
    for (std::size_t i = 1; i <= leechers; ++i)
        for (std::size_t j = 0; j < i; ++j) swarm.introduce(i, j);
}

TEST(Crowd, ASeedIsAskedForEachPieceAboutOnce) {
    for (const std::size_t leechers : {2u, 8u}) {
        VirtualSwarm swarm(kPiece, kSize);
        make_crowd(swarm, leechers);
        const TimePoint begin = swarm.now();
        const auto all_done = [&] {
            for (std::size_t i = 1; i <= leechers; ++i)
                if (swarm.torrent(i).totals().left > 0) return false;
            return true;
        };
        ASSERT_TRUE(swarm.run_until(all_done, 120s)) << leechers;
        const double sent = static_cast<double>(swarm.torrent(0).totals().uploaded);
        EXPECT_LE(sent, 1.3 * kSize) << leechers;
        EXPECT_LE(seconds(swarm.now() - begin), 1.4 * kSize / kUplink) << leechers;
    }
}

TEST(Crowd, ASeedHelpsWithEverythingWhereLeechersAreSlow) {
    VirtualSwarm swarm(kPiece, kSize);
    swarm.add({.seed = true, .link = kLink});
    const LinkOptions slow{.delay = kLink.delay, .up = kUplink / 10};
    for (std::size_t i = 1; i <= 2; ++i) swarm.add({.link = slow, .torrent = {.background = true}});
    swarm.introduce(1, 0);
    swarm.introduce(2, 0);
    swarm.introduce(2, 1);
    const TimePoint begin = swarm.now();
    const auto all_done = [&] {
        return swarm.torrent(1).totals().left == 0 && swarm.torrent(2).totals().left == 0;
    };
    ASSERT_TRUE(swarm.run_until(all_done, 300s));
    EXPECT_LE(seconds(swarm.now() - begin), 1.4 * 2 * kSize / kUplink);
}

struct Chokers {
    /// A reader, node 0, of a torrent that three others have, whose only slot another torrent's reader has.
    Chokers() : swarm(kPiece, kSize) {
        other_torrent.want(1, true);
        swarm.add({.link = kLink});
        for (std::size_t i = 1; i <= 3; ++i) {
            swarm.add({.seed = true, .link = kLink, .torrent = {.upload_slots = &one}});
            swarm.introduce(0, i);
        }
    }
    void read(std::uint32_t piece, bool may_trade = true) {
        swarm.set_reader(0, 1,
                         {.blocked = {{piece * std::uint64_t{kPiece}, piece * kPiece + 1}},
                          .window = {},
                          .may_trade = may_trade});
    }
    std::size_t had() { return swarm.storage(0).had().count(); }

    UploadSlots one{1};
    UploadSlots::Share other_torrent{one};
    VirtualSwarm swarm;
};

TEST(Trade, WhatChokingPeersAllowIsFetchedToBePassedOnWhileAReaderStarves) {
    Chokers w;
    w.swarm.run_for(3s);
    EXPECT_EQ(w.had(), 0u) << "nobody reads";
    w.read(95);
    w.swarm.run_for(5s);
    EXPECT_GE(w.had(), 4u);
    EXPECT_LE(w.swarm.torrent(0).totals().downloaded, Trade::kCapital + kPiece);
}

TEST(Trade, AReaderThatMayNotTradeGetsWhatItReadsAlone) {
    Chokers w;
    w.read(95, false);
    w.swarm.run_for(20s);
    EXPECT_LE(w.had(), 1u);
    w.read(95);
    w.swarm.run_for(5s);
    EXPECT_GE(w.had(), 4u) << "it trades when it may";
}

TEST(Trade, NothingIsFetchedUnreadWhileASeedServes) {
    Chokers w;
    w.swarm.introduce(0, w.swarm.add({.seed = true, .link = {.delay = kLink.delay, .up = 150e3}}));
    w.read(95);
    w.swarm.run_for(10s);
    EXPECT_EQ(w.had(), 1u);
}

TEST(Trade, ASeedThatLetsTheReaderWaitForLongDoesNotCount) {
    Chokers w;
    w.swarm.introduce(0, w.swarm.add({.seed = true, .link = {.delay = kLink.delay, .up = 50e3}}));
    w.read(95);
    w.swarm.run_for(10s);
    EXPECT_GT(w.had(), 1u);
}

}  // namespace
}  // namespace btfs
