#include "engine/net/host_shares.hpp"

#include <gtest/gtest.h>

namespace btfs::net {
namespace {

Address host(const char* text) {
    return *Address::parse(text);
}

TEST(HostShares, WithRoomNobodyGoes) {
    HostShares shares({.total = 3, .per_host = 2});
    EXPECT_FALSE(shares.add(1, host("192.0.2.1")));
    EXPECT_FALSE(shares.add(2, host("192.0.2.1")));
    EXPECT_FALSE(shares.add(3, host("192.0.2.2")));
    EXPECT_EQ(shares.size(), 3u);
}

TEST(HostShares, TheGreediestHostLosesItsOldest) {
    HostShares shares({.total = 4, .per_host = 4});
    (void)shares.add(1, host("192.0.2.2"));
    (void)shares.add(2, host("192.0.2.1"));
    (void)shares.add(3, host("192.0.2.1"));
    (void)shares.add(4, host("192.0.2.1"));
    EXPECT_EQ(shares.add(5, host("192.0.2.3")), 2u);
    EXPECT_EQ(shares.add(6, host("192.0.2.4")), 3u);
    // Each host has one now, so the oldest of all is dropped.
    EXPECT_EQ(shares.add(7, host("192.0.2.5")), 1u);
    EXPECT_EQ(shares.size(), 4u);
}

TEST(HostShares, AHostBeyondItsShareReplacesItsOwn) {
    HostShares shares({.total = 10, .per_host = 2});
    (void)shares.add(1, host("192.0.2.2"));
    (void)shares.add(2, host("192.0.2.1"));
    (void)shares.add(3, host("192.0.2.1"));
    EXPECT_EQ(shares.add(4, host("192.0.2.1")), 2u);
    EXPECT_EQ(shares.size(), 3u);
}

TEST(HostShares, AllOfA64IsOneHost) {
    HostShares shares({.total = 10, .per_host = 2});
    (void)shares.add(1, host("2001:db8::1"));
    (void)shares.add(2, host("2001:db8::2"));
    EXPECT_EQ(shares.add(3, host("2001:db8::3")), 1u);
    EXPECT_FALSE(shares.add(4, host("2001:db8:0:1::1")));
}

TEST(HostShares, WhatLeftMakesRoom) {
    HostShares shares({.total = 2, .per_host = 2});
    (void)shares.add(1, host("192.0.2.1"));
    (void)shares.add(2, host("192.0.2.1"));
    shares.remove(1);
    shares.remove(1);
    EXPECT_FALSE(shares.add(3, host("192.0.2.2")));
    EXPECT_EQ(shares.add(4, host("192.0.2.3")), 2u);
}

}  // namespace
}  // namespace btfs::net
