#include "engine/net/dialer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "engine/net/connector.hpp"
#include "engine/net/listener.hpp"
#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;

constexpr const char* kSilentText = "127.0.0.2";

/// Connections to a host that never answers stay half-open, so that the order of what waits can be seen.
struct DialerTest : ::testing::Test {
    test::TcpServer server{
        [](asio::ip::tcp::socket& socket, const std::string&) { test::wait_for_close(socket); }};
    test::SilentServer silent_server{kSilentText, server.port()};
    asio::io_context io;
    Connector connector{io};
    Dialer dialer{connector};
    std::vector<std::string> ended;  ///< names of dials, with their errors

    Endpoint silent() const { return {*Address::parse(kSilentText), server.port()}; }
    Endpoint refused() const { return {*Address::parse("127.0.0.3"), server.port()}; }

    void dial(Dialer::Queue& queue, const Endpoint& endpoint, const std::string& name) {
        queue.dial(endpoint, std::nullopt, [this, name](Result<Dialer::Dialled> result) {
            const bool cancelled = !result && result.error() == Errc::cancelled;
            ended.push_back(cancelled ? name + " cancelled" : name);
        });
    }
    void dial_silent(Dialer::Queue& queue, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) dial(queue, silent(), "silent");
    }
    void run_until_ended(std::size_t count) {
        io.restart();
        // Handlers of dials that were ended run, too.
        const TimePoint limit = Clock::now() + 10s;
        while (ended.size() < count && Clock::now() < limit) io.run_one_for(100ms);
        EXPECT_EQ(ended.size(), count);
    }
};

TEST_F(DialerTest, IdleTorrentsLeaveRoomForAReader) {
    Dialer::Queue idle(dialer), reader(dialer);
    reader.set_urgency(DialUrgency::reader_waits);
    dial_silent(idle, 1000);
    EXPECT_EQ(dialer.half_open(), Dialer::kMaxHalfOpenIdle);
    dial(reader, refused(), "reader");
    run_until_ended(1);
    EXPECT_EQ(ended, std::vector<std::string>{"reader"});
    EXPECT_EQ(idle.waiting(), 1000 - Dialer::kMaxHalfOpenIdle);
}

TEST_F(DialerTest, HalfOpenConnectionsAreBounded) {
    Dialer::Queue active(dialer), reader(dialer);
    active.set_urgency(DialUrgency::active);
    reader.set_urgency(DialUrgency::reader_waits);
    dial_silent(active, 200);
    EXPECT_EQ(dialer.half_open(), Dialer::kMaxHalfOpenActive);
    dial_silent(reader, 200);
    EXPECT_EQ(dialer.half_open(), Dialer::kMaxHalfOpen);
}

TEST_F(DialerTest, TheMostUrgentTorrentIsNext) {
    Dialer::Queue blocking(dialer), idle(dialer), active(dialer), reader(dialer);
    blocking.set_urgency(DialUrgency::reader_waits);
    dial_silent(blocking, Dialer::kMaxHalfOpen);
    dial(idle, refused(), "idle");
    active.set_urgency(DialUrgency::active);
    dial(active, refused(), "active");
    dial(reader, refused(), "reader");
    reader.set_urgency(DialUrgency::reader_waits);  // it counts for what waits already
    EXPECT_EQ(reader.waiting(), 1u);
    blocking.clear();
    dialer.start_waiting();
    run_until_ended(3);
    EXPECT_EQ(ended, (std::vector<std::string>{"reader", "active", "idle"}));
}

TEST_F(DialerTest, TorrentsOfOneUrgencyTakeTurns) {
    Dialer::Queue blocking(dialer), many(dialer), few(dialer);
    blocking.set_urgency(DialUrgency::reader_waits);
    dial_silent(blocking, Dialer::kMaxHalfOpen);
    for (int i = 0; i < 500; ++i) dial(many, silent(), "many");
    dial(few, silent(), "few");
    blocking.clear();
    dialer.start_waiting();
    EXPECT_EQ(few.waiting(), 0u);
}

TEST_F(DialerTest, ADialThatIsNotWantedAnyMoreIsNotMade) {
    bool wanted = true;
    Dialer::Queue blocking(dialer), queue(dialer, [&](const Endpoint&) { return wanted; });
    blocking.set_urgency(DialUrgency::reader_waits);
    dial_silent(blocking, Dialer::kMaxHalfOpen);
    dial(queue, refused(), "queued");
    wanted = false;
    blocking.clear();
    dialer.start_waiting();
    EXPECT_EQ(dialer.half_open(), 0u);
    EXPECT_TRUE(ended.empty());  // never from inside a call
    run_until_ended(1);
    EXPECT_EQ(ended, std::vector<std::string>{"queued cancelled"});
}

TEST_F(DialerTest, WhatMayNotStartWaitsUntilItMay) {
    bool room = false;
    dialer.set_admission([&](DialUrgency urgency) { return room || urgency > DialUrgency::idle; });
    Dialer::Queue idle(dialer), active(dialer);
    active.set_urgency(DialUrgency::active);
    dial(idle, refused(), "idle");
    dial(active, refused(), "active");
    run_until_ended(1);
    EXPECT_EQ(ended, std::vector<std::string>{"active"});
    room = true;
    dialer.start_waiting();
    run_until_ended(2);
}

TEST_F(DialerTest, WhenTheNetworkGoesAllUnderWayIsCancelledAndWhatWaitsGoesOn) {
    Dialer::Queue queue(dialer);
    dial_silent(queue, Dialer::kMaxHalfOpenIdle);
    dial(queue, refused(), "next");
    dialer.cancel_half_open();
    run_until_ended(Dialer::kMaxHalfOpenIdle + 1);
    EXPECT_EQ(std::ranges::count(ended, "silent cancelled"),
              static_cast<std::ptrdiff_t>(Dialer::kMaxHalfOpenIdle));
    EXPECT_EQ(std::ranges::count(ended, "next"), 1);
}

TEST_F(DialerTest, DialsToAHostThatIsUnwantedNowAreCancelledAndTheOthersGoOn) {
    test::SilentServer other_server{"127.0.0.4", server.port()};
    Dialer::Queue queue(dialer);
    dial_silent(queue, 3);
    dial(queue, {*Address::parse("127.0.0.4"), server.port()}, "other");
    dialer.cancel_half_open([](const Address& host) { return host.text() == kSilentText; });
    EXPECT_EQ(dialer.half_open(), 1u);
    EXPECT_TRUE(ended.empty()) << "it is told later";
    run_until_ended(3);
    EXPECT_EQ(ended, std::vector<std::string>(3, "silent cancelled"));
    EXPECT_EQ(dialer.half_open(), 1u);
}

TEST_F(DialerTest, ADialEndsInTime) {
    Dialer hasty(connector, 100ms);
    Dialer::Queue queue(hasty);
    std::optional<Error> error;
    queue.dial(silent(), std::nullopt, [&](Result<Dialer::Dialled> result) { error = result.error(); });
    for (int i = 0; i < 100 && !error; ++i) io.run_one_for(100ms);
    EXPECT_EQ(error, Error(Errc::timed_out));
    EXPECT_EQ(hasty.half_open(), 0u);
}

TEST_F(DialerTest, AQueueThatGoesTakesItsDialsAlong) {
    {
        Dialer::Queue queue(dialer);
        dial_silent(queue, 100);
    }
    EXPECT_EQ(dialer.half_open(), 0u);
    io.poll();
    EXPECT_TRUE(ended.empty());
}

/// Dials a listener of this process with an encryption handshake.
struct EncryptedDialTest : DialerTest {
    const Sha1Digest hash = sha1(as_bytes("a torrent"));
    std::vector<Listener::Arrival> arrived;
    std::optional<Listener> listener;
    std::optional<Dialer::Queue> queue;
    std::optional<Result<Dialer::Dialled>> result;

    void listen(Encryption rule) {
        listener.emplace(
            connector.sockets(), [this](Listener::Arrival arrival) { arrived.push_back(std::move(arrival)); },
            Listener::Rules{rule, [this](const Sha1Digest& name) {
                                return name == mse::obfuscated(hash) ? std::optional(hash) : std::nullopt;
                            }});
        ASSERT_TRUE(listener->open(0));
    }
    void dial_encrypted(Dialer& with, std::uint16_t port) {
        queue.emplace(with);
        queue->dial({*Address::parse("127.0.0.1"), port},
                    mse::Initiator::Options{.info_hash = hash, .initial_payload = Bytes(68, std::byte{'h'})},
                    [this](Result<Dialer::Dialled> ended_with) { result.emplace(std::move(ended_with)); });
        io.restart();
        const TimePoint limit = Clock::now() + 10s;
        while (!result && Clock::now() < limit) io.run_one_for(100ms);
        queue.reset();
        ASSERT_TRUE(result);
    }
};

TEST_F(EncryptedDialTest, TheStreamsOfBothSidesEncipher) {
    listen(Encryption::require);
    dial_encrypted(dialer, listener->port());
    ASSERT_TRUE(*result);
    ASSERT_EQ(arrived.size(), 1u);
    EXPECT_EQ(arrived[0].received, Bytes(68, std::byte{'h'}));
    std::string text = "content";
    const iovec from{text.data(), text.size()};
    ASSERT_EQ(*arrived[0].stream->write({&from, 1}), text.size());
    std::array<char, 100> got;
    const iovec into{got.data(), got.size()};
    Result<std::size_t> n = 0u;
    for (int i = 0; i < 100 && *n == 0; ++i) {
        io.run_for(10ms);
        n = (*result)->stream->read({&into, 1});
        ASSERT_TRUE(n);
    }
    EXPECT_EQ(std::string_view(got.data(), *n), text);
    EXPECT_EQ(dialer.half_open(), 0u);
}

TEST_F(EncryptedDialTest, APeerThatHangsUpInTheHandshakeHasRefusedIt) {
    listen(Encryption::off);
    dial_encrypted(dialer, listener->port());
    EXPECT_EQ(result->error(), Errc::encryption_refused);
}

TEST_F(EncryptedDialTest, APeerThatSaysNothingHasRefusedItInTime) {
    asio::ip::tcp::acceptor silent_peer(io, {asio::ip::make_address("127.0.0.1"), 0});
    Dialer hasty(connector, 100ms);
    dial_encrypted(hasty, silent_peer.local_endpoint().port());
    EXPECT_EQ(result->error(), Errc::encryption_refused);
    EXPECT_EQ(hasty.half_open(), 0u);
}

TEST_F(EncryptedDialTest, APeerThatCannotBeReachedHasRefusedNothing) {
    dial_encrypted(dialer, 1);
    EXPECT_NE(result->error(), Errc::encryption_refused);
}

/// Dials a host of this process that has uTP on its UDP port.
struct UtpDialTest : DialerTest {
    std::optional<Connector> near;  ///< of the transport that the test dials over
    std::optional<SocketFactory> far_sockets;
    std::optional<UdpMux> far_udp;
    std::optional<UtpStreams> far;
    std::optional<Dialer> racer;
    std::optional<Dialer::Queue> queue;
    std::optional<Result<Dialer::Dialled>> result;
    std::unique_ptr<Stream> accepted;

    /// Answers from the address that is dialled.
    Endpoint serve(const char* address, std::uint16_t port) {
        far_sockets.emplace(io, LocalBinding{Address::parse(address), std::nullopt, {}});
        far_udp.emplace(*far_sockets);
        far.emplace(*far_sockets, *far_udp);
        far->accept([this](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
        far_udp->open(port);
        return {*Address::parse(address), far_udp->port()};
    }
    void TearDown() override {
        accepted.reset();
        result.reset();
        queue.reset();
        racer.reset();
        near.reset();
    }
    void begin(Transport transport) {
        if (!near || near->transport() != transport) {
            queue.reset();
            racer.reset();
            near.emplace(io, Connector::Options{.transport = transport});
            near->udp().open(0);
            racer.emplace(*near);
        }
        queue.emplace(*racer);
    }
    Duration dial(Transport transport, DialUrgency urgency, const Endpoint& to, const Dialer::Way& way = {}) {
        begin(transport);
        queue->set_urgency(urgency);
        const TimePoint began = Clock::now();
        queue->dial(
            to, std::nullopt,
            [this](Result<Dialer::Dialled> ended_with) { result.emplace(std::move(ended_with)); }, way);
        while (!result && Clock::now() < began + 10s) io.run_one_for(100ms);
        EXPECT_TRUE(result);
        EXPECT_EQ(racer->half_open(), 0u);
        return Clock::now() - began;
    }
    bool is_utp() {
        const iovec hello[1] = {{const_cast<char*>("hello"), 5}};
        if (!*result || *(*result)->stream->write(hello) != 5) return false;
        for (int i = 0; i < 20 && !accepted; ++i) io.run_one_for(50ms);
        return accepted != nullptr;
    }
};

TEST_F(UtpDialTest, WhereTcpIsSilentUtpFollowsAfterItsHeadStart) {
    ASSERT_EQ(serve(kSilentText, server.port()), silent());
    const Duration took = dial(Transport::both, DialUrgency::active, silent());
    EXPECT_GE(took, Dialer::kTcpHeadStart);
    EXPECT_LT(took, Dialer::kTcpHeadStart + 1s);
    EXPECT_TRUE(is_utp());
}

TEST_F(UtpDialTest, WhileAReaderWaitsBothAreDialledAtOnce) {
    ASSERT_EQ(serve(kSilentText, server.port()), silent());
    const Duration took = dial(Transport::both, DialUrgency::reader_waits, silent());
    EXPECT_GE(took, DialRace::kTcpGrace);
    EXPECT_LT(took, Dialer::kTcpHeadStart);
    EXPECT_TRUE(is_utp());
}

TEST_F(UtpDialTest, APeerThatIsSaidToTakeUtpIsDialledOverBothAtOnce) {
    ASSERT_EQ(serve(kSilentText, server.port()), silent());
    const Duration took = dial(Transport::both, DialUrgency::active, silent(), {.utp_told = true});
    EXPECT_LT(took, Dialer::kTcpHeadStart);
    EXPECT_TRUE(is_utp());
    EXPECT_TRUE((*result)->stream->is_utp());
}

TEST_F(UtpDialTest, WhereUtpIsFasterItBeginsAndTcpFollowsWhereThereIsNone) {
    const Endpoint tcp_alone{*Address::parse("127.0.0.1"), server.port()};
    EXPECT_LT(dial(Transport::both, DialUrgency::reader_waits, tcp_alone, {.first = FirstTransport::utp}),
              Dialer::kFasterHeadStart);
    ASSERT_TRUE(*result);
    EXPECT_FALSE((*result)->stream->is_utp());
    result.reset();
    ASSERT_EQ(serve("127.0.0.1", server.port()), tcp_alone);
    dial(Transport::both, DialUrgency::reader_waits, tcp_alone, {.first = FirstTransport::utp});
    ASSERT_TRUE(*result);
    EXPECT_TRUE((*result)->stream->is_utp());
}

TEST_F(UtpDialTest, WhereTcpIsFasterItIsTakenThoughItWasTakenAMomentAgo) {
    const Endpoint there{*Address::parse("127.0.0.1"), server.port()};
    ASSERT_EQ(serve("127.0.0.1", server.port()), there);
    for (int i = 0; i < 3; ++i) {
        dial(Transport::both, DialUrgency::active, there, {.first = FirstTransport::tcp});
        ASSERT_TRUE(*result);
        EXPECT_FALSE((*result)->stream->is_utp()) << i;
        result.reset();
    }
}

TEST_F(UtpDialTest, ThroughANatUtpAloneIsTriedAndSayingThatNobodyListensDoesNotEndIt) {
    const Endpoint there{*Address::parse("127.0.0.1"), server.port()};  // TCP would be taken
    std::unique_ptr<Result<Dialer::Dialled>> punched;                   // of an optional g++ 14 warns
    begin(Transport::both);
    queue->dial(there, std::nullopt,
                [&](Result<Dialer::Dialled> ended_with) {
                    punched = std::make_unique<Result<Dialer::Dialled>>(std::move(ended_with));
                },
                {.punch = true});
    io.run_for(300ms);  // the kernel refuses the first SYN
    EXPECT_FALSE(punched);
    ASSERT_EQ(serve("127.0.0.1", server.port()), there);
    while (!punched && racer->half_open() > 0) io.run_one_for(100ms);
    ASSERT_TRUE(punched);
    ASSERT_TRUE(*punched) << punched->error().message();
    EXPECT_TRUE((*punched)->stream->is_utp());
    punched.reset();
}

TEST_F(UtpDialTest, WhereTcpIsRefusedUtpFollowsAtOnce) {
    const Endpoint there = serve("127.0.0.1", 0);
    EXPECT_LT(dial(Transport::both, DialUrgency::idle, there), Dialer::kTcpHeadStart);
    EXPECT_TRUE(is_utp());
}

TEST_F(UtpDialTest, TheLoserIsGivenUp) {
    dial(Transport::both, DialUrgency::idle, serve("127.0.0.1", server.port()));
    ASSERT_TRUE(*result);
    EXPECT_FALSE(is_utp());
    io.run_for(300ms);
    EXPECT_EQ(near->utp()->connections().size(), 0u);
}

TEST_F(UtpDialTest, APeerThatClosedItsTcpConnectionIsDialledOverUtpFirst) {
    const Endpoint there = serve("127.0.0.1", server.port());
    dial(Transport::both, DialUrgency::reader_waits, there);
    EXPECT_FALSE(is_utp());
    result.reset();
    dial(Transport::both, DialUrgency::reader_waits, there);
    EXPECT_TRUE(is_utp());
}

TEST_F(UtpDialTest, WhatBecameOfOneTorrentsConnectionSaysNothingToAnother) {
    const Endpoint there = serve("127.0.0.1", server.port());
    dial(Transport::both, DialUrgency::active, there);
    EXPECT_FALSE(is_utp());
    result.reset();
    Dialer::Queue other(*racer);
    other.dial(there, std::nullopt,
               [&](Result<Dialer::Dialled> dialled) { result.emplace(std::move(dialled)); });
    while (!result && racer->half_open() > 0) io.run_one_for(100ms);
    ASSERT_TRUE(result && *result);
    EXPECT_FALSE((*result)->stream->is_utp());
    result.reset();
}

TEST_F(UtpDialTest, ADialFailsWhenBothHaveFailed) {
    dial(Transport::both, DialUrgency::active, refused());
    EXPECT_EQ(result->error(), boost::system::errc::connection_refused);
}

TEST_F(UtpDialTest, OverUtpAloneTcpIsNotTried) {
    dial(Transport::utp, DialUrgency::active, {*Address::parse("127.0.0.1"), server.port()});
    EXPECT_EQ(result->error(), boost::system::errc::connection_refused);
}

TEST_F(UtpDialTest, AQueueThatGoesTakesItsDialsOverUtpAlong) {
    const asio::ip::udp::socket silent_over_udp(io, {asio::ip::make_address(kSilentText), server.port()});
    begin(Transport::both);
    queue->set_urgency(DialUrgency::reader_waits);
    queue->dial(silent(), std::nullopt, [](Result<Dialer::Dialled>) { FAIL(); });
    io.run_for(10ms);
    EXPECT_EQ(near->utp()->connections().size(), 1u);
    queue.reset();
    io.run_for(50ms);
    EXPECT_EQ(near->utp()->connections().size(), 0u);
}

}  // namespace
}  // namespace btfs::net
