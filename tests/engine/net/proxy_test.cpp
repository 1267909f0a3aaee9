#include "engine/net/proxy.hpp"

#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <string>
#include <variant>

#include "engine/net/udp_mux.hpp"
#include "engine/proxy/relayed_datagram.hpp"
#include "engine/proxy/stand_ins.hpp"
#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::string_literals;

/// Bytes to wait for, or text to send.
using Step = std::variant<std::size_t, std::string>;

/// Serves each connection by the same steps, and then closes it, or holds it.
struct ScriptedProxy {
    ScriptedProxy(asio::io_context& io, std::vector<Step> all, bool hold_at_end = true)
        : acceptor(io, {asio::ip::make_address("127.0.0.1"), 0}), steps(std::move(all)), hold(hold_at_end) {
        asio::co_spawn(io, run(), asio::detached);
    }

    asio::awaitable<void> run() {
        for (;;) {
            auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (error) co_return;
            ++connections;
            asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> serve(tcp::socket socket) {
        for (const Step& step : steps) {
            if (const auto* text = std::get_if<std::string>(&step)) {
                auto [error, n] = co_await asio::async_write(socket, asio::buffer(*text),
                                                             asio::as_tuple(asio::use_awaitable));
                if (error) co_return;
            } else {
                std::string got(std::get<std::size_t>(step), '\0');
                auto [error, n] =
                    co_await asio::async_read(socket, asio::buffer(got), asio::as_tuple(asio::use_awaitable));
                if (error) co_return;
                heard += got;
            }
        }
        if (hold) held.push_back(std::move(socket));
    }

    proxy::ProxyUrl url(const std::string& scheme = "socks5") const {
        return *proxy::ProxyUrl::parse(
            scheme + "://me:secret@127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()));
    }

    tcp::acceptor acceptor;
    std::vector<Step> steps;
    bool hold;
    std::size_t connections = 0;
    std::string heard;
    std::list<tcp::socket> held;
};

const std::string kReply = "\5\0\0\1\x7f\0\0\1\x1a\xe1"s;
const std::size_t kGreeting = 4;
constexpr std::size_t kRequestTo4 = 10;
const std::vector<Step> kServes{kGreeting, "\5\0"s, kRequestTo4, kReply};
const std::vector<Step> kGarbage{kGreeting, "HTTP/1.1 400 Bad\r\n"s};

struct ProxyTest : ::testing::Test {
    static constexpr Duration kShort = 300ms;
    const Endpoint peer = *Endpoint::parse("192.0.2.1:6881");
    asio::io_context io;

    static asio::awaitable<Result<std::string>> first_bytes(Proxy& proxy, Endpoint to, Duration patience,
                                                            std::size_t count) {
        auto tunnel = co_await proxy.open(to, Clock::now() + patience);
        if (!tunnel) co_return tunnel.error();
        std::string got(count, '\0');
        auto [error, n] =
            co_await asio::async_read(tunnel->socket, asio::buffer(got), asio::as_tuple(asio::use_awaitable));
        if (error) co_return error;
        co_return got;
    }
    Result<std::string> opened(Proxy& proxy, const Endpoint& to, std::size_t count = 0,
                               Duration patience = 5s) {
        return test::run(io, first_bytes(proxy, to, patience, count));
    }
    /// Waits for the end of a dial of a peer, and returns its outcome.
    Error dialled(Proxy& proxy) {
        std::optional<Error> ended;
        const auto dial = proxy.dial(peer, [&](Result<StreamDial::Dialled> tunnel) {
            ended = tunnel ? Error() : tunnel.error();
            io.stop();
        });
        io.restart();
        io.run_for(5s);
        return ended.value_or(Errc::cancelled);
    }
};

TEST_F(ProxyTest, ATunnelBeginsWithTheFarSidesFirstByte) {
    auto steps = kServes;
    steps.emplace_back("hello"s);
    ScriptedProxy server(io, steps);
    Proxy proxy(io, {}, server.url());
    EXPECT_EQ(opened(proxy, peer, 5).value(), "hello");
    EXPECT_EQ(server.heard, "\5\2\0\2\5\1\0\1\xc0\0\2\1\x1a\xe1"s);

    ScriptedProxy http(io, {std::size_t{40}, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\nhello"s});
    Proxy by_http(io, {}, http.url("http"));
    EXPECT_EQ(opened(by_http, peer, 5).value(), "hello");
    EXPECT_TRUE(http.heard.starts_with("CONNECT 192.0.2.1:6881 HTTP/1.1\r\n"));
}

TEST_F(ProxyTest, NamesAreLeftToIt) {
    ScriptedProxy server(io, {kGreeting, "\5\0"s, std::size_t{19}, kReply, "x"s});
    Proxy proxy(io, {}, server.url());
    SocketFactory sockets(io, SocketFactory::none);
    Resolver resolver(sockets, {}, &proxy.stand_ins());
    const auto found = test::run(io, resolver.resolve("peer.example", Families::both));
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(test::run(io, resolver.resolve("peer.example", Families::v6)).error(), Errc::name_not_found);
    EXPECT_TRUE(opened(proxy, {found->front(), 80}, 1));
    EXPECT_TRUE(server.heard.ends_with("\5\1\0\3\14peer.example\0\120"s));
    EXPECT_EQ(opened(proxy, *Endpoint::parse("240.9.9.9:80")).error(), Errc::address_malformed);
    const std::string literal = found->front().text();
    EXPECT_EQ(test::run(io, resolver.resolve(literal, Families::both)).error(), Errc::name_not_found);
}

TEST_F(ProxyTest, NoNameEndsALineOfARequest) {
    ScriptedProxy server(io, {std::size_t{1}}, false);
    Proxy proxy(io, {}, server.url("http"));
    for (const char* name : {"peer.example\r\nX-Evil: 1", "peer.example x", "peer.example/", "peer@example"})
        EXPECT_EQ(opened(proxy, {proxy.stand_ins().stand_in_of(name), 80}).error(), Errc::address_malformed);
    EXPECT_EQ(server.connections, 0U);
}

TEST_F(ProxyTest, OthersMakeNoSocketThen) {
    ScriptedProxy server(io, kServes);
    Proxy proxy(io, {}, server.url());
    SocketFactory sockets(io, SocketFactory::none);
    EXPECT_EQ(sockets.tcp(AddressFamily::v4).error(), Errc::proxy_only);
    EXPECT_EQ(sockets.udp(AddressFamily::v4, 0).error(), Errc::proxy_only);
    EXPECT_EQ(sockets.acceptor(AddressFamily::v4, 0).error(), Errc::proxy_only);
    EXPECT_EQ(sockets.multicast(*Endpoint::parse("239.192.152.143:6771")).error(), Errc::proxy_only);
    EXPECT_EQ(sockets.bind(0, AddressFamily::v4), Errc::proxy_only);  // of a library's socket
    EXPECT_TRUE(sockets.multicast_interfaces(AddressFamily::v4).empty());
}

TEST_F(ProxyTest, OneThatStallsBeforeTheRequestHasFailedInTime) {
    const std::size_t never = 1000;
    for (const std::vector<Step>& steps : {std::vector<Step>{never}, std::vector<Step>{kGreeting, "\5"s}}) {
        ScriptedProxy server(io, steps);
        Proxy proxy(io, {}, server.url(), kShort);
        EXPECT_EQ(opened(proxy, peer).error(), Errc::proxy_failed);
        EXPECT_FALSE(proxy.may_dial());
    }
}

TEST_F(ProxyTest, BehindTheRequestTheCallersTimeCounts) {
    ScriptedProxy server(io, {kGreeting, "\5\0"s, kRequestTo4});
    Proxy proxy(io, {}, server.url(), kShort);
    const TimePoint begun = Clock::now();
    EXPECT_EQ(opened(proxy, peer, 0, 3 * kShort).error(), Errc::timed_out);
    EXPECT_GE(Clock::now() - begun, 3 * kShort);
    EXPECT_TRUE(proxy.may_dial());
}

TEST_F(ProxyTest, OneThatHangsUpSaysNoOfTheFarSideOnlyOnceItWasAsked) {
    ScriptedProxy early(io, {kGreeting}, false);
    Proxy first(io, {}, early.url());
    EXPECT_EQ(opened(first, peer).error(), Errc::proxy_failed);
    ScriptedProxy late(io, {kGreeting, "\5\0"s, kRequestTo4}, false);
    Proxy second(io, {}, late.url());
    EXPECT_EQ(opened(second, peer).error(), Errc::proxy_refused);
}

TEST_F(ProxyTest, NoPeerIsBlamedForIt) {
    ScriptedProxy garbage(io, kGarbage);
    Proxy proxy(io, {}, garbage.url());
    EXPECT_EQ(dialled(proxy), boost::system::errc::network_unreachable);
    ScriptedProxy refuses(io, {kGreeting, "\5\0"s, kRequestTo4, "\5\5\0\1"s});
    Proxy other(io, {}, refuses.url());
    EXPECT_EQ(dialled(other), Errc::proxy_host_unreachable);
    EXPECT_TRUE(other.may_dial());
}

TEST_F(ProxyTest, OneThatFailedIsTriedNowAndThenAndTakenAgain) {
    ScriptedProxy server(io, kGarbage);
    Proxy proxy(io, {}, server.url());
    int ready = 0;
    proxy.set_ready([&] { ++ready; });
    EXPECT_EQ(opened(proxy, peer).error(), Errc::proxy_malformed);
    EXPECT_FALSE(proxy.may_dial());
    io.restart();
    io.run_for(Proxy::kFirstRetry * 3 / 2);
    EXPECT_EQ(ready, 1);
    EXPECT_TRUE(proxy.may_dial());
    std::vector<std::unique_ptr<StreamDial>> probes;
    for (std::size_t i = 0; i < Proxy::kProbes; ++i) {
        EXPECT_TRUE(proxy.may_dial());
        probes.push_back(proxy.dial(peer, [](const Result<StreamDial::Dialled>&) {}));
    }
    EXPECT_FALSE(proxy.may_dial());
    server.steps = kServes;
    EXPECT_TRUE(opened(proxy, peer));
    EXPECT_TRUE(proxy.may_dial());
}

TEST_F(ProxyTest, OneThatFailedIsTriedAtOnceWhenTheNetworkIsAnotherOne) {
    ScriptedProxy server(io, kGarbage);
    Proxy proxy(io, {}, server.url());
    int ready = 0;
    proxy.set_ready([&] { ++ready; });
    proxy.handle_network_change();
    EXPECT_EQ(ready, 0) << "it has not failed";
    EXPECT_EQ(opened(proxy, peer).error(), Errc::proxy_malformed);
    ASSERT_FALSE(proxy.may_dial());
    proxy.handle_network_change();
    EXPECT_EQ(ready, 1);
    EXPECT_TRUE(proxy.may_dial());
}

TEST_F(ProxyTest, ADialThatFailsAtOnceSaysSoAfterwards) {
    Proxy proxy(io, {.v4 = std::nullopt, .v6 = Address::parse("::1"), .device = {}},
                *proxy::ProxyUrl::parse("socks5://127.0.0.1:1080"));
    std::unique_ptr<StreamDial> dial;
    bool within = false;
    std::optional<Error> ended;
    asio::post(io, [&] {
        within = true;
        dial = proxy.dial(peer, [&](const Result<StreamDial::Dialled>& tunnel) {
            EXPECT_FALSE(within);
            ended = tunnel ? Error() : tunnel.error();
            dial.reset();
            io.stop();
        });
        within = false;
    });
    io.restart();
    io.run_for(5s);
    EXPECT_EQ(ended, make_error_code(boost::system::errc::network_unreachable));
    EXPECT_FALSE(dial);
}

TEST_F(ProxyTest, ADialThatIsGivenUpIsSilent) {
    ScriptedProxy server(io, {kGreeting, "\5\0"s, kRequestTo4});
    Proxy proxy(io, {}, server.url());
    bool called = false;
    auto dial = proxy.dial(peer, [&](const Result<StreamDial::Dialled>&) { called = true; });
    dial.reset();  // before it has begun
    dial = proxy.dial(peer, [&](const Result<StreamDial::Dialled>&) { called = true; });
    io.restart();
    io.run_for(200ms);
    EXPECT_EQ(server.connections, 1U);
    ASSERT_EQ(server.held.size(), 1U);
    dial.reset();
    io.restart();
    io.run_for(100ms);
    EXPECT_FALSE(called);
    Error error;
    char byte = 0;
    server.held.front().read_some(asio::buffer(&byte, 1), error);
    EXPECT_EQ(error, asio::error::eof);
}

struct UdpRelayTest : ProxyTest {
    asio::ip::udp::socket relay{io, {asio::ip::make_address("127.0.0.1"), 0}};
    ScriptedProxy server{io, association()};
    Proxy proxy{io, {}, server.url()};
    SocketFactory sockets{io, SocketFactory::none};
    UdpMux mux{sockets, proxy.relay()};
    int opened_count = 0;
    std::vector<std::string> krpc;

    /// The proxy names another host's address as its relay's.
    std::vector<Step> association() {
        Bytes reply;
        ByteWriter(reply).u8(5).u8(0).u8(0).u8(1).u32(0xc0000205).u16(relay.local_endpoint().port());
        return {kGreeting, "\5\0"s, kRequestTo4, std::string(as_text(reply))};
    }
    void SetUp() override {
        mux.set_relay_opened([this] {
            ++opened_count;
            io.stop();
        });
        mux.receive_krpc([this](const ReceivedDatagram& datagram) {
            krpc.push_back(datagram.from.text() + " " + std::string(as_text(datagram.bytes)));
        });
        mux.open(0);
        io.run_for(5s);
    }
    void run_for(Duration time) {
        io.restart();
        io.run_for(time);
    }
    std::string received(asio::ip::udp::endpoint& from) {
        relay.non_blocking(true);
        std::string got(2000, '\0');
        Error error;
        got.resize(relay.receive_from(asio::buffer(got), from, 0, error));
        return got;
    }
};

TEST_F(UdpRelayTest, DatagramsGoToTheProxysHostWhateverItSays) {
    ASSERT_EQ(opened_count, 1);
    EXPECT_TRUE(proxy.relay()->is_open());
    EXPECT_EQ(mux.relay()->local().text(), "127.0.0.1");
    EXPECT_EQ(mux.relay()->host().text(), "127.0.0.1");
    EXPECT_EQ(server.heard, "\5\2\0\2\5\3\0\1\0\0\0\0\0\0"s);
    ASSERT_FALSE(mux.send(peer, as_bytes("hello")));
    ASSERT_FALSE(mux.send({proxy.stand_ins().stand_in_of("router.example"), 80}, as_bytes("hello")));
    EXPECT_EQ(mux.send(*Endpoint::parse("240.9.9.9:80"), as_bytes("hello")), Errc::address_malformed);
    run_for(50ms);
    asio::ip::udp::endpoint us;
    EXPECT_EQ(received(us), "\0\0\0\1\xc0\0\2\1\x1a\xe1hello"s);
    EXPECT_EQ(received(us), "\0\0\0\3\16router.example\0\120hello"s);
}

TEST_F(UdpRelayTest, TakesWholeDatagramsOfTheRelayAlone) {
    ASSERT_FALSE(mux.send(peer, as_bytes("hello")));
    run_for(50ms);
    asio::ip::udp::endpoint us;
    received(us);
    const std::string good = "\0\0\0\1\xc0\0\2\1\x1a\xe1"s;
    const std::string fragment = "\0\0\1\1\xc0\0\2\1\x1a\xe1"s;
    const std::string of_stand_in = "\0\0\0\1\xf0\0\0\0\x1a\xe1"s;
    relay.send_to(asio::buffer(fragment + "dfragment"), us);
    relay.send_to(asio::buffer(of_stand_in + "dstand-in"), us);
    relay.send_to(asio::buffer("short"s), us);
    asio::ip::udp::socket stranger(io, {asio::ip::make_address("127.0.0.1"), 0});
    stranger.send_to(asio::buffer(good + "dstranger"), us);
    relay.send_to(asio::buffer(good + "dgood"), us);
    run_for(50ms);
    EXPECT_EQ(krpc, std::vector<std::string>{"192.0.2.1:6881 dgood"});
}

TEST_F(UdpRelayTest, OfANamesStandInTheTransactionAloneTellsTheReply) {
    std::vector<std::string> heard;
    mux.subscribe({proxy.stand_ins().stand_in_of("tracker.example"), 80}, 7,
                  [&](ByteView datagram) { heard.emplace_back(as_text(datagram.subspan(8))); });
    ASSERT_FALSE(mux.send(peer, as_bytes("hello")));
    run_for(50ms);
    asio::ip::udp::endpoint us;
    received(us);
    for (const std::string& transaction : {"\0\0\0\6"s, "\0\0\0\7"s})
        relay.send_to(asio::buffer("\0\0\0\1\xc0\0\2\1\x1a\xe1\0\0\0\0"s + transaction + transaction.back()),
                      us);
    run_for(50ms);
    EXPECT_EQ(heard, std::vector<std::string>{"\7"});
}

TEST_F(UdpRelayTest, WhenTheNetworkChangesAnAssociationThatWorksStaysAndAnotherOneIsMadeAtOnce) {
    proxy.handle_network_change();
    run_for(100ms);
    EXPECT_TRUE(proxy.relay()->is_open()) << "its path is as it was";
    ASSERT_EQ(server.held.size(), 1U);
    server.held.clear();
    run_for(100ms);
    ASSERT_FALSE(proxy.relay()->is_open());
    proxy.handle_network_change();
    run_for(UdpRelay::kFirstRetry / 2);
    EXPECT_EQ(opened_count, 2);
    EXPECT_TRUE(proxy.relay()->is_open());
}

TEST_F(UdpRelayTest, AnAssociationThatEndsIsMadeAnew) {
    ASSERT_EQ(server.held.size(), 1U);
    server.held.clear();
    run_for(100ms);
    EXPECT_FALSE(proxy.relay()->is_open());
    EXPECT_EQ(mux.send(peer, as_bytes("hello")), Errc::proxy_no_udp);
    EXPECT_TRUE(mux.relay()->local().is_unspecified());
    run_for(UdpRelay::kFirstRetry + 1s);
    EXPECT_EQ(opened_count, 2);
    EXPECT_FALSE(mux.send(peer, as_bytes("hello")));
    server.held.clear();  // too soon to begin the retries anew
    run_for(UdpRelay::kFirstRetry + 1s);
    EXPECT_EQ(opened_count, 2);
}

}  // namespace
}  // namespace btfs::net
