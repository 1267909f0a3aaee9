#include "engine/net/tracker_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <list>

#include "engine/net/proxy.hpp"
#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using tracker::AnnounceJob;
using tracker::AnnounceReply;

/// Tracker in the test's own io_context that answers when the test calls answer_all().
class SlowTracker {
  public:
    explicit SlowTracker(asio::io_context& io)
        : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
        accept();
    }

    std::string url(const std::string& target) const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + target;
    }
    /// Returns the targets of the requests in the order of their arrival.
    const std::vector<std::string>& requests() const { return requests_; }
    std::size_t waiting() const { return waiting_.size(); }

    void answer_all() {
        for (tcp::socket& socket : waiting_) {
            boost::system::error_code ignored;
            asio::write(socket, asio::buffer(std::string("HTTP/1.1 200\n\nd8:intervali1800e5:peers0:e")),
                        ignored);
        }
        waiting_.clear();
    }

  private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            auto held = std::make_shared<tcp::socket>(std::move(socket));
            auto text = std::make_shared<std::string>();
            asio::async_read_until(*held, asio::dynamic_buffer(*text), "\r\n\r\n",
                                   [this, held, text](boost::system::error_code failed, std::size_t) {
                                       if (failed) return;
                                       requests_.push_back(text->substr(4, text->find(" HTTP/") - 4));
                                       waiting_.push_back(std::move(*held));
                                   });
            accept();
        });
    }

    tcp::acceptor acceptor_;
    std::vector<std::string> requests_;
    std::list<tcp::socket> waiting_;
};

struct TrackerClientTest : ::testing::Test {
    asio::io_context io;
    Connector connector{io};
    HttpClient http{connector, {}};
    TrackerClient client{connector, http, 1};
    SlowTracker slow{io};
    std::size_t ended = 0;

    AnnounceTicket announce(const std::string& target, bool urgent = false) {
        AnnounceJob job;
        job.url = slow.url(target);
        job.timeout = 30s;
        job.urgent = urgent;
        return client.announce(std::move(job), [this](const Result<AnnounceReply>& reply) {
            EXPECT_TRUE(reply) << reply.error().message();
            ++ended;
        });
    }
    template <class F>
    void run_until(F&& reached) {
        io.restart();
        const TimePoint limit = Clock::now() + 20s;
        while (!reached() && Clock::now() < limit) io.run_one_for(std::chrono::milliseconds(100));
        EXPECT_TRUE(reached());
    }
    /// Announces a torrent to this URL and returns the outcome.
    Result<AnnounceReply> outcome(const std::string& url) {
        std::optional<Result<AnnounceReply>> result;
        AnnounceJob job;
        job.url = url;
        job.timeout = 10s;
        client.announce(std::move(job), [&](Result<AnnounceReply> reply) { result = std::move(reply); });
        EXPECT_FALSE(result) << "never from inside the call";
        run_until([&] { return result.has_value(); });
        return result ? *result : Errc::cancelled;
    }
};

constexpr std::size_t kOrdinary = TrackerClient::kMaxHttp - TrackerClient::kKeptForUrgent;

TEST_F(TrackerClientTest, AnnouncesWaitForAPlaceAndUrgentOnesGoFirst) {
    for (std::size_t i = 0; i < kOrdinary + 20; ++i) announce("/announce?n=" + std::to_string(i));
    const AnnounceTicket queued = announce("/announce?hurried");
    run_until([&] { return slow.waiting() == kOrdinary; });
    announce("/announce?urgent", true);
    run_until([&] { return slow.waiting() == kOrdinary + 1; });
    EXPECT_TRUE(slow.requests().back().starts_with("/announce?urgent"));
    client.hurry(queued);
    run_until([&] { return slow.waiting() == kOrdinary + 2; });
    EXPECT_TRUE(slow.requests().back().starts_with("/announce?hurried"));
    client.hurry(queued);
    slow.answer_all();
    run_until([&] { return slow.waiting() == 20; });
    slow.answer_all();
    run_until([&] { return ended == kOrdinary + 22; });
}

TEST_F(TrackerClientTest, UrgentAnnouncesAreBoundedToo) {
    for (std::size_t i = 0; i < 2 * TrackerClient::kMaxHttp; ++i) announce("/announce", true);
    run_until([&] { return slow.waiting() == TrackerClient::kMaxHttp; });
    slow.answer_all();
    run_until([&] { return slow.waiting() == TrackerClient::kMaxHttp; });
    EXPECT_EQ(slow.requests().size(), 2 * TrackerClient::kMaxHttp);
}

TEST_F(TrackerClientTest, AnAnnounceThatFailsAtOnceSaysSoAfterwards) {
    // No name has an IPv6 address there.
    Connector behind(io, {.proxy = *proxy::ProxyUrl::parse("socks5://127.0.0.1:1")});
    HttpClient fetcher(behind, {});
    TrackerClient announcer(behind, fetcher, 1);
    bool within = false;
    std::optional<Error> failure;
    asio::post(io, [&] {
        AnnounceJob job;
        job.url = "http://tracker.example/announce";
        job.family = AddressFamily::v6;
        job.timeout = 30s;
        within = true;
        announcer.announce(job, [&](const Result<AnnounceReply>& reply) {
            EXPECT_FALSE(within);
            failure = reply ? Error() : reply.error();
        });
        within = false;
    });
    run_until([&] { return failure.has_value(); });
    EXPECT_EQ(failure, make_error_code(Errc::name_not_found));
}

TEST_F(TrackerClientTest, ATorrentReachesTrackersOnThisMachineAndNothingElseThere) {
    std::string seen;
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        seen = request;
        test::send(s, "HTTP/1.1 200\n\nd8:intervali1800e5:peers0:e");
    });
    EXPECT_TRUE(outcome(server.url("/announce")));
    EXPECT_TRUE(outcome(server.url("/announce?passkey=x|y")));
    EXPECT_NE(seen.find("GET /announce?passkey=x%7Cy&info_hash="), std::string::npos) << seen;
    seen.clear();
    for (const char* target :
         {"/x?reboot=1", "/", "/reboot", "/announce/../reboot?now=1", "/admin?next=/announce"})
        EXPECT_EQ(outcome(server.url(target)).error(), Errc::http_local_refused) << target;
    EXPECT_EQ(seen, "");
}

TEST_F(TrackerClientTest, CredentialsOfATrackerAreSentInTheirField) {
    std::string seen;
    test::TcpServer server([&](tcp::socket& s, const std::string& request) {
        seen = request;
        test::send(s, "HTTP/1.1 200\n\nd8:intervali1800e5:peers0:e");
    });
    EXPECT_TRUE(
        outcome("http://Aladdin:open sesame@127.0.0.1:" + std::to_string(server.port()) + "/announce"));
    EXPECT_NE(seen.find("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("GET /announce?info_hash="), std::string::npos);
}

TEST_F(TrackerClientTest, OurAddressIsToldWithWhoeverSeesIt) {
    test::TcpServer server([](tcp::socket& s, const std::string&) {
        test::send(s,
                   "HTTP/1.1 200\n\nd11:external ip4:\xC6\x33\x64\x07"
                   "8:intervali1800e5:peers0:e");
    });
    const auto reply = outcome(server.url("/announce"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->external_ip, Address::parse("198.51.100.7"));
    EXPECT_EQ(reply->tracker, Address::parse("127.0.0.1"));
}

/// A tracker over UDP (BEP 15). It names one peer: 10.0.0.1 at the port that the announce tells.
class UdpTracker {
  public:
    std::string url() const { return "udp://127.0.0.1:" + std::to_string(server_.port()) + "/announce"; }

  private:
    static std::string answer(const std::string& datagram) {
        ByteReader in(as_bytes(datagram));
        in.u64();
        const std::uint32_t action = in.u32(), transaction = in.u32();
        Bytes out;
        ByteWriter writer(out);
        writer.u32(action).u32(transaction);
        if (action == 0) {
            writer.u64(7);  // a connection id
        } else {
            in.take(80);
            writer.u32(1800).u32(0).u32(1).u32(0x0a000001).u16(in.u16());
        }
        return std::string(as_text(out));
    }

    test::UdpServer server_{answer};
};

TEST_F(TrackerClientTest, RepliesOfAUdpTrackerGoToTheAnnouncesThatTheyAnswer) {
    UdpTracker server;
    std::map<std::uint16_t, AnnounceReply> replies;
    for (std::uint16_t port = 1; port <= 50; ++port) {
        AnnounceJob job;
        job.url = server.url();
        job.timeout = 20s;
        job.request.port = port;
        client.announce(std::move(job), [&replies, port](const Result<AnnounceReply>& reply) {
            ASSERT_TRUE(reply) << reply.error().message();
            replies[port] = *reply;
        });
    }
    run_until([&] { return replies.size() == 50; });
    for (const auto& [port, reply] : replies) {
        EXPECT_EQ(reply.peers, std::vector{Endpoint({*Address::parse("10.0.0.1"), port})});
        EXPECT_EQ(reply.tracker, Address::parse("127.0.0.1"));
    }
}

TEST_F(TrackerClientTest, WhatIsNoReplyIsTold) {
    const auto outcome_of = [&](const std::string& sent) {
        test::TcpServer server([&](tcp::socket& s, const std::string&) { test::send(s, sent); });
        return outcome(server.url("/announce"));
    };
    EXPECT_EQ(outcome_of("HTTP/1.1 403 Forbidden\n\n<html>go away</html>").error(), Errc::http_status);
    EXPECT_EQ(outcome_of("HTTP/1.1 200 OK\n\n<html>hello</html>").error(), Errc::tracker_bad_reply);
    EXPECT_TRUE(outcome_of("HTTP/1.1 400 Bad\n\nd14:failure reason7:unknowne")->refused());
    EXPECT_EQ(outcome("wss://t.example/").error(), Errc::tracker_bad_url);
}

}  // namespace
}  // namespace btfs::net
