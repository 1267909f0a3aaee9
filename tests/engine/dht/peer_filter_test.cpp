#include "engine/dht/peer_filter.hpp"

#include <gtest/gtest.h>

#include "engine/core/hash.hpp"

namespace btfs::dht {
namespace {

TEST(PeerFilterTest, IsTheOneOfBep33) {
    PeerFilter filter;
    EXPECT_DOUBLE_EQ(filter.estimate(), 0);
    for (unsigned i = 0; i < 256; ++i) {
        const std::array<std::byte, 4> raw{std::byte{192}, std::byte{0}, std::byte{2}, std::byte(i)};
        filter.insert(*Address::from_bytes(raw));
    }
    for (unsigned i = 0; i < 1000; ++i) {
        std::array<std::byte, 16> raw{std::byte{0x20}, std::byte{1}, std::byte{0x0d}, std::byte{0xb8}};
        raw[14] = std::byte(i >> 8);
        raw[15] = std::byte(i & 0xff);
        filter.insert(*Address::from_bytes(raw));
    }
    EXPECT_NEAR(filter.estimate(), 1224.9308, 0.0001);
    EXPECT_EQ(Digest<32>::from(filter.view().first(32)).hex(),
              "f6c3f5eaa07ffd91bde89f777f26fb2bff37bdb8fb2bbaa2fd3ddde7bacfff75");
    EXPECT_EQ(Digest<20>::from(filter.view().last(20)).hex(), "adfee1fb737ffffbfd9f6aeffeee76b6fd8f72ef");
}

TEST(PeerFilterTest, AUnionCountsEveryAddressOnce) {
    PeerFilter a, b;
    for (unsigned i = 0; i < 100; ++i) {
        const std::array<std::byte, 4> raw{std::byte{10}, std::byte{0}, std::byte{0}, std::byte(i)};
        if (i < 60) a.insert(*Address::from_bytes(raw));
        if (i >= 40) b.insert(*Address::from_bytes(raw));
    }
    a.merge(b);
    EXPECT_NEAR(a.estimate(), 100, 8);
}

}  // namespace
}  // namespace btfs::dht
