#include "engine/net/connector.hpp"

#include <gtest/gtest.h>

#include <boost/asio/write.hpp>
#include <set>
#include <string>

#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct ConnectorTest : ::testing::Test {
    asio::io_context io;
    test::TcpServer server{[](tcp::socket& socket, const std::string&) { test::wait_for_close(socket); }};
    std::set<std::string> proxied;  ///< the requests' first lines
    test::TcpServer http_proxy{[this](tcp::socket& socket, const std::string& request) {
        proxied.insert(request.substr(0, request.find("\r\n")));
        asio::write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\n\r\n")));
        test::wait_for_close(socket);
    }};

    Connector::Options behind(const std::string& scheme) const {
        const std::string url = scheme + "://127.0.0.1:" + std::to_string(http_proxy.port());
        return {.proxy = *proxy::ProxyUrl::parse(url)};
    }
    using Outcome = std::optional<Result<Connector::Connected>>;  // co_spawn() needs one that can be empty
    static Awaitable<Outcome> outcome(Connector& connector, Connector::Server to) {
        Outcome ended(co_await connector.connect(std::move(to), Clock::now() + 5s));
        co_return ended;
    }
    Result<Connector::Connected> connect(Connector& connector, Connector::Server to) {
        return *test::run(io, outcome(connector, std::move(to)));
    }
    /// Dials a peer at the server's port, and waits for the end.
    Result<StreamDial::Dialled> dial(Connector& connector, Transport transport, const char* address) {
        std::optional<Result<StreamDial::Dialled>> ended;
        bool within = true;
        const auto dial = connector.dial(transport, {*Address::parse(address), server.port()},
                                         [&](Result<StreamDial::Dialled> result) {
                                             EXPECT_FALSE(within);
                                             ended.emplace(std::move(result));
                                             io.stop();
                                         });
        within = false;
        io.restart();
        io.run_for(5s);
        if (!ended) return Errc::cancelled;
        return std::move(*ended);
    }
};

TEST_F(ConnectorTest, ReachesAServerByItsName) {
    Connector connector(io);
    const auto connected = connect(connector, {.host = {"localhost", server.port()}});
    ASSERT_TRUE(connected) << connected.error().message();
    EXPECT_EQ(connected->socket.remote_endpoint().port(), server.port());
    EXPECT_EQ(connected->asks, nullptr);
}

TEST_F(ConnectorTest, LeavesOutAddressesThatMayNotBeReached) {
    for (auto options : {Connector::Options{}, behind("http")}) {
        Connector connector(io, std::move(options));
        Connector::Server to{.host = {"127.0.0.1", server.port()}, .access = http::LocalAccess::nothing};
        EXPECT_EQ(connect(connector, to).error(), Errc::http_local_refused);
    }
    EXPECT_TRUE(proxied.empty());
}

TEST_F(ConnectorTest, AnHttpProxyTakesPlainRequestsItself) {
    Connector connector(io, behind("http"));
    const Connector::Server to{.host = {"web.example", 80}, .plain_http = true};
    const auto plain = connect(connector, to);
    ASSERT_TRUE(plain) << plain.error().message();
    EXPECT_EQ(plain->asks, connector.proxy_url());
    EXPECT_EQ(plain->socket.remote_endpoint().port(), http_proxy.port());
}

TEST_F(ConnectorTest, OtherConnectionsAreTunnelsThroughIt) {
    Connector connector(io, behind("http"));
    const auto tls = connect(connector, {.host = {"web.example", 443}});
    ASSERT_TRUE(tls) << tls.error().message();
    EXPECT_EQ(tls->asks, nullptr);
    EXPECT_EQ(proxied, std::set<std::string>{"CONNECT web.example:443 HTTP/1.1"});
}

TEST_F(ConnectorTest, DialsPeersStraightOrThroughTheProxy) {
    Connector straight(io);
    const auto peer = dial(straight, Transport::tcp, "127.0.0.1");
    ASSERT_TRUE(peer) << peer.error().message();
    EXPECT_EQ(peer->stream->next_host().text(), "127.0.0.1");
    EXPECT_TRUE(proxied.empty());

    Connector through(io, behind("http"));
    const auto far = dial(through, Transport::tcp, "192.0.2.1");
    ASSERT_TRUE(far) << far.error().message();
    EXPECT_EQ(far->stream->remote().address.text(), "192.0.2.1");
    EXPECT_EQ(proxied,
              std::set<std::string>{"CONNECT 192.0.2.1:" + std::to_string(server.port()) + " HTTP/1.1"});
}

TEST_F(ConnectorTest, DialsOverUtp) {
    Connector near(io, {.transport = Transport::both}), far(io, {.transport = Transport::utp});
    std::unique_ptr<Stream> accepted;
    far.utp()->accept([&](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
    far.udp().open(server.port());
    near.udp().open(0);
    auto peer = dial(near, Transport::utp, "127.0.0.1");
    ASSERT_TRUE(peer) << peer.error().message();
    EXPECT_TRUE(peer->stream->is_utp());
}

TEST_F(ConnectorTest, ADialThatCannotBeginFailsAfterwards) {
    Connector only_v6(io, {.binding = {.v4 = {}, .v6 = *Address::parse("::1"), .device = {}},
                           .transport = Transport::both});
    EXPECT_EQ(dial(only_v6, Transport::tcp, "127.0.0.1").error(),
              boost::system::errc::address_family_not_supported);
    EXPECT_EQ(dial(only_v6, Transport::utp, "127.0.0.1").error(), boost::system::errc::network_unreachable);
}

TEST_F(ConnectorTest, MakesNoSocketBesideTheProxy) {
    Connector connector(io, behind("http"));
    EXPECT_EQ(connector.sockets().acceptor(AddressFamily::v4, 0).error(), Errc::proxy_only);
    EXPECT_EQ(connector.udp().send({*Address::parse("127.0.0.1"), server.port()}, {}), Errc::proxy_only);
    EXPECT_EQ(connector.udp().port(), 0);
}

}  // namespace
}  // namespace btfs::net
