#include "engine/dht/tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace btfs::dht {
namespace {

TEST(Tokens, AreMadeWithSecretsThatChange) {
    int secrets = 0;
    const TimePoint start{1h};
    Tokens tokens(
        [&](std::span<std::byte> out) { std::ranges::fill(out, static_cast<std::byte>(++secrets)); }, start);
    const Address address = *Address::parse("192.0.2.1");
    const NodeId info_hash{};
    const std::string first = tokens.make(address, info_hash, start);
    EXPECT_EQ(tokens.make(address, info_hash, start + 4min), first);
    const std::string second = tokens.make(address, info_hash, start + 5min);
    EXPECT_NE(second, first);
    EXPECT_TRUE(tokens.holds(first, address, info_hash, start + 9min));
    EXPECT_TRUE(tokens.holds(second, address, info_hash, start + 9min));
    EXPECT_FALSE(tokens.holds(first, address, info_hash, start + 10min));
    EXPECT_EQ(secrets, 4);
}

TEST(Tokens, OfTwoNodesDiffer) {
    const TimePoint start{1h};
    Tokens one(fill_secret, start), other(fill_secret, start);
    const std::string token = one.make(*Address::parse("192.0.2.1"), {}, start);
    EXPECT_FALSE(other.holds(token, *Address::parse("192.0.2.1"), {}, start));
}

}  // namespace
}  // namespace btfs::dht
