#include "engine/net/network_path.hpp"

#include <gtest/gtest.h>

#include <set>

#include "engine/net/debounce.hpp"

namespace btfs::net {
namespace {

const Address kOurs = *Address::parse("192.168.1.2");
const Address kPeer = *Address::parse("198.51.100.7");
const Route kWifi{2, Address::parse("192.168.1.1")};

struct FakeRouting final : Routing {
    std::set<Address> addresses{kOurs};
    std::optional<Route> route = kWifi;

    bool has_address(const Address& address) const override { return addresses.contains(address); }
    std::optional<Route> route_to(const Address&) const override { return route; }
};

TEST(NetworkPath, HoldsWhileItsAddressAndItsRouteAreThere) {
    FakeRouting routing;
    const NetworkPath path{kOurs, kPeer, kWifi};
    EXPECT_FALSE(is_broken(path, routing));
    routing.addresses.insert(*Address::parse("10.0.0.2"));
    EXPECT_FALSE(is_broken(path, routing));
}

TEST(NetworkPath, BreaksWithItsAddressItsInterfaceOrItsGateway) {
    const NetworkPath path{kOurs, kPeer, kWifi};
    FakeRouting moved;
    moved.addresses = {*Address::parse("192.168.1.3")};
    EXPECT_TRUE(is_broken(path, moved));
    FakeRouting rerouted;
    rerouted.route = Route{3, kWifi.gateway};
    EXPECT_TRUE(is_broken(path, rerouted));
    rerouted.route = Route{2, Address::parse("192.168.1.254")};
    EXPECT_TRUE(is_broken(path, rerouted));
    rerouted.route = std::nullopt;
    EXPECT_TRUE(is_broken(path, rerouted));
}

TEST(KernelRouting, KnowsItsOwnAddressesAndTheWayToThem) {
    const KernelRouting routing({});
    EXPECT_TRUE(routing.has_address(*Address::parse("127.0.0.1")));
    EXPECT_TRUE(routing.has_address(*Address::parse("127.8.9.10")));  // all of 127/8 is local
    EXPECT_FALSE(routing.has_address(*Address::parse("192.0.2.77")));
    EXPECT_TRUE(routing.route_to(*Address::parse("127.0.0.1")).has_value());
    EXPECT_EQ(routing.snapshot(), routing.snapshot());
    EXPECT_FALSE(routing.snapshot().addresses.empty());
}

TEST(Debounce, WaitsUntilABurstIsOver) {
    Debounce debounce(200ms, 1s);
    EXPECT_EQ(debounce.due(), kNever);
    const TimePoint start{1h};
    debounce.handle_event(start);
    debounce.handle_event(start + 150ms);
    EXPECT_FALSE(debounce.take(start + 300ms));
    EXPECT_TRUE(debounce.take(start + 350ms));
    EXPECT_FALSE(debounce.take(start + 400ms));
}

TEST(Debounce, DoesNotWaitForTheEndOfALongBurst) {
    Debounce debounce(200ms, 1s);
    const TimePoint start{1h};
    for (int i = 0; i < 20; ++i) debounce.handle_event(start + i * 100ms);
    EXPECT_EQ(debounce.due(), start + 1s);
}

}  // namespace
}  // namespace btfs::net
