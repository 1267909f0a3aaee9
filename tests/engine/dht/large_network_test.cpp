#include <gtest/gtest.h>

#include <cmath>

#include "tests/engine/dht/network/large_network.hpp"

namespace btfs::dht {
namespace {

TEST(LargeNetwork, PeersAreFound) {
    constexpr std::size_t kNodes = 1000;
    const test::LargeNetworkReport report = test::run_large_network(kNodes, 100);
    EXPECT_EQ(report.lookups, 400u);
    EXPECT_GE(report.share_found, 0.995);
    EXPECT_LE(report.median_hops, std::log2(kNodes)) << "as Kademlia promises";
    EXPECT_LE(report.most_idle, 2048);
}

}  // namespace
}  // namespace btfs::dht
