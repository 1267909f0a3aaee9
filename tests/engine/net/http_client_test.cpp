#include "engine/net/http_client.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <zlib.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <numeric>

#include "engine/http/http_url.hpp"
#include "engine/net/connector.hpp"
#include "tests/engine/net/support/loopback.hpp"
#include "tests/engine/net/support/tls_server.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using test::Certificate;
using test::run;
using test::send;
using test::TlsServer;

std::string ok(const std::string& body, const std::string& fields = "") {
    return "HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

std::string compressed(const std::string& body, int window_bits) {
    z_stream stream{};
    deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, body.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream.avail_in = static_cast<uInt>(body.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

struct HttpClientTest : ::testing::Test {
    asio::io_context io;
    Connector connector{io};
    HttpClient client{connector, {}};

    Result<HttpResponse> get(HttpRequest request) { return run(io, client.get(std::move(request))); }
    Result<HttpResponse> get(const std::string& url) {
        HttpRequest request;
        request.url = url;
        request.timeout = 10s;
        return get(request);
    }
    /// Returns the error of a GET from a server that answers so.
    Error error_for(test::TcpServer::Serve serve, Duration timeout = 10s) {
        test::TcpServer server(std::move(serve));
        HttpRequest request;
        request.url = server.url();
        request.timeout = timeout;
        request.max_body_size = 100'000;
        const auto response = get(request);
        EXPECT_FALSE(response);
        return response ? Error{} : response.error();
    }
};

TEST_F(HttpClientTest, AReadWaitsForAsManyBytesAsItIsTold) {
    test::TcpServer server([](tcp::socket& s, const std::string&) {
        for (int i = 0; i < 5; ++i) {
            send(s, "0123456789");
            std::this_thread::sleep_for(5ms);
        }
    });
    const auto read_all = [&]() -> Awaitable<std::vector<std::size_t>> {
        HttpConnector::Target target;
        target.url = *http::HttpUrl::parse(server.url());
        auto connection = co_await client.connector().connect(std::move(target), Clock::now() + 10s);
        std::vector<std::size_t> sizes;
        std::array<char, 100> into;
        const Error error = co_await (*connection)->write("GET / HTTP/1.1\r\n\r\n", Clock::now() + 10s);
        while (!error) {
            const auto size = co_await (*connection)->read(into, Clock::now() + 10s, 40);
            sizes.push_back(size ? *size : 0);
            if (sizes.back() == 0) break;
        }
        co_return sizes;
    };
    // Of the five parts some may have come before the mark was set, and are read by themselves. The last ones
    // come when the stream ends, whose read brings nothing.
    const std::vector<std::size_t> sizes = run(io, read_all());
    EXPECT_LE(sizes.size(), 3u);
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), 50u);
}

TEST_F(HttpClientTest, GetsABody) {
    std::string seen;
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        seen = request;
        send(s, ok("hello"));
    });
    const auto response = get(server.url("/a?b=%00#no"));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 200u);
    EXPECT_EQ(response->body, "hello");
    EXPECT_TRUE(seen.starts_with("GET /a?b=%00 HTTP/1.1\r\n")) << seen;
    EXPECT_NE(seen.find("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"), std::string::npos)
        << seen;
    EXPECT_NE(seen.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(HttpClientTest, BodiesEndWithALengthAChunkOrTheConnection) {
    test::TcpServer server([](tcp::socket& s, const std::string& request) {
        if (request.starts_with("GET /chunks"))
            send(s, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
        else
            send(s, "HTTP/1.0 200 OK\r\n\r\nabcde");
    });
    EXPECT_EQ(get(server.url("/chunks"))->body, "abcde");
    EXPECT_EQ(get(server.url("/chunks"))->status, 404u);
    EXPECT_EQ(get(server.url("/eof"))->body, "abcde");
}

TEST_F(HttpClientTest, BodiesAreDecompressed) {
    const std::string body(50'000, 'x');
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        EXPECT_NE(request.find("Accept-Encoding: gzip, deflate"), std::string::npos);
        if (request.starts_with("GET /gzip")) send(s, ok(compressed(body, 31), "Content-Encoding: gzip\r\n"));
        if (request.starts_with("GET /zlib"))
            send(s, ok(compressed(body, 15), "Content-Encoding: deflate\r\n"));
        if (request.starts_with("GET /bare"))
            send(s, ok(compressed(body, -15), "Content-Encoding: Deflate\r\n"));
    });
    for (const char* target : {"/gzip", "/zlib", "/bare"}) {
        const auto response = get(server.url(target));
        ASSERT_TRUE(response) << target;
        EXPECT_EQ(response->body, body) << target;
    }
}

TEST_F(HttpClientTest, FollowsRedirectsRelativeAndAbsolute) {
    test::TcpServer last([](tcp::socket& s, const std::string&) { send(s, ok("there")); });
    test::TcpServer first([&](tcp::socket& s, const std::string& request) {
        if (request.starts_with("GET /a/b "))
            send(s, "HTTP/1.1 302 Found\r\nLocation: ../c?x\r\nContent-Length: 0\r\n\r\n");
        else
            send(s, "HTTP/1.1 308 Moved\r\nLocation: " + last.url("/d") + "\r\nContent-Length: 3\r\n\r\nxyz");
    });
    const auto response = get(first.url("/a/b"));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "there");
    EXPECT_EQ(response->final_url, last.url("/d"));
}

TEST_F(HttpClientTest, ARedirectLoopEnds) {
    std::atomic<unsigned> asked = 0;
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  ++asked;
                  send(s, "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
              }),
              Errc::http_too_many_redirects);
    EXPECT_EQ(asked, HttpClient::kMaxRedirects + 1);
    EXPECT_EQ(error_for([](tcp::socket& s, const std::string&) {
                  send(s, "HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
              }),
              Errc::http_malformed);
}

TEST_F(HttpClientTest, ARedirectToAMagnetLinkIsGiven) {
    const std::string magnet = "magnet:?xt=urn:btih:" + std::string(40, 'a');
    test::TcpServer server([&](tcp::socket& s, const std::string&) {
        send(s, "HTTP/1.1 302 Found\r\nLocation: " + magnet + "\r\nContent-Length: 0\r\n\r\n");
    });
    const auto response = get(server.url());
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 302u);
    EXPECT_EQ(response->final_url, magnet);
    EXPECT_EQ(response->body, "");
}

TEST_F(HttpClientTest, RepliesAreReadAsCurlReadsThem) {
    const auto body = [&](const std::string& sent) {
        test::TcpServer server([&](tcp::socket& s, const std::string&) { send(s, sent); });
        const auto response = get(server.url());
        return response ? response->body : "error: " + response.error().message();
    };
    EXPECT_EQ(body("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi"), "hi") << "no reason phrase";
    EXPECT_EQ(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), "hi");
    EXPECT_EQ(body("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi"), "hi") << "bare LF";
    for (const char* coding :
         {"none", "utf-8", "UTF-8", "identity", "Identity", "iso-8859-1", "binary", "8bit", ""})
        EXPECT_EQ(body(ok("hi", "Content-Encoding: " + std::string(coding) + "\r\n")), "hi") << coding;
    EXPECT_EQ(body(ok(compressed("hi", 31), "Content-Encoding: utf-8, gzip\r\n")), "hi");
    EXPECT_EQ(body(ok("", "Content-Encoding: gzip\r\n")), "") << "nothing is compressed to nothing";
    EXPECT_EQ(body(ok("hi", "Content-Type: text/plain; charset=klingon\r\n")), "hi");
}

TEST_F(HttpClientTest, UrlsAreAskedEscaped) {
    std::string seen;
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        seen = request.substr(0, request.find(" HTTP/"));
        send(s, ok("x"));
    });
    const auto asked = [&](const std::string& target) {
        const auto response = get(server.url(target));
        EXPECT_TRUE(response) << target;
        return seen;
    };
    EXPECT_EQ(asked("/a b|c[1].torrent?x={y}"), "GET /a%20b%7Cc%5B1%5D.torrent?x=%7By%7D");
    EXPECT_EQ(asked("/f\u00fcr?50%"), "GET /f%C3%BCr?50%25");
    EXPECT_EQ(asked("/already%20escaped%5B"), "GET /already%20escaped%5B");
}

TEST_F(HttpClientTest, LocationsAreEscapedAndFollowed) {
    std::string location, seen;
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        if (request.starts_with("GET /from/here "))
            return send(s, "HTTP/1.1 302\r\nLocation: " + location + "\r\n\r\n");
        seen = request.substr(4, request.find(" HTTP/") - 4);
        send(s, ok("there"));
    });
    const auto followed = [&](const std::string& to) {
        location = to;
        const auto response = get(server.url("/from/here"));
        EXPECT_TRUE(response && response->body == "there") << to;
        return seen;
    };
    EXPECT_EQ(followed("/a b.torrent"), "/a%20b.torrent");
    EXPECT_EQ(followed("to \u00fc[1]|2"), "/from/to%20%C3%BC%5B1%5D%7C2");
    EXPECT_EQ(followed("?q=[a b]"), "/from/here?q=%5Ba%20b%5D");
    EXPECT_EQ(followed("../up"), "/up");
    EXPECT_EQ(followed(server.url("/x y#z")), "/x%20y");
    EXPECT_EQ(followed("//127.0.0.1:" + std::to_string(server.port()) + "/p|"), "/p%7C");
}

TEST_F(HttpClientTest, ARedirectIsFollowedWithoutItsBody) {
    test::TcpServer server([](tcp::socket& s, const std::string& request) {
        if (request.starts_with("GET /there ")) return send(s, ok("there"));
        send(s, "HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 99999999999\r\n\r\n");
        test::wait_for_close(s);
    });
    const auto response = get(server.url("/"));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "there");
}

TEST_F(HttpClientTest, CredentialsAreSentAndNotShown) {
    std::string seen;
    test::TcpServer elsewhere([&](tcp::socket& s, const std::string& request) {
        EXPECT_EQ(request.find("Authorization"), std::string::npos) << request;
        send(s, ok("elsewhere"));
    });
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        seen += request;
        if (request.starts_with("GET /first "))
            return send(s, "HTTP/1.1 302 Found\r\nLocation: /second\r\n\r\n");
        send(s, "HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url("/third") + "\r\n\r\n");
    });
    const auto response =
        get("http://Aladdin:open sesame@127.0.0.1:" + std::to_string(server.port()) + "/first");
    ASSERT_TRUE(response) << response.error().message();
    const std::string field = "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    EXPECT_NE(seen.find(field), seen.rfind(field)) << "to both places of one origin";
    EXPECT_EQ(response->final_url, elsewhere.url("/third"));
    EXPECT_EQ(seen.find("Aladdin"), std::string::npos);
}

TEST_F(HttpClientTest, WhatATorrentNamesReachesNothingLocal) {
    test::TcpServer server([](tcp::socket& s, const std::string&) { send(s, ok("x")); });
    HttpRequest request;
    request.url = server.url("/announce");
    for (const auto& [access, reached] :
         {std::pair{http::LocalAccess::nothing, false}, std::pair{http::LocalAccess::network, false},
          std::pair{http::LocalAccess::everything, true}}) {
        request.local_access = access;
        const auto response = get(request);
        EXPECT_EQ(response.has_value(), reached);
        EXPECT_EQ(response ? Error{} : response.error(),
                  reached ? Error{} : make_error_code(Errc::http_local_refused));
        request.url = "http://localhost:" + std::to_string(server.port()) + "/announce";
    }
}

TEST_F(HttpClientTest, AServerThatStallsIsGivenUpAndASlowOneIsNot) {
    HttpRequest request;
    request.timeout = 10s;
    request.stall_timeout = 300ms;
    test::TcpServer stalls([](tcp::socket& s, const std::string&) {
        send(s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
        test::wait_for_close(s);
    });
    request.url = stalls.url();
    const TimePoint began = Clock::now();
    EXPECT_EQ(get(request).error(), Errc::timed_out);
    EXPECT_LT(Clock::now() - began, 5s);

    test::TcpServer slow([](tcp::socket& s, const std::string&) {
        send(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        asio::steady_timer timer(s.get_executor());
        for (char c = '0'; c <= '9'; ++c) {
            timer.expires_after(60ms);
            timer.wait();
            send(s, std::string(1, c));
        }
    });
    request.url = slow.url();
    const auto response = get(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "0123456789");
}

TEST_F(HttpClientTest, HostileServersAreGivenUp) {
    const auto endless = [](tcp::socket& s, const std::string& head, const std::string& part) {
        send(s, head);
        boost::system::error_code error;
        while (!error) asio::write(s, asio::buffer(part), error);
    };
    EXPECT_EQ(
        error_for([&](tcp::socket& s, const std::string&) { endless(s, "HTTP/1.1 200 OK\r\n", "A: b\r\n"); }),
        Errc::http_too_large);
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  endless(s, "HTTP/1.1 200 OK\r\nA: ", "bbbbbbbb");
              }),
              Errc::http_too_large);
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  endless(s, "HTTP/1.1 200 OK\r\n\r\n", "bbbbbbbbb");
              }),
              Errc::http_too_large);
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  send(s, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");
              }),
              Errc::http_too_large);
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  endless(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nabcd\r\n");
              }),
              Errc::http_too_large);
    EXPECT_EQ(error_for([&](tcp::socket& s, const std::string&) {
                  send(s, ok(compressed(std::string(50'000'000, 'x'), 31), "Content-Encoding: gzip\r\n"));
              }),
              Errc::http_too_large);
    EXPECT_EQ(error_for([](tcp::socket& s, const std::string&) {
                  send(s, ok("not gzip", "Content-Encoding: gzip\r\n"));
              }),
              Errc::http_malformed);
    EXPECT_EQ(
        error_for([](tcp::socket& s, const std::string&) { send(s, ok("x", "Content-Encoding: br\r\n")); }),
        Errc::http_malformed);
    EXPECT_EQ(
        error_for([](tcp::socket& s, const std::string&) { send(s, "\x16\x03\x01 what is this\r\n\r\n"); }),
        Errc::http_malformed);
    EXPECT_EQ(error_for([](tcp::socket& s, const std::string&) {
                  send(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
              }),
              Errc::connection_closed);
    EXPECT_EQ(error_for([](tcp::socket&, const std::string&) {}), Errc::connection_closed);
    EXPECT_EQ(error_for([](tcp::socket& s, const std::string&) { test::wait_for_close(s); }, 100ms),
              Errc::timed_out);
    EXPECT_EQ(error_for(
                  [](tcp::socket& s, const std::string&) {
                      send(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
                      test::wait_for_close(s);
                  },
                  100ms),
              Errc::timed_out);
}

TEST_F(HttpClientTest, ARefusedConnectionIsTheSystemsError) {
    std::uint16_t port = 0;
    {
        test::TcpServer server([](tcp::socket&, const std::string&) {});
        port = server.port();
    }
    const auto response = get("http://localhost:" + std::to_string(port));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().value(), ECONNREFUSED);
    EXPECT_EQ(get("ftp://localhost/").error(), Errc::http_bad_url);
}

TEST_F(HttpClientTest, ANameMayHaveADeadAddressBesideAGoodOne) {
    // localhost is 127.0.0.1 and ::1, but the server listens on ::1 alone.
    try {
        test::TcpServer server([](tcp::socket& s, const std::string&) { send(s, ok("six")); }, "::1");
        const auto response = get("http://localhost:" + std::to_string(server.port()));
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->body, "six");
        EXPECT_EQ(get("http://[::1]:" + std::to_string(server.port()) + "/")->body, "six");
        HttpRequest v4;
        v4.url = "http://localhost:" + std::to_string(server.port());
        v4.families = Families::v4;
        EXPECT_FALSE(get(v4));
    } catch (const boost::system::system_error&) {
        GTEST_SKIP() << "no IPv6 here";
    }
}

/// Answers a question for a name with 127.0.1.1, 127.0.1.2 and so on.
std::string addresses_on_loopback(const std::string& query, int count) {
    using namespace std::string_literals;
    const std::size_t question_end = query.find('\0', 12) + 5;
    std::string reply = query.substr(0, 2) + "\x81\x80\0\x01\0"s + static_cast<char>(count) + "\0\0\0\0"s +
                        query.substr(12, question_end - 12);
    for (int i = 1; i <= count; ++i)
        reply += "\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\x01"s + static_cast<char>(i);
    return reply;
}

TEST_F(HttpClientTest, OfANameWithManyAddressesTheFirstFewAreTried) {
    constexpr int kMax = Connector::kMaxAddresses;
    for (const int count : {kMax, kMax + 1}) {
        test::UdpServer names([&](const std::string& query) { return addresses_on_loopback(query, count); });
        Resolver::Options options;
        options.servers = {*Endpoint::parse("127.0.0.1:" + std::to_string(names.port()))};
        Connector own_connector(io, {.resolver = options});
        HttpClient own_client(own_connector, {});
        // At the addresses before the last one nothing listens.
        test::TcpServer server([](tcp::socket& s, const std::string&) { send(s, ok("last")); },
                               "127.0.1." + std::to_string(count));
        HttpRequest request;
        request.url = "http://many.example:" + std::to_string(server.port()) + "/";
        request.families = Families::v4;
        request.timeout = 10s;
        const auto response = run(io, own_client.get(request));
        EXPECT_EQ(response.has_value(), count == kMax);
        if (response) {
            EXPECT_EQ(response->body, "last");
        } else {
            EXPECT_EQ(response.error().value(), ECONNREFUSED);
        }
    }
}

TEST_F(HttpClientTest, CanBeCancelled) {
    test::TcpServer server([](tcp::socket& s, const std::string&) { test::wait_for_close(s); });
    asio::cancellation_signal cancel;
    std::optional<Result<HttpResponse>> result;
    HttpRequest request;
    request.url = server.url();
    asio::co_spawn(
        io, client.get(request),
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, Result<HttpResponse> r) {
            result = std::move(r);
            io.stop();
        }));
    asio::steady_timer timer(io, 50ms);
    timer.async_wait([&](boost::system::error_code) { cancel.emit(asio::cancellation_type::terminal); });
    io.run();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error(), Errc::cancelled);
}

TEST_F(HttpClientTest, NothingLeavesWhereTheBindingForbidsIt) {
    test::TcpServer server([](tcp::socket&, const std::string&) { ADD_FAILURE() << "was asked"; });
    Connector only_v6(io, {.binding = {.v4 = {}, .v6 = *Address::parse("::1"), .device = {}}});
    HttpClient bound(only_v6, {});
    HttpRequest request;
    request.url = server.url();
    EXPECT_FALSE(run(io, bound.get(request)));
}

// ---- redirects from a public address, in a network namespace of their own ----

void give_loopback(const char* name, const char* address) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    const Address parsed = *Address::parse(address);
    const ByteView raw = parsed.bytes();
    auto* wanted = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
    wanted->sin_family = AF_INET;
    std::memcpy(&wanted->sin_addr, raw.data(), raw.size());
    ioctl(fd, SIOCSIFADDR, &request);
    ioctl(fd, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    ioctl(fd, SIOCSIFFLAGS, &request);
    ::close(fd);
}

TEST_F(HttpClientTest, NoRedirectFromAPublicAddressToAPrivateOne) {
    bool isolated = false;
    std::thread([&] {
        isolated = unshare(CLONE_NEWNET) == 0;
        if (!isolated) return;
        give_loopback("lo", "127.0.0.1");
        give_loopback("lo:1", "203.0.113.1");
        test::TcpServer inside([](tcp::socket&, const std::string&) { ADD_FAILURE() << "was asked"; });
        std::string target = inside.url("/router");
        test::TcpServer outside(
            [&](tcp::socket& s, const std::string&) {
                send(s, "HTTP/1.1 302 Found\r\nLocation: " + target + "\r\nContent-Length: 0\r\n\r\n");
            },
            "203.0.113.1");
        const std::string url = "http://203.0.113.1:" + std::to_string(outside.port()) + "/";
        EXPECT_EQ(get(url).error(), Errc::http_redirect_refused);
        target = "http://localhost:" + std::to_string(inside.port());
        EXPECT_EQ(get(url).error(), Errc::http_redirect_refused) << "a name does not help";
        target = "http://0.0.0.0:" + std::to_string(inside.port());
        EXPECT_EQ(get(url).error(), Errc::http_redirect_refused) << "the kernel takes it for loopback";
    }).join();
    if (!isolated) GTEST_SKIP() << "a network of its own needs root";
}

// ---- TLS ----

TEST_F(HttpClientTest, ARedirectFromHttpsToHttpIsNotFollowed) {
    const Certificate certificate;
    HttpClient::Options options;
    options.ca_file = certificate.certificate;
    HttpClient trusting(connector, options);
    test::TcpServer plain([](tcp::socket&, const std::string&) { ADD_FAILURE() << "was asked"; });
    const TlsServer server(certificate, "HTTP/1.1 302 Found\r\nLocation: " + plain.url() + "\r\n\r\n", true);
    HttpRequest request;
    request.url = "https://localhost:" + server.port() + "/";
    EXPECT_EQ(run(io, trusting.get(request)).error(), Errc::http_redirect_insecure);
}

TEST_F(HttpClientTest, HttpsVerifiesWhomItTalksTo) {
    const Certificate certificate;
    HttpClient::Options options;
    options.ca_file = certificate.certificate;
    HttpClient trusting(connector, options);
    const TlsServer server(certificate, ok("secret"), true);
    const TlsServer rude(certificate, "HTTP/1.0 200 OK\r\n\r\nsecret", false);

    HttpRequest request;
    request.url = "https://localhost:" + server.port() + "/";
    auto response = run(io, trusting.get(request));
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "secret");

    response = get(request);
    ASSERT_FALSE(response) << "nobody vouches for it";
    request.url = "https://127.0.0.1:" + server.port() + "/";
    EXPECT_FALSE(run(io, trusting.get(request))) << "the certificate is for another name";
    request.url = "https://localhost:" + rude.port() + "/";
    response = run(io, trusting.get(request));
    ASSERT_TRUE(response) << "a missing goodbye ends a body as well: " << response.error().message();
    EXPECT_EQ(response->body, "secret");
}

}  // namespace
}  // namespace btfs::net
