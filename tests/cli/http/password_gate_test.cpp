#include "cli/http/password_gate.hpp"

#include <gtest/gtest.h>

#include "cli/text/base64.hpp"

namespace btfs::cli {
namespace {

using Verdict = PasswordGate::Verdict;

const PasswordGate::Client kHere{*Address::parse("192.0.2.1")}, kThere{*Address::parse("192.0.2.2")};
const TimePoint kStart{1h};

std::string login(const std::string& password) {
    return "Basic " + to_base64(as_bytes("anybody:" + password));
}

TEST(PasswordGate, NoPasswordLetsAllIn) {
    PasswordGate gate(std::nullopt);
    EXPECT_EQ(gate.check("", kHere, kStart), Verdict::open);
    EXPECT_EQ(gate.check("nonsense", kHere, kStart), Verdict::open);
}

TEST(PasswordGate, OnlyTheRightPasswordOpensIt) {
    PasswordGate gate("a:b");
    EXPECT_EQ(gate.check(login("a:b"), kHere, kStart), Verdict::open);
    EXPECT_EQ(gate.check("basic " + to_base64(as_bytes(":a:b")), kHere, kStart), Verdict::open);
    EXPECT_EQ(gate.check("", kHere, kStart), Verdict::closed);
    TimePoint now = kStart;
    for (const std::string& header : {login("a"), login(""), std::string("Basic"), std::string("Basic ?"),
                                      std::string("Bearer a:b"), "Basic " + to_base64(as_bytes("a"))}) {
        EXPECT_EQ(gate.check(header, kHere, now), Verdict::closed) << header;
        now += 1h;
    }
}

TEST(PasswordGate, AWrongOneDelaysItsAddressAndNobodyElse) {
    PasswordGate gate("right");
    EXPECT_EQ(gate.check(login("wrong"), kHere, kStart), Verdict::closed);
    EXPECT_EQ(gate.check(login("right"), kHere, kStart), Verdict::too_soon);
    EXPECT_EQ(gate.check("", kHere, kStart), Verdict::closed);  // a browser's first request has no login
    EXPECT_EQ(gate.check(login("right"), kThere, kStart), Verdict::open);
    EXPECT_EQ(gate.check(login("right"), kHere, kStart + PasswordGate::kFirstWait), Verdict::open);
}

TEST(PasswordGate, EachWrongOneDoublesTheDelay) {
    PasswordGate gate("right");
    TimePoint now = kStart;
    Duration last{};
    for (int time = 0; time < 20; ++time) {
        EXPECT_EQ(gate.check(login("wrong"), kHere, now), Verdict::closed);
        const Duration wait = gate.wait_of(kHere, now);
        EXPECT_EQ(wait, time == 0 ? PasswordGate::kFirstWait
                                  : std::min<Duration>(2 * last, PasswordGate::kLongestWait));
        last = wait;
        now += wait;
    }
    EXPECT_EQ(last, PasswordGate::kLongestWait);
    EXPECT_EQ(gate.check(login("right"), kHere, now), Verdict::open);
    EXPECT_EQ(gate.wait_of(kHere, now), Duration::zero());
}

TEST(PasswordGate, ANetworkOfIPv6IsOneAddress) {
    PasswordGate gate("right");
    gate.check(login("wrong"), {*Address::parse("2001:db8::1")}, kStart);
    EXPECT_EQ(gate.check(login("right"), {*Address::parse("2001:db8::2")}, kStart), Verdict::too_soon);
}

TEST(PasswordGate, RemembersSoManyAddresses) {
    PasswordGate gate("right");
    gate.check(login("wrong"), kHere, kStart);
    for (std::uint32_t each = 0; each < PasswordGate::kMaxAddresses; ++each)
        gate.check(login("wrong"),
                   {*Address::parse("10.0." + std::to_string(each / 256) + "." + std::to_string(each % 256))},
                   kStart);
    EXPECT_EQ(gate.wait_of(kHere, kStart), Duration::zero());
}

/// A proxy that passes on its client's own header lets that name a new address for each guess.
TEST(PasswordGate, ManyWrongOnesOfForwardedAddressesDelayAllOfThese) {
    PasswordGate gate("right");
    const auto client = [](unsigned number) {
        return PasswordGate::Client{
            *Address::parse("192.0." + std::to_string(number / 256) + "." + std::to_string(number % 256)),
            true};
    };
    for (unsigned i = 0; i + 1 < PasswordGate::kMostForwarded; ++i)
        EXPECT_EQ(gate.check(login("wrong"), client(i), kStart), Verdict::closed);
    EXPECT_EQ(gate.check(login("right"), client(1000), kStart), Verdict::open);
    for (unsigned i = 0; i < PasswordGate::kMostForwarded; ++i)
        EXPECT_EQ(gate.check(login("wrong"), client(2000 + i), kStart), Verdict::closed);
    EXPECT_EQ(gate.check(login("right"), client(1000), kStart), Verdict::too_soon);
    EXPECT_EQ(gate.check(login("right"), kHere, kStart), Verdict::open);
    EXPECT_EQ(gate.check(login("right"), client(1000), kStart + PasswordGate::kForwardedWait), Verdict::open);
}

}  // namespace
}  // namespace btfs::cli
