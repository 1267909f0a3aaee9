#include "engine/core/endpoint.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace btfs {
namespace {

TEST(Endpoint, TextGoesBothWays) {
    for (auto text : {"192.0.2.1:6881", "[2001:db8::1]:80", "0.0.0.0:0"})
        EXPECT_EQ(Endpoint::parse(text)->text(), text);
    for (auto text :
         {"192.0.2.1", "host:80", "2001:db8::1:80", "1.2.3.4:65536", "1.2.3.4:", "1.2.3.4:-1", ""})
        EXPECT_FALSE(Endpoint::parse(text)) << text;
}

TEST(Endpoint, CompactFormsAreSixAndEighteenBytes) {
    const Endpoint v4 = *Endpoint::parse("1.2.3.4:258");
    EXPECT_EQ(Endpoint::from_compact(as_bytes(std::string_view("\1\2\3\4\1\2", 6))), v4);
    EXPECT_FALSE(Endpoint::from_compact(as_bytes("12345")));
    Bytes v6(18);
    v6[15] = std::byte{1};
    v6[17] = std::byte{80};
    EXPECT_EQ(Endpoint::from_compact(v6)->text(), "[::1]:80");
}

TEST(Address, MappedAddressesAreV4) {
    EXPECT_EQ(Address::parse("::ffff:192.0.2.1"), Address::parse("192.0.2.1"));
    EXPECT_TRUE(Address::parse("::ffff:192.0.2.1")->is_v4());
}

TEST(Address, KnowsItsKind) {
    for (auto text : {"10.0.0.1", "172.16.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "169.254.0.1",
                      "fc00::1", "fe80::1"})
        EXPECT_TRUE(Address::parse(text)->is_private()) << text;
    for (auto text : {"172.32.0.1", "100.128.0.1", "198.18.0.1", "2001:db8::1"})
        EXPECT_FALSE(Address::parse(text)->is_private()) << text;
    EXPECT_TRUE(Address::parse("127.1.2.3")->is_loopback());
    EXPECT_TRUE(Address::parse("::1")->is_loopback());
    EXPECT_FALSE(Address::parse("::2")->is_loopback());
    EXPECT_TRUE(Address::parse("ff02::1")->is_multicast());
    EXPECT_TRUE(Address::parse("224.0.0.1")->is_multicast());
    EXPECT_TRUE(Address::parse("fe80::1")->is_link_local());
    EXPECT_TRUE(Address::parse("::")->is_unspecified());
}

TEST(Address, TheNetworkOfAHostIsItsAddressOrThe64OfIPv6) {
    EXPECT_EQ(Address::parse("192.0.2.1")->network(), *Address::parse("192.0.2.1"));
    EXPECT_EQ(Address::parse("2001:db8:1:2:3:4:5:6")->network(), *Address::parse("2001:db8:1:2::"));
    EXPECT_NE(Address::parse("2001:db8:1:2::1")->network(), Address::parse("2001:db8:1:3::1")->network());
}

TEST(Endpoint, DialableMeansAPortAndOneHost) {
    EXPECT_TRUE(Endpoint::parse("1.2.3.4:1")->is_dialable());
    for (auto text :
         {"1.2.3.4:0", "0.0.0.0:1", "255.255.255.255:1", "240.0.0.1:1", "254.1.2.3:1", "[ff02::1]:1"})
        EXPECT_FALSE(Endpoint::parse(text)->is_dialable()) << text;
}

TEST(Endpoint, Hashes) {
    std::unordered_set<Endpoint> set{*Endpoint::parse("1.2.3.4:1"), *Endpoint::parse("1.2.3.4:2"),
                                     *Endpoint::parse("1.2.3.4:1")};
    EXPECT_EQ(set.size(), 2u);
}

}  // namespace
}  // namespace btfs
