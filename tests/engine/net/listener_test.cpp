#include "engine/net/listener.hpp"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "engine/wire/handshake.hpp"
#include "tests/engine/net/support/loopback.hpp"
#include "tests/engine/net/support/scripted_stream.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct ListenerTest : ::testing::Test {
    asio::io_context io;
    SocketFactory sockets{io};
    std::vector<Listener::Arrival> routed;
    std::optional<Listener> listener;
    std::vector<tcp::socket> peers;

    void open(const Listener::Limits& limits, Encryption rule = Encryption::allow) {
        listener.emplace(
            sockets, [this](Listener::Arrival arrival) { routed.push_back(std::move(arrival)); },
            Listener::Rules{rule, knows(sha1(as_bytes("here")))}, limits);
        ASSERT_TRUE(listener->open(0));
    }

    static mse::FindTorrent knows(const Sha1Digest& hash) {
        return [hash](const Sha1Digest& name) {
            return name == mse::obfuscated(hash) ? std::optional(hash) : std::nullopt;
        };
    }

    /// Connects from an address of 127/8, and waits until the listener has accepted.
    tcp::socket& connect(const std::string& from) {
        tcp::socket socket(io);
        socket.open(tcp::v4());
        socket.bind(tcp::endpoint(asio::ip::make_address(from), 0));
        socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), listener->port()));
        peers.push_back(std::move(socket));
        io.restart();
        for (int i = 0; i < 100 && io.run_one_for(50ms) == 0; ++i) {
        }
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
    EXPECT_EQ(routed[0].stream->remote().address.text(), "127.0.0.3");
    EXPECT_EQ(listener->pending(), 3u);
}

TEST_F(ListenerTest, AnAddressThatIsRefusedIsClosedUnread) {
    open({.pending = 4, .pending_of_host = 4, .patience = 10s});
    listener->set_refusal([](const Address& from) { return from.text() == "127.0.0.2"; });
    connect("127.0.0.2");
    EXPECT_EQ(listener->pending(), 0u);
    EXPECT_TRUE(closed(0));
    connect("127.0.0.3");
    EXPECT_EQ(listener->pending(), 1u);
    EXPECT_FALSE(closed(1));
}

TEST_F(ListenerTest, OneThatHasNotGreetedYetIsClosedWhenItsAddressIsRefusedNow) {
    open({.pending = 4, .pending_of_host = 4, .patience = 10s});
    std::string refused;
    listener->set_refusal([&](const Address& from) { return from.text() == refused; });
    connect("127.0.0.2");
    connect("127.0.0.3");
    refused = "127.0.0.2";
    listener->drop_refused();
    EXPECT_EQ(listener->pending(), 1u);
    EXPECT_TRUE(closed(0));
    EXPECT_FALSE(closed(1));
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

/// A peer that dials with encryption.
struct EncryptedPeer {
    EncryptedPeer(ListenerTest& listener_test, tcp::socket& connection, mse::Methods offered)
        : test(listener_test),
          socket(connection),
          side({sha1(as_bytes("here")), offered, Bytes(68, std::byte{'h'})}) {
        socket.non_blocking(true);
    }
    /// False if the listener hung up, or does not answer.
    bool shake_hands() {
        for (int i = 0; i < 200; ++i) {
            boost::system::error_code error;
            const Bytes out = side.take_output();
            asio::write(socket, asio::buffer(out.data(), out.size()), error);
            test.io.restart();
            test.io.run_for(5ms);
            std::array<std::byte, 2048> in;
            const std::size_t n = socket.read_some(asio::buffer(in), error);
            if (error == asio::error::would_block) continue;
            if (error) return false;
            const auto progress = side.handle_bytes(ByteView(in).first(n));
            if (!progress) return false;
            if (*progress == mse::Progress::done) return true;
        }
        return false;
    }
    ListenerTest& test;
    tcp::socket& socket;
    mse::Initiator side;
};

TEST_F(ListenerTest, AnEncryptedConnectionArrivesDecipheredWithItsTorrent) {
    for (const mse::Methods offered : {mse::Methods{mse::kRc4}, mse::Methods{mse::kPlaintext}}) {
        open({});
        EncryptedPeer peer(*this, connect("127.0.0.2"), offered);
        ASSERT_TRUE(peer.shake_hands());
        ASSERT_EQ(routed.size(), 1u);
        EXPECT_EQ(listener->pending(), 0u);
        Listener::Arrival arrival = std::move(routed.front());
        routed.clear();
        EXPECT_EQ(arrival.info_hash, sha1(as_bytes("here")));
        EXPECT_TRUE(arrival.encrypted);
        EXPECT_EQ(arrival.received, Bytes(68, std::byte{'h'}));

        mse::Agreement agreement = peer.side.take_agreement();
        ASSERT_EQ(agreement.ciphers.has_value(), offered == mse::kRc4);
        std::string text = "content";
        const iovec from{text.data(), text.size()};
        ASSERT_EQ(*arrival.stream->write({&from, 1}), text.size());
        Bytes got(text.size());
        peer.socket.non_blocking(false);
        asio::read(peer.socket, asio::buffer(got.data(), got.size()));
        if (agreement.ciphers) agreement.ciphers->incoming.apply(got);
        EXPECT_EQ(as_text(got), text);
        peers.clear();
    }
}

TEST_F(ListenerTest, TheRuleDecidesWhichKindComesIn) {
    for (const Encryption rule : {Encryption::off, Encryption::require}) {
        open({}, rule);
        EncryptedPeer encrypted(*this, connect("127.0.0.2"), mse::kRc4);
        EXPECT_EQ(encrypted.shake_hands(), rule == Encryption::require);
        asio::write(connect("127.0.0.3"), asio::buffer(greeting()));
        for (int i = 0; i < 100 && listener->pending() > 0; ++i) io.run_one_for(100ms);
        EXPECT_EQ(listener->pending(), 0u);
        EXPECT_EQ(closed(1), rule == Encryption::require);
        ASSERT_EQ(routed.size(), 1u);
        EXPECT_EQ(routed[0].encrypted, rule == Encryption::require);
        routed.clear();
        peers.clear();
    }
}

TEST_F(ListenerTest, TakesConnectionsOfOtherTransports) {
    open({});
    test::Script script;
    listener->take(std::make_unique<test::ScriptedStream>(script));
    EXPECT_EQ(listener->pending(), 1u);
    ByteWriter(script.incoming).text(greeting());
    script.now_readable();
    EXPECT_EQ(listener->pending(), 0u);
    ASSERT_EQ(routed.size(), 1u);
    EXPECT_EQ(routed[0].received.size(), greeting().size());
}

}  // namespace
}  // namespace btfs::net
