#include "engine/proxy/socks5_client.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/core/hex.hpp"

namespace btfs::proxy {
namespace {

using Command = Socks5Client::Command;

Bytes bytes_of(std::initializer_list<int> values) {
    Bytes out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
}

Bytes joined(const Bytes& a, const Bytes& b) {
    Bytes out = a;
    out.insert(out.end(), b.begin(), b.end());
    return out;
}

const Credentials kLogin{"me", "secret"};
const Bytes kNoLogin = bytes_of({5, 0});
const Bytes kReply = bytes_of({5, 0, 0, 1, 192, 0, 2, 1, 0x1a, 0xe1});

Socks5Client connecting_to(HostPort to, Credentials credentials = {}) {
    return Socks5Client(Command::connect, std::move(to), std::move(credentials));
}

/// The error that comes of these bytes.
Error error_of(Socks5Client machine, const Bytes& bytes) {
    const auto taken = machine.handle_bytes(bytes);
    return taken ? Error() : taken.error();
}

TEST(Socks5Client, ConnectsToAnAddress) {
    Socks5Client machine = connecting_to({"192.0.2.7", 6881});
    EXPECT_EQ(machine.take_output(), bytes_of({5, 1, 0}));
    EXPECT_EQ(machine.handle_bytes(kNoLogin).value(), 2U);
    EXPECT_EQ(machine.take_output(), bytes_of({5, 1, 0, 1, 192, 0, 2, 7, 0x1a, 0xe1}));
    EXPECT_EQ(machine.handle_bytes(kReply).value(), kReply.size());
    EXPECT_TRUE(machine.done());
    EXPECT_EQ(machine.bound()->text(), "192.0.2.1:6881");
}

TEST(Socks5Client, LeavesNamesToTheProxy) {
    Socks5Client machine = connecting_to({"peer.example", 80});
    machine.take_output();
    ASSERT_TRUE(machine.handle_bytes(kNoLogin));
    EXPECT_EQ(machine.take_output(),
              joined(bytes_of({5, 1, 0, 3, 12}),
                     joined({as_bytes("peer.example").begin(), as_bytes("peer.example").end()},
                            bytes_of({0, 80}))));
}

TEST(Socks5Client, LogsInIfTheProxyWantsIt) {
    Socks5Client machine = connecting_to({"::1", 1}, kLogin);
    EXPECT_EQ(machine.take_output(), bytes_of({5, 2, 0, 2}));
    ASSERT_TRUE(machine.handle_bytes(bytes_of({5, 2})));
    EXPECT_EQ(machine.take_output(), bytes_of({1, 2, 'm', 'e', 6, 's', 'e', 'c', 'r', 'e', 't'}));
    EXPECT_FALSE(machine.has_requested());
    ASSERT_TRUE(machine.handle_bytes(bytes_of({1, 0})));
    EXPECT_TRUE(machine.has_requested());
    EXPECT_EQ(machine.take_output().size(), 4 + 16 + 2U);
}

TEST(Socks5Client, GivesNoPasswordToAProxyThatWantsNone) {
    Socks5Client machine = connecting_to({"::1", 1}, kLogin);
    machine.take_output();
    ASSERT_TRUE(machine.handle_bytes(kNoLogin));
    EXPECT_EQ(machine.take_output().size(), 4 + 16 + 2U);
}

TEST(Socks5Client, TakesBytesOneByOneAndNoneThatFollow) {
    Socks5Client machine = connecting_to({"192.0.2.7", 6881});
    const Bytes all = joined(kNoLogin, kReply);
    for (const std::byte& byte : all) {
        EXPECT_FALSE(machine.done());
        EXPECT_EQ(machine.handle_bytes({&byte, 1}).value(), 1U);
    }
    EXPECT_TRUE(machine.done());
    Socks5Client another = connecting_to({"192.0.2.7", 6881});
    EXPECT_EQ(another.handle_bytes(joined(all, bytes_of({1, 2, 3}))).value(), all.size());
    EXPECT_EQ(another.handle_bytes(bytes_of({1})).value(), 0U);
}

TEST(Socks5Client, TellsWhyItIsRefused) {
    EXPECT_EQ(error_of(connecting_to({"::1", 1}), bytes_of({5, 0xff})), Errc::proxy_login_needed);
    EXPECT_EQ(error_of(connecting_to({"::1", 1}), bytes_of({5, 2})), Errc::proxy_login_needed);
    EXPECT_EQ(error_of(connecting_to({"::1", 1}, kLogin), bytes_of({5, 0xff})), Errc::proxy_login_refused);
    EXPECT_EQ(error_of(connecting_to({"::1", 1}, kLogin), bytes_of({5, 2, 1, 1})), Errc::proxy_login_refused);
    const std::vector<std::pair<int, Errc>> replies{
        {1, Errc::proxy_refused},          {2, Errc::proxy_refused},
        {3, Errc::proxy_host_unreachable}, {4, Errc::proxy_host_unreachable},
        {5, Errc::proxy_host_unreachable}, {6, Errc::proxy_host_unreachable},
        {7, Errc::proxy_no_command},       {8, Errc::proxy_no_command},
        {99, Errc::proxy_refused}};
    for (const auto& [reply, error] : replies)  // an address need not follow
        EXPECT_EQ(error_of(connecting_to({"::1", 1}), joined(kNoLogin, bytes_of({5, reply, 0, 1}))), error)
            << reply;
}

TEST(Socks5Client, RefusesWhatIsNoSocks) {
    for (const Bytes& bytes :
         {bytes_of({4, 0}), bytes_of({5, 1}), bytes_of({'H', 'T'}), joined(kNoLogin, bytes_of({4, 0, 0, 1})),
          joined(kNoLogin, bytes_of({5, 0, 0, 7}))})
        EXPECT_EQ(error_of(connecting_to({"::1", 1}), bytes), Errc::proxy_malformed);
}

TEST(Socks5Client, ReadsEachKindOfAddressInAReply) {
    Socks5Client named(Command::udp_associate, {"0.0.0.0", 0}, {});
    ASSERT_TRUE(named.handle_bytes(joined(kNoLogin, bytes_of({5, 0, 0, 3, 1, 'p', 0, 80}))));
    EXPECT_TRUE(named.done());
    EXPECT_FALSE(named.bound());
    Socks5Client v6(Command::udp_associate, {"::", 0}, {});
    Bytes reply = bytes_of({5, 0, 0, 4});
    reply.resize(4 + 16);
    ASSERT_TRUE(v6.handle_bytes(joined(kNoLogin, joined(reply, bytes_of({0, 80})))));
    EXPECT_EQ(v6.bound()->text(), "[::]:80");
}

}  // namespace
}  // namespace btfs::proxy
