#include "engine/net/web_seed_stream.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <map>

#include "engine/net/connector.hpp"
#include "engine/wire/messages.hpp"
#include "engine/wire/peer_session.hpp"
#include "tests/engine/net/support/loopback.hpp"
#include "tests/engine/net/support/tls_server.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t kPiece = 32 * 1024;

std::string content_of(std::size_t size) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + i / 1000);
    return content;
}

/// Reply to a request for a range.
std::string ranged(const std::string& request, const std::string& content) {
    std::size_t begin = 0, end = 0;
    const std::size_t at = request.find("Range: bytes=");
    if (at == std::string::npos) return "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n";
    std::sscanf(request.c_str() + at, "Range: bytes=%zu-%zu", &begin, &end);
    const std::string body = content.substr(begin, end + 1 - begin);
    return "HTTP/1.1 206 Partial\r\nContent-Range: bytes " + std::to_string(begin) + "-" +
           std::to_string(end) + "/" + std::to_string(content.size()) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A session whose peer is a web seed.
struct WebSeedStreamTest : ::testing::Test, wire::BlockPlaces {
    std::optional<test::TcpServer> server;  ///< ends after the stream
    HostPlaces places;
    boost::asio::io_context io;
    Connector way{io};
    TaskGroup tasks{io.get_executor()};
    std::string content = content_of(100'000);
    Layout layout{kPiece, {{0, 100'000, false}}};
    webseed::SeedMemory memory{layout};
    std::vector<std::string> paths{"file"};
    Identity identity{sha1(as_bytes("any")), {}};
    Bitfield have{layout.piece_count()};
    std::unique_ptr<HttpConnector> connector;
    std::unique_ptr<WebSeedStream> stream;
    std::unique_ptr<wire::PeerSession> session;
    std::map<BlockRef, Bytes> blocks;
    std::vector<BlockRef> refused;
    bool closed = false;

    std::span<std::byte> place_of(const BlockRef&) override { return {}; }

    http::LocalAccess most_access = http::LocalAccess::everything;

    void connect(const std::string& url, const std::string& ca_file = {},
                 webseed::SeedMemory* its_memory = nullptr) {
        connect_to(webseed::FileUrls(url, paths, true), ca_file, its_memory);
    }
    void connect_to(webseed::SeedUrls urls, const std::string& ca_file = {},
                    webseed::SeedMemory* its_memory = nullptr) {
        connector = std::make_unique<HttpConnector>(way, ca_file);
        stream = std::make_unique<WebSeedStream>(WebSeedStream::Setup{
            .http = {.io = io,
                     .connector = *connector,
                     .places = places,
                     .tasks = tasks,
                     .user_agent = "btfs",
                     .memory = its_memory ? *its_memory : memory,
                     .urls = std::move(urls),
                     .most_access = most_access},
            .layout = layout,
            .info_hash = identity.wire_hash(),
            .stand_in = {*Address::parse("2001:db8::1"), 80},
            .name = "test",
            .gap_end = [this](std::uint64_t) { return layout.total_size(); },
        });
        wire::PeerId ours{};
        ours[0] = std::byte{1};
        const wire::PeerSession::Config config{.identity = identity,
                                               .layout = &layout,
                                               .our_id = ours,
                                               .remote = stream->remote(),
                                               .have = have};
        session = std::make_unique<wire::PeerSession>(config, *this, Clock::now());
        flush();
        wait();
    }
    void flush() {
        while (session->has_output()) {
            std::array<iovec, 8> buffers;
            const std::size_t count = session->send_buffers(buffers);
            session->handle_sent(*stream->write(std::span(buffers).first(count)), Clock::now());
        }
    }
    void wait() {
        stream->wait_readable([this](Error) { on_readable(); });
    }
    void on_readable() {
        for (;;) {
            std::array<iovec, 8> buffers;
            const std::size_t count = session->receive_buffers(buffers);
            const auto n = stream->read(std::span(buffers).first(count));
            if (!n) closed = true;
            if (!n || *n == 0) break;
            session->handle_received(*n, Clock::now());
            while (auto event = session->poll_event()) {
                if (auto* block = std::get_if<wire::BlockArrived>(&*event))
                    blocks.emplace(block->block, std::move(block->data));
                if (auto* refusal = std::get_if<wire::BlockRefused>(&*event))
                    refused.push_back(refusal->block);
                ASSERT_FALSE(std::holds_alternative<wire::Failed>(*event));
            }
        }
        flush();
        if (!closed) wait();
    }
    template <class Condition>
    bool run_until(Condition condition, Duration patience = 10s) {
        const TimePoint limit = Clock::now() + patience;
        io.restart();
        while (!condition() && Clock::now() < limit) io.run_for(std::chrono::milliseconds(5));
        return condition();
    }
    void ask(std::uint32_t piece, std::uint32_t offset = 0) {
        const std::uint32_t size = std::min(kBlockSize, layout.piece_size(PieceIndex(piece)) - offset);
        session->request({PieceIndex(piece), offset, size}, Clock::now());
        flush();
    }
    std::string text_of(std::uint32_t piece, std::uint32_t offset = 0) {
        const std::uint32_t size = std::min(kBlockSize, layout.piece_size(PieceIndex(piece)) - offset);
        const auto found = blocks.find({PieceIndex(piece), offset, size});
        return found == blocks.end() ? "" : std::string(as_text(found->second));
    }
    bool ready() {
        return run_until([&] { return session->greeted() && !session->peer_choking(); });
    }
};

TEST_F(WebSeedStreamTest, ServesBlocksAsAPeerDoesWithOneRequest) {
    std::atomic<int> requests = 0;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        ++requests;
        test::send(s, ranged(request, content));
        test::wait_for_close(s);
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    EXPECT_TRUE(session->is_seed());
    EXPECT_EQ(session->reqq(), WebSeedStream::kReqq);
    ask(1);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
    ask(1, kBlockSize);
    ask(2);
    ask(3);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 4; }));
    EXPECT_EQ(text_of(1), content.substr(kPiece, kBlockSize));
    EXPECT_EQ(text_of(2), content.substr(2 * kPiece, kBlockSize));
    EXPECT_EQ(text_of(3), content.substr(3 * kPiece));
    EXPECT_EQ(requests, 1);
}

TEST_F(WebSeedStreamTest, AConnectionThatTheServerClosedMeanwhileIsMadeAgain) {
    std::atomic<int> requests = 0;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        ++requests;
        test::send(s,
                   ranged(request, content));  // and the connection is closed, though it said no such thing
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(3);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
    run_until([] { return false; }, 50ms);
    ask(0);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 2; }));
    EXPECT_EQ(text_of(0), content.substr(0, kBlockSize));
    EXPECT_EQ(requests, 2);
    EXPECT_EQ(memory.failures(), 0u);
}

TEST_F(WebSeedStreamTest, RedirectsAreFollowedAndRemembered) {
    test::TcpServer mirror([&](asio::ip::tcp::socket& s, const std::string& request) {
        EXPECT_TRUE(request.starts_with("GET /mirror/file HTTP/1.1"));
        test::send(s, ranged(request, content));
    });
    std::atomic<int> asked = 0;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string&) {
        ++asked;
        test::send(s, "HTTP/1.1 302 Found\r\nLocation: " + mirror.url("/mirror/file") + "\r\n\r\n");
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(3);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
    ask(0);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 2; }));
    EXPECT_EQ(asked, 1);
}

TEST_F(WebSeedStreamTest, WhereARedirectLedToIsGoodAsLongAsItWorks) {
    std::atomic<int> at_mirror = 0, asked = 0;
    test::TcpServer mirror([&](asio::ip::tcp::socket& s, const std::string& request) {
        if (++at_mirror == 2) return test::send(s, "HTTP/1.1 403 Expired\r\nContent-Length: 0\r\n\r\n");
        test::send(s, ranged(request, content));
    });
    server.emplace([&](asio::ip::tcp::socket& s, const std::string&) {
        ++asked;
        test::send(s, "HTTP/1.1 302 Found\r\nLocation: " + mirror.url("/mirror") + "\r\n\r\n");
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(3);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
    ask(0);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 2; }));
    EXPECT_EQ(asked, 2);
    EXPECT_TRUE(memory.serves(FileIndex(0)));
}

TEST_F(WebSeedStreamTest, ALoopOfRedirectsEndsTheSeed) {
    server.emplace([&](asio::ip::tcp::socket& s, const std::string&) {
        test::send(s, "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n");
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(0);
    EXPECT_TRUE(run_until([&] { return closed; }));
    EXPECT_FALSE(memory.is_usable());
}

TEST_F(WebSeedStreamTest, ATorrentsUrlLeadsToNoLoopbackAddress) {
    most_access = http::LocalAccess::network;
    server.emplace([&](asio::ip::tcp::socket&, const std::string&) { ADD_FAILURE() << "was asked"; });
    for (const char* target : {"/file", "/announce", "/announce/file"}) {
        webseed::SeedMemory fresh(layout);
        connect(server->url(target), {}, &fresh);
        ASSERT_TRUE(ready());
        ask(0);
        EXPECT_TRUE(run_until([&] { return closed; })) << target;
        EXPECT_FALSE(fresh.is_usable()) << target;
        stream.reset();
        closed = false;
    }
}

TEST_F(WebSeedStreamTest, CredentialsGoToTheirOwnOriginAloneAndAreKeptThere) {
    const auto authorized = [](const std::string& request) {
        return request.find("Authorization: Basic dTpw\r\n") != std::string::npos;
    };
    test::TcpServer other([&](asio::ip::tcp::socket& s, const std::string& request) {
        EXPECT_EQ(request.find("Authorization"), std::string::npos);
        test::send(s, ranged(request, content));
    });
    std::atomic<int> asked = 0, answered = 0;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        EXPECT_TRUE(authorized(request)) << request;
        if (request.starts_with("GET /there")) {
            ++answered;
            return test::send(s, ranged(request, content));
        }
        ++asked;
        const bool away = request.starts_with("GET /away");
        test::send(s, "HTTP/1.1 302 Found\r\nLocation: " + (away ? other.url("/") : "/there") + "\r\n\r\n");
    });
    const std::string host = "http://u:p@127.0.0.1:" + std::to_string(server->port());
    for (const char* target : {"/here", "/away"}) {
        blocks.clear();
        webseed::SeedMemory fresh(layout);
        connect(host + target, {}, &fresh);
        ASSERT_TRUE(ready());
        ask(3);
        ASSERT_TRUE(run_until([&] { return blocks.size() == 1; })) << target;
        ask(0);
        ASSERT_TRUE(run_until([&] { return blocks.size() == 2; })) << target;
        EXPECT_EQ(fresh.failures(), 0u);
        stream.reset();
    }
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(answered, 2);
}

TEST_F(WebSeedStreamTest, AFailureChokesUsForAWhileAndRefusesWhatWasAsked) {
    std::atomic<int> requests = 0;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        if (++requests == 1) return test::send(s, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        test::send(s, ranged(request, content));
    });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(0);
    ASSERT_TRUE(run_until([&] { return session->peer_choking() && refused.size() == 1; }));
    ASSERT_TRUE(run_until([&] { return !session->peer_choking(); }));
    ask(0);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
}

TEST_F(WebSeedStreamTest, ChunkedBodiesAndThoseThatEndWithTheConnectionAreTaken) {
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        const std::string head = "HTTP/1.1 200 OK\r\n";
        if (request.starts_with("GET /announce/chunks")) {
            std::array<char, 16> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", content.size());
            test::send(s,
                       head + "Transfer-Encoding: chunked\r\n\r\n" + size.data() + content + "\r\n0\r\n\r\n");
            return test::wait_for_close(s);
        }
        test::send(s, head + "\r\n" + content);
    });
    for (const char* target : {"/announce/chunks", "/announce/to_end"}) {
        blocks.clear();
        connect(server->url(target));
        ASSERT_TRUE(ready());
        ask(3);
        ASSERT_TRUE(run_until([&] { return blocks.size() == 1; })) << target;
        EXPECT_EQ(text_of(3), content.substr(3 * kPiece));
        EXPECT_EQ(memory.failures(), 0u);
    }
}

TEST_F(WebSeedStreamTest, ACancelledBlockIsRefused) {
    server.emplace([&](asio::ip::tcp::socket& s, const std::string&) { test::wait_for_close(s); });
    connect(server->url("/announce/file"));
    ASSERT_TRUE(ready());
    ask(0);
    run_until([] { return false; }, 50ms);
    session->cancel({PieceIndex(0), 0, kBlockSize}, Clock::now());
    flush();
    EXPECT_TRUE(run_until([&] { return session->requests().empty(); }));
}

TEST_F(WebSeedStreamTest, HttpsVerifiesTheServer) {
    const test::Certificate certificate;
    const test::TlsServer tls(certificate, ranged("Range: bytes=0-99999", content), true);
    const std::string url = "https://localhost:" + tls.port() + "/announce/file";
    connect(url, certificate.certificate);
    ASSERT_TRUE(ready());
    ask(0);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 1; }));
    EXPECT_EQ(text_of(0), content.substr(0, kBlockSize));

    connect(url);  // nobody vouches for it
    ASSERT_TRUE(ready());
    ask(1);
    EXPECT_TRUE(run_until([&] { return memory.failures() == 1; }));
    EXPECT_EQ(blocks.size(), 1u);
}

TEST_F(WebSeedStreamTest, AnHttpSeedIsAskedForPiecesAndItsWaitIsKept) {
    std::vector<std::string> targets;
    server.emplace([&](asio::ip::tcp::socket& s, const std::string& request) {
        EXPECT_EQ(request.find("Range:"), std::string::npos);
        targets.push_back(request.substr(4, request.find(" HTTP/") - 4));
        if (targets.size() == 1) return test::send(s, "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n2\n");
        std::size_t piece = 0, begin = 0, last = kPiece - 1;
        std::sscanf(targets.back().c_str() + targets.back().find("&piece="), "&piece=%zu&ranges=%zu-%zu",
                    &piece, &begin, &last);
        const std::string body = content.substr(piece * kPiece + begin, last + 1 - begin);
        test::send(s,
                   "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    connect_to(webseed::PieceUrls(server->url("/seed.php"), identity.wire_hash(), layout));
    ASSERT_TRUE(ready());
    ask(1);
    ASSERT_TRUE(run_until([&] { return session->peer_choking() && refused.size() == 1; }));
    const TimePoint told = Clock::now();
    ASSERT_TRUE(run_until([&] { return !session->peer_choking(); }));
    EXPECT_GE(Clock::now() - told, 1900ms);
    EXPECT_EQ(memory.failures(), 0u);
    ask(1);
    ask(1, kBlockSize);
    ask(2, kBlockSize);
    ASSERT_TRUE(run_until([&] { return blocks.size() == 3; }));
    EXPECT_EQ(text_of(1), content.substr(kPiece, kBlockSize));
    EXPECT_EQ(text_of(1, kBlockSize), content.substr(kPiece + kBlockSize, kBlockSize));
    EXPECT_EQ(text_of(2, kBlockSize), content.substr(2 * kPiece + kBlockSize, kBlockSize));
    ASSERT_EQ(targets.size(), 3u);
    EXPECT_TRUE(targets[0].starts_with("/seed.php?info_hash=%")) << targets[0];
    EXPECT_TRUE(targets[1].ends_with("&piece=1")) << targets[1];
    EXPECT_TRUE(targets[2].ends_with("&piece=2&ranges=16384-32767")) << targets[2];
}

TEST_F(WebSeedStreamTest, AnHttpSeedReachesThisMachineNoMoreThanAWebSeed) {
    most_access = http::LocalAccess::network;
    server.emplace([&](asio::ip::tcp::socket&, const std::string&) { ADD_FAILURE() << "was asked"; });
    connect_to(webseed::PieceUrls(server->url("/announce"), identity.wire_hash(), layout));
    ASSERT_TRUE(ready());
    ask(0);
    EXPECT_TRUE(run_until([&] { return closed; }));
    EXPECT_FALSE(memory.is_usable());
}

}  // namespace
}  // namespace btfs::net
