#include "engine/net/connect_to_first.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>

#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;

// Addresses that never answer, refuse at once, and answer, at the same port.
constexpr const char* kSilentText = "127.0.0.2";
const Address kSilent = *Address::parse(kSilentText);
const Address kRefused = *Address::parse("127.0.0.3");
const Address kGood = *Address::parse("127.0.0.1");

struct Outcome {
    Error error;
    std::optional<Endpoint> remote;
};

asio::awaitable<Outcome> outcome_of(SocketFactory& sockets, std::vector<Address> addresses,
                                    std::uint16_t port, Duration patience) {
    const auto connected =
        co_await connect_to_first(sockets, std::move(addresses), port, Clock::now() + patience);
    if (!connected) co_return Outcome{connected.error(), {}};
    co_return Outcome{{}, Endpoint{connected->address, connected->socket.remote_endpoint().port()}};
}

struct ConnectToFirst : ::testing::Test {
    asio::io_context io;
    SocketFactory sockets{io};
    test::TcpServer server{
        [](asio::ip::tcp::socket& socket, const std::string&) { test::wait_for_close(socket); }};
    test::SilentServer silent{kSilentText, server.port()};
    Duration took{};

    Outcome connect(std::vector<Address> addresses, Duration patience = 5s) {
        const TimePoint begun = Clock::now();
        Outcome outcome = test::run(io, outcome_of(sockets, std::move(addresses), server.port(), patience));
        took = Clock::now() - begun;
        return outcome;
    }
    Endpoint good() const { return {kGood, server.port()}; }
};

TEST_F(ConnectToFirst, AnAddressThatRefusesCostsNothing) {
    EXPECT_EQ(connect({kRefused, kGood}).remote, good());
    EXPECT_LT(took, kConnectionAttemptDelay);
}

TEST_F(ConnectToFirst, AnAddressThatIsSilentCostsOneDelay) {
    EXPECT_EQ(connect({kSilent, kGood}).remote, good());
    EXPECT_GE(took, kConnectionAttemptDelay);
    EXPECT_LT(took, 4 * kConnectionAttemptDelay);
}

TEST_F(ConnectToFirst, TheFirstAddressIsNotHurried) {
    EXPECT_EQ(connect({kGood, kSilent}).remote, good());
    EXPECT_LT(took, kConnectionAttemptDelay);
}

TEST_F(ConnectToFirst, WithoutAnAnswerTheLastErrorIsTold) {
    EXPECT_EQ(connect({kRefused, kRefused}).error.value(), ECONNREFUSED);
    EXPECT_LT(took, kConnectionAttemptDelay);
    EXPECT_EQ(connect({}).error, Errc::name_not_found);
    EXPECT_EQ(connect({kSilent, kRefused}, 600ms).error, Errc::timed_out);
}

TEST_F(ConnectToFirst, CanBeCancelled) {
    asio::cancellation_signal cancel;
    std::optional<Outcome> outcome;
    asio::co_spawn(io, outcome_of(sockets, {kSilent, kSilent, kSilent}, server.port(), 5s),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr, Outcome ended) {
                       outcome = ended;
                       io.stop();
                   }));
    asio::steady_timer timer(io, 300ms);
    timer.async_wait([&](boost::system::error_code) { cancel.emit(asio::cancellation_type::terminal); });
    io.run();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->error, Errc::cancelled);
}

}  // namespace
}  // namespace btfs::net
