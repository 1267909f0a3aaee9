// The chokers of remote peers: whom they unchoke, and when.
#include "tests/sim/remote_choker.hpp"

#include <gmock/gmock.h>

namespace btfs::sim {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr TimePoint kBegin = TimePoint{} + std::chrono::hours(1);
constexpr std::uint32_t kPiece = 256 * 1024;

/// Customers 0, 1, 2..., all of them interested, and a choker that is called once a second.
struct Shop {
    Shop(Choking kind, std::size_t count) : choker(kind, kPiece, 1, kBegin) {
        for (std::size_t i = 0; i < count; ++i) customers.push_back({i, true, false, 0, 0});
    }

    /// Ends the round that is under way. Each customer gives so much a second meanwhile, and takes `given`.
    std::set<std::size_t> round(std::span<const std::uint64_t> got, bool is_seed = false) {
        for (;;) {
            now += 1s;
            for (auto& customer : customers) customer.got += customer.id < got.size() ? got[customer.id] : 0;
            for (auto& customer : customers) customer.given += customer.unchoked ? kGiven : 0;
            const auto chosen = choker.tick(customers, is_seed, now);
            if (!chosen) continue;
            for (auto& customer : customers) customer.unchoked = chosen->contains(customer.id);
            return *chosen;
        }
    }

    static constexpr std::uint64_t kGiven = 100'000;
    RemoteChoker choker;
    std::vector<RemoteChoker::Customer> customers;
    TimePoint now = kBegin;
};

TEST(RemoteChoker, LibtorrentUnchokesTheSevenThatGaveMostAndOneOptimistically) {
    Shop shop(Choking::libtorrent2, 12);
    const std::vector<std::uint64_t> got{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    shop.round(got);
    const auto unchoked = shop.round(got);
    EXPECT_EQ(unchoked.size(), RemoteChoker::kSlots);
    EXPECT_THAT(unchoked, IsSupersetOf({5u, 6u, 7u, 8u, 9u, 10u, 11u}));
}

TEST(RemoteChoker, LibtorrentsOptimisticSlotComesToEachInTurn) {
    Shop shop(Choking::libtorrent2, 12);
    const std::vector<std::uint64_t> got{0, 0, 0, 0, 0, 6, 7, 8, 9, 10, 11, 12};
    std::set<std::size_t> seen;
    for (int i = 0; i < 2 * 5 + 1; ++i)  // 30 s each
        for (std::size_t id : shop.round(got)) seen.insert(id);
    EXPECT_EQ(seen.size(), 12u);
}

TEST(RemoteChoker, LibtorrentUnchokesAtOnceWhileASlotIsFree) {
    RemoteChoker choker(Choking::libtorrent2, kPiece, 1, kBegin);
    EXPECT_TRUE(choker.unchokes_at_once({1, true, false, 0, 0}, 7, kBegin));
    EXPECT_FALSE(choker.unchokes_at_once({2, true, false, 0, 0}, 8, kBegin));
}

TEST(RemoteChoker, ALibtorrentSeedMovesOnAfterItsQuota) {
    Shop shop(Choking::libtorrent2, 16);
    const auto first = shop.round({}, true);
    auto later = first;
    // 20 pieces of 256 KiB at 100 kB/s take 52 s, and the quota lasts a minute at least.
    for (int i = 0; i < 6; ++i) later = shop.round({}, true);
    std::size_t still = 0;
    for (std::size_t id : first) still += later.contains(id);
    EXPECT_LE(still, 1u);
}

TEST(RemoteChoker, TransmissionUnchokesTheEightFastestAndOneMore) {
    Shop shop(Choking::transmission4, 12);
    const std::vector<std::uint64_t> got{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    shop.round(got);
    const auto unchoked = shop.round(got);
    EXPECT_EQ(unchoked.size(), RemoteChoker::kSlots + 1);
    EXPECT_THAT(unchoked, IsSupersetOf({4u, 5u, 6u, 7u, 8u, 9u, 10u, 11u}));
}

TEST(RemoteChoker, TransmissionLooksAtTheLastTwoSecondsAlone) {
    Shop shop(Choking::transmission4, 12);
    std::vector<std::uint64_t> got(12, 1'000);
    got[0] = 100'000;
    shop.round(got);
    got[0] = 0;
    shop.round(got);
    // The customer that gave much before, and nothing now, is the last one; the others fill the eight slots.
    std::size_t rounds_with_it = 0;
    for (int i = 0; i < 8; ++i) rounds_with_it += shop.round(got).contains(0);
    EXPECT_LT(rounds_with_it, 8u);
}

TEST(RemoteChoker, NobodyIsUnchokedWhoIsNotInterested) {
    for (const Choking kind : {Choking::libtorrent2, Choking::transmission4}) {
        Shop shop(kind, 4);
        shop.customers[2].interested = false;
        EXPECT_THAT(shop.round({}), Not(Contains(2u)));
    }
}

}  // namespace
}  // namespace btfs::sim
