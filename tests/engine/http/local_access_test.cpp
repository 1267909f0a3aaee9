#include "engine/http/local_access.hpp"

#include <gtest/gtest.h>

namespace btfs::http {
namespace {

bool reaches(LocalAccess access, const char* address) {
    return may_reach(access, *Address::parse(address));
}

TEST(LocalAccessTest, PublicAddressesAreAlwaysAllowed) {
    for (const LocalAccess access : {LocalAccess::nothing, LocalAccess::network, LocalAccess::everything})
        for (const char* address : {"203.0.113.1", "2001:db8::1", "8.8.8.8"})
            EXPECT_TRUE(reaches(access, address));
}

TEST(LocalAccessTest, ThisMachineIsReachedByEverythingAlone) {
    for (const char* address : {"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"}) {
        EXPECT_FALSE(reaches(LocalAccess::nothing, address)) << address;
        EXPECT_FALSE(reaches(LocalAccess::network, address)) << address;
        EXPECT_TRUE(reaches(LocalAccess::everything, address)) << address;
    }
}

TEST(LocalAccessTest, PrivateAddressesAreTheNetworks) {
    for (const char* address : {"192.168.1.1", "10.0.0.1", "172.16.0.1", "100.64.0.1", "fd00::1"}) {
        EXPECT_FALSE(reaches(LocalAccess::nothing, address)) << address;
        EXPECT_TRUE(reaches(LocalAccess::network, address)) << address;
    }
    for (const char* address : {"169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1"})
        EXPECT_FALSE(reaches(LocalAccess::network, address)) << address;
}

TEST(LocalAccessTest, ATrackersPathReachesEverything) {
    for (const char* target :
         {"/announce", "/announce?passkey=x", "/announce.php?a=b", "/announce/0123456789abcdef", "/Announce"})
        EXPECT_EQ(local_access_of(target), LocalAccess::everything) << target;
}

TEST(LocalAccessTest, ATorrentsQueryReachesNothingLocal) {
    for (const char* target :
         {"/x?reboot=1", "/?", "?x", "/setup.cgi?todo=reboot&next=/announce", "/announcement?x",
          "/announcer?x=/announce", "/cgi-bin/reboot/announce?now", "/announce/../reboot?now",
          "/announce/%2e%2e/reboot?now", "/announce/..%2Freboot?now", "/announce\\..\\reboot?now",
          "/announce/%252e%252e/x?now", "//announce?x", "/announce;x?now"})
        EXPECT_EQ(local_access_of(target), LocalAccess::nothing) << target;
}

TEST(LocalAccessTest, AnyOtherPathReachesTheNetworkButNotThisMachine) {
    for (const char* target : {"/", "", "/0123456789abcdef/announce", "/tracker", "/announce/../reboot"})
        EXPECT_EQ(local_access_of(target), LocalAccess::network) << target;
}

TEST(LocalAccessTest, AWebSeedReachesThisMachineByNoPath) {
    for (const char* target : {"/", "/file", "/announce", "/announce/file", "/announce.php"})
        EXPECT_EQ(web_seed_access_of(target), LocalAccess::network) << target;
    for (const char* target : {"/?", "/announce?x"})
        EXPECT_EQ(web_seed_access_of(target), LocalAccess::nothing) << target;
}

}  // namespace
}  // namespace btfs::http
