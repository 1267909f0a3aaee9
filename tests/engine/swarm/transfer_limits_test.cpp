// Torrents under the limits of a process: what they upload and request, and when they stop uploading.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "engine/swarm/transfer_limits.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPieceSize = 256 * 1024;
constexpr std::size_t kContent = 64 * kPieceSize;

/// Limits that hold for the addresses of a VirtualSwarm, which are private ones.
TransferLimits limits(std::optional<std::uint64_t> up, std::optional<std::uint64_t> down) {
    return {up, down, true};
}

NodeOptions with_limits(TransferLimits& limits, NodeOptions options) {
    options.torrent.limits = &limits;
    return options;
}

const NodeOptions kSeed{.seed = true, .link = {.up = 20e6}};
const NodeOptions kLeecher{.link = {.up = 20e6}, .torrent = {.background = true}};

/// A leecher in the background, and seeds.
struct World {
    World(const NodeOptions& leecher_options, const NodeOptions& seed_options, std::size_t seeds = 1)
        : swarm(kPieceSize, kContent) {
        leecher = swarm.add(leecher_options);
        for (std::size_t i = 0; i < seeds; ++i) swarm.introduce(leecher, swarm.add(seed_options));
    }
    std::uint64_t downloaded() { return swarm.torrent(leecher).totals().downloaded; }
    bool has(std::uint32_t piece) { return swarm.storage(leecher).had().test(PieceIndex(piece)); }
    /// Bytes that came in each 200 ms.
    void expect_rate(std::uint64_t rate, int intervals) {
        const std::uint64_t begin = downloaded();
        for (int i = 0; i < intervals; ++i) {
            const std::uint64_t before = downloaded();
            swarm.run_for(200ms);
            EXPECT_NEAR(static_cast<double>(downloaded() - before), static_cast<double>(rate) / 5,
                        static_cast<double>(rate) / 50 + kBlockSize)
                << i;
        }
        const double expected = static_cast<double>(rate) * intervals / 5;
        EXPECT_NEAR(static_cast<double>(downloaded() - begin), expected, 0.02 * expected);
    }

    VirtualSwarm swarm;
    std::size_t leecher;
};

TEST(TransferLimits, ASeedUploadsAtItsLimit) {
    TransferLimits one = limits(1'000'000, std::nullopt);
    World w(kLeecher, with_limits(one, kSeed));
    w.swarm.run_for(1s);
    w.expect_rate(1'000'000, 50);
}

TEST(TransferLimits, ALeecherDownloadsAtItsLimit) {
    TransferLimits one = limits(std::nullopt, 1'000'000);
    World w(with_limits(one, kLeecher), kSeed, 3);
    w.swarm.run_for(1s);
    w.expect_rate(1'000'000, 50);
}

TEST(TransferLimits, DoNotHoldWhereTheyAreNotReached) {
    TransferLimits huge = limits(1'000'000'000, 1'000'000'000);
    World limited(with_limits(huge, kLeecher), with_limits(huge, kSeed), 2);
    World free(kLeecher, kSeed, 2);
    for (World* w : {&limited, &free})
        ASSERT_TRUE(w->swarm.run_until([&] { return w->downloaded() >= kContent; }, 10s));
    EXPECT_EQ(limited.swarm.now(), free.swarm.now());
}

TEST(TransferLimits, PeersInTheLocalNetworkAreFree) {
    TransferLimits tiny(1000, 1000, false);
    World w(with_limits(tiny, kLeecher), with_limits(tiny, kSeed));
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() >= kContent; }, 10s));
}

/// Why the leecher's only reader waits; nothing: it does not wait.
std::optional<WaitReason> why(World& w) {
    const auto waits = w.swarm.torrent(w.leecher).reader_waits();
    return waits.empty() ? std::nullopt : std::optional(waits.at(0).reason);
}

TEST(TransferLimits, AReaderIsToldThatTheDownloadLimitIsZero) {
    for (const bool of_process : {false, true}) {
        TransferLimits process = limits({}, of_process ? std::optional<std::uint64_t>(0) : std::nullopt);
        World w(with_limits(process, {}), kSeed, 2);
        if (!of_process) w.swarm.set_limits(w.leecher, {.download = 0});
        w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 10}}, .window = {}});
        w.swarm.run_for(3s);
        EXPECT_EQ(why(w), WaitReason::limit_is_zero) << of_process;
        EXPECT_EQ(w.swarm.torrent(w.leecher).reader_waits().at(0).peers, 2u);
        w.swarm.set_limits(w.leecher, {.heeds_process = false});
        w.swarm.run_for(3s);
        EXPECT_NE(why(w), WaitReason::limit_is_zero) << of_process;
        EXPECT_TRUE(w.has(0)) << of_process;
    }
}

TEST(TransferLimits, ALimitOfZeroIsNoReasonWhereAPeerIsFreeOfIt) {
    TransferLimits process(std::nullopt, 0, false);
    World w(with_limits(process, {}), {.seed = true, .link = {.up = 1000}});
    w.swarm.set_reader(w.leecher, 1, {.blocked = {{0, 10}}, .window = {}});
    w.swarm.run_for(2s);
    EXPECT_EQ(why(w), WaitReason::asked) << "peers in the local network are not limited";
}

TEST(TransferLimits, TorrentsShareThemEvenly) {
    TransferLimits one = limits(std::nullopt, 1'000'000);
    VirtualSwarm swarm(kPieceSize, kContent);
    std::vector<std::size_t> leechers;
    for (int i = 0; i < 4; ++i) {
        leechers.push_back(swarm.add(with_limits(one, kLeecher)));
        // The first has many peers, each of the others one.
        for (int seed = 0; seed < (i == 0 ? 6 : 1); ++seed)
            swarm.introduce(leechers.back(), swarm.add(kSeed));
    }
    swarm.run_for(2s);
    std::vector<std::uint64_t> before;
    for (const std::size_t leecher : leechers) before.push_back(swarm.torrent(leecher).totals().downloaded);
    swarm.run_for(10s);
    for (std::size_t i = 0; i < leechers.size(); ++i)
        EXPECT_NEAR(static_cast<double>(swarm.torrent(leechers[i]).totals().downloaded - before[i]), 2.5e6,
                    2e5)
            << i;
}

TEST(TransferLimits, ATorrentOfHighPriorityGetsMore) {
    TransferLimits one = limits(std::nullopt, 1'000'000);
    VirtualSwarm swarm(kPieceSize, kContent);
    std::vector<std::size_t> leechers;
    for (int i = 0; i < 2; ++i) {
        leechers.push_back(swarm.add(with_limits(one, kLeecher)));
        swarm.introduce(leechers.back(), swarm.add(kSeed));
    }
    swarm.set_limits(leechers[1], {.priority = TransferPriority::high});
    swarm.run_for(2s);
    std::vector<std::uint64_t> got;
    for (const std::size_t leecher : leechers) got.push_back(swarm.torrent(leecher).totals().downloaded);
    swarm.run_for(10s);
    for (std::size_t i = 0; i < got.size(); ++i)
        got[i] = swarm.torrent(leechers[i]).totals().downloaded - got[i];
    EXPECT_NEAR(static_cast<double>(got[1]), 8e6, 6e5);
    EXPECT_NEAR(static_cast<double>(got[0]), 2e6, 6e5);
}

TEST(TransferLimits, AReadThatWaitsGoesBeforeBackground) {
    TransferLimits small = limits(std::nullopt, 300'000);
    World w(with_limits(small, kLeecher), kSeed, 3);
    VirtualSwarm& swarm = w.swarm;
    swarm.run_for(3s);
    const std::uint32_t last = kContent / kPieceSize - 1;
    const std::uint32_t wanted = w.has(last) ? last - 1 : last;
    ASSERT_FALSE(w.has(wanted));
    const TimePoint asked = swarm.now();
    swarm.set_reader(
        w.leecher, 1,
        {.blocked = {{std::uint64_t{wanted} * kPieceSize, (wanted + 1ull) * kPieceSize}}, .window = {}});
    ASSERT_TRUE(swarm.run_until([&] { return w.has(wanted); }, 30s));
    // The piece takes 0.87 s at the limit; what was requested before it comes first.
    EXPECT_LT(swarm.now() - asked, 1100ms);
}

TEST(TransferLimits, AReadOfOneTorrentGoesBeforeTheBackgroundOfAnother) {
    TransferLimits small = limits(std::nullopt, 300'000);
    VirtualSwarm swarm(kPieceSize, kContent);
    const std::size_t background = swarm.add(with_limits(small, kLeecher));
    NodeOptions on_demand = with_limits(small, kLeecher);
    on_demand.torrent.background = false;
    const std::size_t reader = swarm.add(on_demand);
    for (const std::size_t node : {background, reader}) swarm.introduce(node, swarm.add(kSeed));
    swarm.run_for(3s);
    const TimePoint asked = swarm.now();
    swarm.set_reader(reader, 1, {.blocked = {{0, kPieceSize}}, .window = {}});
    ASSERT_TRUE(swarm.run_until([&] { return swarm.storage(reader).had().test(PieceIndex(0)); }, 30s));
    EXPECT_LT(swarm.now() - asked, 1000ms);
    const std::uint64_t before = swarm.torrent(background).totals().downloaded;
    swarm.run_for(1s);
    EXPECT_GT(swarm.torrent(background).totals().downloaded, before + 200'000);
}

TEST(TransferLimits, AReadDoesNotWaitForTheTurnsOfManyTorrents) {
    TransferLimits small = limits(std::nullopt, 300'000);
    VirtualSwarm swarm(kPieceSize, kContent);
    std::vector<std::size_t> leechers;
    for (int i = 0; i < 20; ++i) {
        leechers.push_back(swarm.add(with_limits(small, kLeecher)));
        swarm.introduce(leechers.back(), swarm.add(kSeed));
    }
    swarm.run_for(3s);
    const std::size_t reader = leechers[7];
    const auto& had = swarm.storage(reader).had();
    std::uint32_t wanted = 0;
    while (had.test(PieceIndex(wanted)) ||
           swarm.torrent(reader).picker().partials().contains(PieceIndex(wanted)))
        ++wanted;
    const TimePoint asked = swarm.now();
    swarm.set_reader(
        reader, 1,
        {.blocked = {{std::uint64_t{wanted} * kPieceSize, (wanted + 1ull) * kPieceSize}}, .window = {}});
    ASSERT_TRUE(swarm.run_until([&] { return had.test(PieceIndex(wanted)); }, 30s));
    // A round of turns takes 1.1 s, the piece 0.87 s.
    EXPECT_LT(swarm.now() - asked, 1100ms);
}

// Peers whose uplink is closed unchoke us and send nothing. Each is asked for a block now and then, which is
// cancelled after a while.
TEST(TransferLimits, RequestsThatAreNotAnsweredAreGivenBack) {
    TransferLimits ours = limits(std::nullopt, 200'000), closed = limits(0, std::nullopt);
    VirtualSwarm swarm(kPieceSize, kContent);
    const std::size_t leecher = swarm.add(with_limits(ours, {}));
    for (int i = 0; i < 6; ++i) swarm.introduce(leecher, swarm.add(with_limits(closed, kSeed)));
    swarm.introduce(leecher, swarm.add(kSeed));
    swarm.set_reader(leecher, 1, {.blocked = {}, .window = {0, kContent}});
    swarm.run_for(5s);
    const std::uint64_t before = swarm.torrent(leecher).totals().downloaded;
    swarm.run_for(60s);
    EXPECT_GT(swarm.torrent(leecher).totals().downloaded - before, 11'800'000u);
}

TEST(TransferLimits, WithoutUploadSlotsNothingIsSent) {
    UploadSlots none(0);
    NodeOptions rude = kSeed;
    rude.torrent.upload_slots = &none;
    World w(kLeecher, rude);
    w.swarm.run_for(60s);
    EXPECT_EQ(w.swarm.torrent(w.leecher).totals().peers, 1u);
    EXPECT_EQ(w.downloaded(), 0u);
}

TEST(TransferLimits, AnUplinkOfZeroHoldsUpNothingElse) {
    TransferLimits closed = limits(0, std::nullopt);
    World w(with_limits(closed, kLeecher), kSeed);
    const std::size_t other = w.swarm.add(kLeecher);
    w.swarm.introduce(other, w.leecher);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() >= kContent; }, 10s));
    w.swarm.run_for(10s);
    EXPECT_EQ(w.swarm.torrent(w.leecher).totals().uploaded, 0u);
    EXPECT_EQ(w.swarm.torrent(other).totals().downloaded, 0u);
}

TEST(TransferLimits, MayBeChangedAtAnyTime) {
    TransferLimits slow = limits(std::nullopt, 500'000);
    World w(with_limits(slow, kLeecher), kSeed);
    w.swarm.run_for(2s);
    w.expect_rate(500'000, 5);
    slow.set_rates(std::nullopt, 1'000'000, w.swarm.now());
    w.swarm.run_for(1s);
    w.expect_rate(1'000'000, 5);
    slow.set_rates(std::nullopt, std::nullopt, w.swarm.now());
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() >= kContent; }, 20s));
}

TEST(TransferLimits, OneThatIsSetLaterHoldsForThoseConnectedBefore) {
    TransferLimits none = limits(std::nullopt, std::nullopt);
    World w(with_limits(none, kLeecher), with_limits(none, {.seed = true, .link = {.up = 1e6}}));
    w.swarm.run_for(2s);
    EXPECT_GT(w.downloaded(), 1'000'000u);
    none.set_rates(std::nullopt, 200'000, w.swarm.now());
    w.swarm.run_for(2s);
    w.expect_rate(200'000, 5);
}

TEST(TransferLimits, UploadingEndsAtTheRatio) {
    NodeOptions options = kSeed;
    options.torrent.seed_goals.ratio = 0.5;
    options.link.up = 1e6;
    World w(kLeecher, options);
    Torrent& seed = w.swarm.torrent(1);
    ASSERT_TRUE(w.swarm.run_until([&] { return seed.totals().seeding_ended.has_value(); }, 60s));
    EXPECT_EQ(seed.totals().seeding_ended, SeedGoal::ratio);
    w.swarm.run_for(60s);
    EXPECT_GE(seed.totals().uploaded, kContent / 2);
    EXPECT_LE(seed.totals().uploaded, kContent / 2 + 1'500'000) << "it is looked at once a second";
    EXPECT_EQ(seed.totals().peers, 1u);
}

TEST(TransferLimits, ThatHasEndedGoesOnWithoutAGoal) {
    NodeOptions options = kSeed;
    options.torrent.seed_goals.ratio = 0.5;
    options.link.up = 1e6;
    World w(kLeecher, options);
    Torrent& seed = w.swarm.torrent(1);
    ASSERT_TRUE(w.swarm.run_until([&] { return seed.totals().seeding_ended.has_value(); }, 60s));
    seed.set_seed_goals({}, w.swarm.now());
    EXPECT_FALSE(seed.totals().seeding_ended);
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() >= kContent; }, 120s));
    seed.set_seed_goals({.ratio = 0.1}, w.swarm.now());
    EXPECT_EQ(seed.totals().seeding_ended, SeedGoal::ratio);
}

TEST(TransferLimits, UploadingEndsAfterTheTime) {
    NodeOptions options = kSeed;
    options.torrent.seed_goals.time = 5s;
    options.link.up = 1e6;
    World w(kLeecher, options);
    w.swarm.run_for(4900ms);
    Torrent& seed = w.swarm.torrent(1);
    EXPECT_FALSE(seed.totals().seeding_ended);
    w.swarm.run_for(200ms);
    EXPECT_EQ(seed.totals().seeding_ended, SeedGoal::time);
    w.swarm.run_for(2s);
    const std::uint64_t before = w.downloaded();
    EXPECT_GT(before, 3'000'000u);
    w.swarm.run_for(60s);
    EXPECT_EQ(w.downloaded(), before);
}

TEST(TransferLimits, TheTimeEndsAlsoWithoutPeers) {
    NodeOptions options = kSeed;
    options.torrent.seed_goals.time = 1h;
    VirtualSwarm swarm(kPieceSize, kContent);
    const std::size_t seed = swarm.add(options);
    EXPECT_EQ(swarm.torrent(seed).next_timeout(), swarm.now() + 1h);
    swarm.torrent(seed).handle_timeout(swarm.now() + 1h);
    EXPECT_EQ(swarm.torrent(seed).totals().seeding_ended, SeedGoal::time);
    EXPECT_EQ(swarm.torrent(seed).next_timeout(), kNever);
}

TEST(TransferLimits, UploadingDoesNotEndDuringAPause) {
    NodeOptions options = kSeed;
    options.torrent.seed_goals.time = 1h;
    VirtualSwarm swarm(kPieceSize, kContent);
    const std::size_t node = swarm.add(options);
    Torrent& seed = swarm.torrent(node);
    swarm.run_for(30min);
    swarm.set_paused(node, true);
    EXPECT_EQ(seed.next_timeout(), kNever);
    swarm.run_for(5h);
    seed.set_seed_goals({.time = 40min}, swarm.now());
    EXPECT_FALSE(seed.totals().seeding_ended);
    swarm.set_paused(node, false);
    swarm.run_for(9min);
    EXPECT_FALSE(seed.totals().seeding_ended);
    swarm.run_for(2min);
    EXPECT_EQ(seed.totals().seeding_ended, SeedGoal::time);
}

// ---- limits of one torrent ----

TEST(OwnLimits, ATorrentDownloadsAtItsOwnLimitUntilThatIsTakenAway) {
    TransferLimits none = limits({}, {});
    World w(with_limits(none, kLeecher), kSeed, 2);
    w.swarm.set_limits(w.leecher, {.download = 1'000'000});
    w.swarm.run_for(1s);
    w.expect_rate(1'000'000, 10);
    w.swarm.set_limits(w.leecher, {.download = 400'000});
    w.swarm.run_for(1s);
    w.expect_rate(400'000, 10);
    w.swarm.set_limits(w.leecher, {});
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() == kContent; }, 3s));
}

TEST(OwnLimits, ASeedUploadsAtItsOwnLimit) {
    TransferLimits none = limits({}, {});
    World w(kLeecher, with_limits(none, kSeed));
    w.swarm.set_limits(1, {.upload = 500'000});
    w.swarm.run_for(1s);
    w.expect_rate(500'000, 10);
    w.swarm.set_limits(1, {});
    EXPECT_TRUE(w.swarm.run_until([&] { return w.downloaded() == kContent; }, 3s));
}

TEST(OwnLimits, TheLowerOfItsOwnLimitAndTheProcesssHolds) {
    TransferLimits process = limits({}, 600'000);
    World w(with_limits(process, kLeecher), kSeed);
    w.swarm.set_limits(w.leecher, {.download = 3'000'000});
    w.swarm.run_for(1s);
    w.expect_rate(600'000, 5);
    w.swarm.set_limits(w.leecher, {.download = 300'000});
    w.swarm.run_for(1s);
    w.expect_rate(300'000, 5);
    w.swarm.set_limits(w.leecher, {.download = 1'200'000, .heeds_process = false});
    w.swarm.run_for(1s);
    w.expect_rate(1'200'000, 5);
}

TEST(OwnLimits, ATorrentThatIsHeldBackByItsOwnLimitLeavesTheProcesssToOthers) {
    TransferLimits process = limits(1'000'000, {});
    VirtualSwarm swarm(kPieceSize, kContent);
    const NodeOptions seed = with_limits(process, kSeed);
    const std::size_t slow = swarm.add(seed), fast = swarm.add(seed);
    const std::size_t of_slow = swarm.add(kLeecher), of_fast = swarm.add(kLeecher);
    swarm.introduce(of_slow, slow);
    swarm.introduce(of_fast, fast);
    swarm.set_limits(slow, {.upload = 200'000});
    swarm.run_for(2s);
    const auto downloaded = [&](std::size_t node) { return swarm.torrent(node).totals().downloaded; };
    const std::uint64_t slow_before = downloaded(of_slow), fast_before = downloaded(of_fast);
    swarm.run_for(5s);
    EXPECT_NEAR(static_cast<double>(downloaded(of_slow) - slow_before), 1e6, 1e5);
    EXPECT_NEAR(static_cast<double>(downloaded(of_fast) - fast_before), 4e6, 4e5);
}

TEST(OwnLimits, WithAnotherLimitOfPeersTheRestIsDisconnected) {
    World w({.torrent = {}}, kSeed, 6);
    w.swarm.run_for(2s);
    Torrent& torrent = w.swarm.torrent(w.leecher);
    ASSERT_EQ(torrent.connection_count(), 6u);
    w.swarm.set_limits(w.leecher, {.max_peers = 2});
    EXPECT_EQ(torrent.connection_count(), 2u);
    w.swarm.run_for(5min);
    EXPECT_LE(torrent.connection_count(), 2u);
    w.swarm.set_limits(w.leecher, {});
    EXPECT_EQ(torrent.max_peers(), 80u);
}

}  // namespace
}  // namespace btfs
