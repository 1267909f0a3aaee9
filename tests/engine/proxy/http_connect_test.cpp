#include "engine/proxy/http_connect.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::proxy {
namespace {

Error answered(std::string_view reply, const Credentials& credentials = {}) {
    HttpConnect machine({"peer.example", 6881}, credentials);
    const auto taken = machine.handle_bytes(as_bytes(reply));
    return taken ? Error() : taken.error();
}

TEST(HttpConnect, AsksForAHostAndPort) {
    HttpConnect machine({"peer.example", 6881}, {});
    EXPECT_EQ(as_text(machine.take_output()),
              "CONNECT peer.example:6881 HTTP/1.1\r\nHost: peer.example:6881\r\n\r\n");
    HttpConnect v6({"2001:db8::1", 443}, {"me", "secret"});
    EXPECT_EQ(as_text(v6.take_output()),
              "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
              "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
}

TEST(HttpConnect, LeavesWhatFollowsTheHeader) {
    const std::string header = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    HttpConnect machine({"peer.example", 6881}, {});
    EXPECT_EQ(machine.handle_bytes(as_bytes(header + "first bytes of the peer")).value(), header.size());
    EXPECT_TRUE(machine.done());
    EXPECT_EQ(machine.handle_bytes(as_bytes("more")).value(), 0U);
}

TEST(HttpConnect, TakesAReplyInParts) {
    HttpConnect machine({"peer.example", 6881}, {});
    for (const std::string_view part : {"HT", "TP/1.0 20", "0 ok\n", "A: b\n", "\n"}) {
        EXPECT_FALSE(machine.done());
        EXPECT_EQ(machine.handle_bytes(as_bytes(part)).value(), part.size());
    }
    EXPECT_TRUE(machine.done());
}

TEST(HttpConnect, TellsWhyItIsRefused) {
    EXPECT_EQ(answered("HTTP/1.1 407 Who?\r\n\r\n"), Errc::proxy_login_needed);
    EXPECT_EQ(answered("HTTP/1.1 407 Who?\r\n\r\n", {"me", "secret"}), Errc::proxy_login_refused);
    EXPECT_EQ(answered("HTTP/1.1 403 No\r\n\r\n"), Errc::proxy_refused);
    EXPECT_EQ(answered("HTTP/1.1 503 No way\r\n\r\n"), Errc::proxy_host_unreachable);
    EXPECT_EQ(answered("HTTP/1.1 302 There\r\nLocation: http://x/\r\n\r\n"), Errc::proxy_refused);
    EXPECT_EQ(answered("SSH-2.0-x\r\nmore\r\n"), Errc::proxy_malformed);
}

TEST(HttpConnect, AHeaderWithoutEndIsNotTaken) {
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nA: " + std::string(HttpConnect::kMaxHeaderSize, 'a')),
              Errc::proxy_malformed);
}

}  // namespace
}  // namespace btfs::proxy
