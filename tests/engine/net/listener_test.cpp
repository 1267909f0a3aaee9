#include "engine/net/listener.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "engine/wire/handshake.hpp"
#include "tests/engine/net/support/loopback.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct ListenerTest : ::testing::Test {
    asio::io_context io;
    SocketFactory sockets{io};
    std::vector<std::unique_ptr<Stream>> routed;
    std::optional<Listener> listener;
    std::vector<tcp::socket> peers;

    void open(const Listener::Limits& limits) {
        listener.emplace(
            sockets,
            [this](const Sha1Digest&, std::unique_ptr<Stream> stream, ByteView) {
                routed.push_back(std::move(stream));
            },
            limits);
        ASSERT_TRUE(listener->open(0));
    }

    /// Connects from an address of 127/8, and waits until the listener has accepted.
    tcp::socket& connect(const std::string& from) {
        tcp::socket socket(io);
        socket.open(tcp::v4());
        socket.bind(tcp::endpoint(asio::ip::make_address(from), 0));
        socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), listener->port()));
        peers.push_back(std::move(socket));
        io.restart();
        for (int i = 0; i < 100 && io.run_one_for(50ms) == 0; ++i) {}
        io.poll();
        return peers.back();
    }

    static std::string greeting() {
        return std::string("\x13") + "BitTorrent protocol" + std::string(8, '\0') + std::string(20, 'h');
    }

    /// Returns true if the listener has closed that connection.
    bool closed(std::size_t peer) {
        io.poll();
        peers[peer].non_blocking(true);
        char byte;
        boost::system::error_code error;
        peers[peer].read_some(asio::buffer(&byte, 1), error);
        return error != asio::error::would_block;
    }
};

TEST_F(ListenerTest, AHostThatOnlyWaitsKeepsNobodyOut) {
    open({.pending = 4, .pending_of_host = 4, .patience = 10s});
    for (int i = 0; i < 8; ++i) connect("127.0.0.2");
    EXPECT_EQ(listener->pending(), 4u);
    connect("127.0.0.3");
    EXPECT_EQ(listener->pending(), 4u);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(closed(i)) << i;
    for (std::size_t i = 5; i < 9; ++i) EXPECT_FALSE(closed(i)) << i;
    asio::write(peers.back(), asio::buffer(greeting()));
    for (int i = 0; i < 100 && routed.empty(); ++i) io.run_one_for(100ms);
    ASSERT_EQ(routed.size(), 1u);
    EXPECT_EQ(routed[0]->remote().address.text(), "127.0.0.3");
    EXPECT_EQ(listener->pending(), 3u);
}

TEST_F(ListenerTest, OneHostHasAShareThoughThereIsRoom) {
    open({.pending = 100, .pending_of_host = 2, .patience = 10s});
    for (int i = 0; i < 5; ++i) connect("127.0.0.2");
    EXPECT_EQ(listener->pending(), 2u);
}

TEST_F(ListenerTest, APeerThatDribblesItsGreetingIsClosedInTime) {
    open({.pending = 100, .pending_of_host = 2, .patience = 200ms});
    const TimePoint begun = Clock::now();
    tcp::socket& peer = connect("127.0.0.2");
    const std::string hello = greeting();
    std::size_t sent = 0;
    while (listener->pending() > 0 && sent < hello.size()) {
        boost::system::error_code ignored;
        asio::write(peer, asio::buffer(hello.data() + sent++, 1), ignored);
        io.run_for(20ms);
    }
    EXPECT_EQ(listener->pending(), 0u);
    EXPECT_TRUE(routed.empty());
    EXPECT_LT(sent, hello.size());
    EXPECT_GE(Clock::now() - begun, 200ms);
}

}  // namespace
}  // namespace btfs::net
