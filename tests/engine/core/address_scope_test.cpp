#include "engine/core/address_scope.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(AddressScope, OfItsOwnNetworkOnlyThoseInsideMayTell) {
    const auto may = [](const char* teller, const char* told) {
        return may_tell_of(*Address::parse(teller), *Address::parse(told));
    };
    EXPECT_TRUE(may("8.8.8.8", "9.9.9.9"));
    EXPECT_FALSE(may("8.8.8.8", "192.168.1.1"));
    EXPECT_FALSE(may("8.8.8.8", "127.0.0.1"));
    EXPECT_TRUE(may("10.0.0.1", "192.168.1.1"));
    EXPECT_FALSE(may("10.0.0.1", "127.0.0.1"));
    EXPECT_TRUE(may("127.0.0.1", "127.0.0.2"));
    EXPECT_TRUE(may("::1", "fc00::1"));
}

TEST(AddressScope, LocalAreLoopbackPrivateAndLinkLocalAddresses) {
    for (const char* text : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1",
                             "100.64.0.1", "::1", "fd00::1", "fe80::1"})
        EXPECT_TRUE(is_local(*Address::parse(text))) << text;
    for (const char* text : {"8.8.8.8", "172.32.0.1", "192.0.2.1", "2001:db8::1"})
        EXPECT_FALSE(is_local(*Address::parse(text))) << text;
}

}  // namespace
}  // namespace btfs
