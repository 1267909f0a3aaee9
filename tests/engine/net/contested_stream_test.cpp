#include "engine/net/contested_stream.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "engine/net/connector.hpp"
#include "engine/net/listener.hpp"
#include "engine/wire/handshake.hpp"

namespace btfs::net {
namespace {

using namespace std::chrono_literals;

/// A contest for a peer of this process, which answers over each connection that it takes.
struct ContestedStreamTest : ::testing::Test {
    boost::asio::io_context io;
    Connector near{io, {.transport = Transport::both}}, far{io, {.transport = Transport::both}};
    const Sha1Digest hash = sha1(as_bytes("a torrent"));
    std::vector<Listener::Arrival> arrived;
    std::optional<Listener> listener;
    std::unique_ptr<ContestedStream> contest;
    std::optional<Result<Duration>> connected;
    std::string settled, got;
    Error ended;

    Bytes handshake() const {
        const auto encoded = wire::Handshake{{}, hash, {}}.encode();
        return {encoded.begin(), encoded.end()};
    }
    void serve(Encryption rule, bool tcp, bool utp) {
        listener.emplace(
            far.sockets(), [this](Listener::Arrival arrival) { answer(std::move(arrival)); },
            Listener::Rules{rule,
                            [this](const Sha1Digest& name) {
                                return name == mse::obfuscated(hash) ? std::optional(hash) : std::nullopt;
                            },
                            tcp});
        ASSERT_TRUE(listener->open(0));
        near.udp().open(0);
        far.udp().open(listener->port());
        ASSERT_EQ(far.udp().port(), listener->port());
        if (utp)
            far.utp()->accept([this](std::unique_ptr<Stream> stream) { listener->take(std::move(stream)); });
    }
    void answer(Listener::Arrival arrival) {
        const iovec text{const_cast<char*>("answer"), 6};
        EXPECT_EQ(*arrival.stream->write({&text, 1}), 6u);
        arrived.push_back(std::move(arrival));
    }
    void write(ByteView bytes) {
        const iovec from{const_cast<std::byte*>(bytes.data()), bytes.size()};
        EXPECT_EQ(*contest->write({&from, 1}), bytes.size());
    }
    void read() {
        std::array<char, 100> bytes;
        const iovec into{bytes.data(), bytes.size()};
        const auto n = contest->read({&into, 1});
        if (!n) {
            ended = n.error();
            return;
        }
        got.append(bytes.data(), *n);
        contest->wait_readable([this](Error) { read(); });
    }
    template <typename Done>
    void run_until(Done done) {
        for (const TimePoint limit = Clock::now() + 10s; !done() && Clock::now() < limit;)
            io.run_one_for(100ms);
        EXPECT_TRUE(done());
    }
    void begin(Transport transport) {
        ContestedStream::Course course{transport, {.info_hash = hash, .initial_payload = handshake()}};
        contest = std::make_unique<ContestedStream>(
            near, Endpoint{*Address::parse("127.0.0.1"), listener->port()}, std::move(course),
            [this](Result<Duration> took) {
                connected.emplace(took);
                if (!took) return;
                contest->on_settled([this](bool utp, bool encrypted) {
                    EXPECT_TRUE(settled.empty()) << "twice";
                    settled = std::string(utp ? "utp" : "tcp") + (encrypted ? " encrypted" : "");
                });
                write(handshake());
                write(as_bytes("interested"));
                read();
            });
        contest->begin();
    }
    void expect_answer(const std::string& over) {
        run_until([this] { return got.size() >= 6; });
        EXPECT_EQ(got, "answer");
        EXPECT_EQ(settled, over);
        EXPECT_EQ(contest->is_utp(), over.starts_with("utp"));
    }
    /// Returns the bytes that the peer got over the connection that goes on, the handshake included.
    std::string heard() {
        std::string all;
        for (Listener::Arrival& arrival : arrived) {
            std::array<char, 200> bytes;
            const iovec into{bytes.data(), bytes.size()};
            all.append(reinterpret_cast<const char*>(arrival.received.data()), arrival.received.size());
            for (int i = 0; i < 20; ++i) {
                const auto n = arrival.stream->read({&into, 1});
                if (!n) break;  // given up
                all.append(bytes.data(), *n);
                if (all.ends_with("more")) return all;
                io.run_for(5ms);
            }
            all.clear();
        }
        return all;
    }
    void expect_that_it_goes_on() {
        write(as_bytes("more"));
        const Bytes first = handshake();
        EXPECT_EQ(heard(),
                  std::string(reinterpret_cast<const char*>(first.data()), first.size()) + "interestedmore");
    }
    void TearDown() override {
        contest.reset();
        arrived.clear();
        listener.reset();
    }
};

TEST_F(ContestedStreamTest, APeerThatTakesAllIsTalkedToOverTcpInClear) {
    serve(Encryption::allow, true, true);
    begin(Transport::both);
    expect_answer("tcp");
    expect_that_it_goes_on();
}

TEST_F(ContestedStreamTest, APeerThatClosesTcpIsTalkedToOverUtp) {
    serve(Encryption::allow, false, true);
    begin(Transport::both);
    expect_answer("utp");
    expect_that_it_goes_on();
}

TEST_F(ContestedStreamTest, APeerThatInsistsOnEncryptionIsTalkedToEncrypted) {
    serve(Encryption::require, true, true);
    begin(Transport::both);
    expect_answer("tcp encrypted");
    expect_that_it_goes_on();
}

TEST_F(ContestedStreamTest, WithoutTcpBothMannersGoOverUtp) {
    serve(Encryption::require, true, true);
    begin(Transport::utp);
    expect_answer("utp encrypted");
    expect_that_it_goes_on();
}

TEST_F(ContestedStreamTest, APeerThatClosesEveryConnectionEndsTheStream) {
    serve(Encryption::require, false, false);
    begin(Transport::both);
    run_until([this] { return bool(ended); });
    ASSERT_TRUE(connected);
    EXPECT_TRUE(*connected);
    EXPECT_EQ(settled, "");
}

TEST_F(ContestedStreamTest, AHostWhereNobodyListensIsNoConnection) {
    serve(Encryption::allow, false, false);
    const Endpoint gone{*Address::parse("127.0.0.1"), listener->port()};
    listener->close();
    contest = std::make_unique<ContestedStream>(near, gone,
                                                ContestedStream::Course{Transport::both, {.info_hash = hash}},
                                                [this](Result<Duration> took) { connected.emplace(took); });
    contest->begin();
    run_until([this] { return connected.has_value(); });
    EXPECT_EQ(connected->error(), boost::system::errc::connection_refused);
}

TEST_F(ContestedStreamTest, NoMoreThanAGreetingIsTakenBeforeThePeerAnswers) {
    serve(Encryption::allow, true, false);
    begin(Transport::tcp);
    run_until([this] { return connected.has_value(); });
    const Bytes much(2 * ContestedStream::kMaxGreeting);
    const iovec from{const_cast<std::byte*>(much.data()), much.size()};
    EXPECT_LT(*contest->write({&from, 1}), ContestedStream::kMaxGreeting);
    EXPECT_EQ(*contest->write({&from, 1}), 0u);
}

TEST_F(ContestedStreamTest, GivingItUpClosesAllOfItsConnections) {
    serve(Encryption::allow, true, true);
    begin(Transport::both);
    run_until([this] { return connected.has_value(); });
    contest.reset();
    io.run_for(50ms);
    EXPECT_EQ(settled, "");
    EXPECT_EQ(near.utp()->connections().size(), 0u);
}

}  // namespace
}  // namespace btfs::net
