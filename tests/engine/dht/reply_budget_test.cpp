#include "engine/dht/reply_budget.hpp"

#include <gtest/gtest.h>

namespace btfs::dht {
namespace {

const TimePoint kNow{1h};

Address host(std::uint32_t n) {
    Bytes raw;
    ByteWriter(raw).u32(0x08000000 + n);
    return *Address::from_bytes(raw);
}

/// Sends replies of this size until none is admitted. Returns their bytes.
std::size_t drain(ReplyBudget& budget, const Address& to, std::size_t size, TimePoint now) {
    std::size_t sent = 0;
    for (; budget.admits(to, now); sent += size) budget.charge(to, size, now);
    return sent;
}

TEST(ReplyBudget, AHostGetsABurstAndThenARate) {
    ReplyBudget budget;
    EXPECT_LE(drain(budget, host(1), 1000, kNow), ReplyBudget::kHostBurst + 1000);
    EXPECT_FALSE(budget.admits(host(1), kNow));
    EXPECT_TRUE(budget.admits(host(2), kNow));
    EXPECT_LE(drain(budget, host(1), 1000, kNow + 2s), 2 * ReplyBudget::kHostRate + 1000);
}

TEST(ReplyBudget, AllHostsTogetherAreBounded) {
    ReplyBudget budget;
    double sent = 0;
    for (std::uint32_t i = 0; i < 100; ++i) sent += static_cast<double>(drain(budget, host(i), 1000, kNow));
    EXPECT_LE(sent, ReplyBudget::kTotalBurst + 1000);
    EXPECT_GE(sent, ReplyBudget::kTotalBurst);
}

TEST(ReplyBudget, HostsThatAreRememberedAreBounded) {
    ReplyBudget budget;
    for (std::uint32_t i = 0; i < 2 * ReplyBudget::kMaxHosts; ++i)
        if (budget.admits(host(i), kNow)) budget.charge(host(i), 20, kNow);
    EXPECT_EQ(budget.host_count(), ReplyBudget::kMaxHosts);
    EXPECT_FALSE(budget.admits(host(1'000'000), kNow + 1ms));
    EXPECT_TRUE(budget.admits(host(1'000'000), kNow + 5s)) << "debts are paid by now";
}

}  // namespace
}  // namespace btfs::dht
