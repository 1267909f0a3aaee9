// Tests of LsdClient on loopback, so that no datagram leaves the machine. Other processes may listen there at
// the same time, so each process has info-hashes of its own.
#include "engine/net/lsd_client.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <random>

#include "engine/net/multicast_interfaces.hpp"

namespace btfs::net {
namespace {

constexpr Duration kLimit = 10s;

const LocalBinding kLoopback{.v4 = Address::parse("127.0.0.1"), .v6 = std::nullopt, .device = {}};

Sha1Digest random_hash() {
    std::random_device device;
    Rng rng(std::uint64_t{device()} << 32 | device());
    Sha1Digest hash;
    rng.fill(hash.bytes);
    return hash;
}

TEST(MulticastInterfaces, AreThoseThatTheBindingAllows) {
    const auto loopback = multicast_interfaces(AddressFamily::v4, kLoopback);
    ASSERT_EQ(loopback.size(), 1u);
    EXPECT_EQ(loopback[0].address.text(), "127.0.0.1");
    EXPECT_TRUE(multicast_interfaces(AddressFamily::v6, kLoopback).empty());
    EXPECT_EQ(multicast_interfaces(AddressFamily::v4, {.v4 = {}, .v6 = {}, .device = "lo"}), loopback);
    EXPECT_TRUE(multicast_interfaces(AddressFamily::v4, {.v4 = {}, .v6 = {}, .device = "none"}).empty());
    for (const MulticastInterface& any : multicast_interfaces(AddressFamily::v6, {}))
        EXPECT_FALSE(any.address.is_link_local());
}

struct Clients : ::testing::Test {
    boost::asio::io_context io{1};
    SocketFactory sockets{io, kLoopback};
    LsdClient one{sockets, 1}, other{sockets, 2};
    std::vector<Endpoint> found_by_one, found_by_other;
    const Sha1Digest info_hash = random_hash();

    void run_until(const std::function<bool()>& condition) {
        const TimePoint end = Clock::now() + kLimit;
        while (!condition() && Clock::now() < end) io.run_one_until(end);
    }
    static auto into(std::vector<Endpoint>& found) {
        return [&found](const Endpoint& peer) { found.push_back(peer); };
    }
};

TEST_F(Clients, OnOneMachineFindEachOtherAndNotThemselves) {
    one.start(7001);
    other.start(7002);
    one.add(info_hash, into(found_by_one));
    other.add(info_hash, into(found_by_other));
    run_until([&] { return !found_by_one.empty(); });
    EXPECT_EQ(found_by_one, std::vector{*Endpoint::parse("127.0.0.1:7002")});
    EXPECT_TRUE(found_by_other.empty()) << "it came after the first announcement";
    one.stop();
    other.stop();
}

TEST_F(Clients, TorrentsThatWereThereBeforeTheStartAreAnnounced) {
    one.add(info_hash, into(found_by_one));
    one.start(7001);
    other.add(info_hash, into(found_by_other));
    other.start(7002);
    run_until([&] { return !found_by_one.empty(); });
    EXPECT_EQ(found_by_one.size(), 1u);
    one.remove(info_hash);
    one.stop();
    other.stop();
}

}  // namespace
}  // namespace btfs::net
