#include "engine/net/udp_mux.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "engine/core/time.hpp"
#include "engine/utp/packet.hpp"
#include "tests/engine/net/support/slow_neighbour.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

struct UdpMuxTest : ::testing::Test {
    asio::io_context io;
    SocketFactory sockets{io};
    UdpMux mux{sockets};
    udp::socket one{io, udp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
    udp::socket other{io, udp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
    std::vector<std::string> heard;

    void SetUp() override { mux.open(0); }
    static Endpoint at(const udp::socket& socket) {
        return {*Address::parse("127.0.0.1"), socket.local_endpoint().port()};
    }
    UdpMux::Receive hear(const std::string& name) {
        return [this, name](ByteView datagram) {
            heard.push_back(name + ":" + std::string(as_text(datagram.subspan(8))));
        };
    }
    /// A tracker's: its action comes before the transaction.
    void reply(udp::socket& from, std::uint32_t transaction, std::string_view text) {
        Bytes datagram;
        ByteWriter(datagram).u32(1).u32(transaction).text(text);
        send(from, as_text(datagram));
    }
    /// Sends to another address of this machine than that from which the kernel would answer. Returns what
    /// comes back from there, and nothing if it comes from elsewhere.
    std::string answer_at_another_address(std::string_view text) {
        one.connect(udp::endpoint(asio::ip::make_address("127.0.0.5"), mux.port()));
        one.send(asio::buffer(text));
        std::array<char, 100> buffer;
        std::string answer;
        one.async_receive(asio::buffer(buffer), [&](boost::system::error_code error, std::size_t size) {
            if (!error) answer.assign(buffer.data(), size);
        });
        for (int i = 0; i < 10 && answer.empty(); ++i) io.run_one_for(50ms);
        one.cancel();
        io.run_for(1ms);
        return answer;
    }
    void send(udp::socket& from, std::string_view text) {
        from.send_to(asio::buffer(text), udp::endpoint(asio::ip::make_address("127.0.0.1"), mux.port()));
    }
};

TEST_F(UdpMuxTest, AReplyGoesToTheOneWhoseTransactionItNames) {
    const auto first = mux.subscribe(at(one), 1, hear("first"));
    mux.subscribe(at(one), 2, hear("second"));
    mux.subscribe(at(other), 1, hear("third"));
    reply(one, 1, "hello");
    io.run_one_for(1s);
    EXPECT_EQ(heard, (std::vector<std::string>{"first:hello"}));
    heard.clear();
    mux.unsubscribe(first);
    mux.unsubscribe(first);
    reply(one, 1, "again");
    reply(one, 3, "unknown");
    send(one, "short");
    reply(one, 2, "hello");
    for (int i = 0; i < 10 && heard.empty(); ++i) io.run_one_for(100ms);
    EXPECT_EQ(heard, (std::vector<std::string>{"second:hello"}));
}

TEST_F(UdpMuxTest, AReceiverMayUnsubscribeItself) {
    UdpMux::Subscription own = 0;
    own = mux.subscribe(at(one), 1, [&](ByteView) {
        mux.unsubscribe(own);
        heard.emplace_back("once");
    });
    mux.subscribe(at(one), 1, hear("next"));
    reply(one, 1, "");
    reply(one, 1, "");
    for (int i = 0; i < 10 && heard.size() < 2; ++i) io.run_one_for(100ms);
    EXPECT_EQ(heard, (std::vector<std::string>{"once", "next:"}));
}

TEST_F(UdpMuxTest, WhatBeginsADictionaryIsTheDhts) {
    std::size_t krpc = 0;
    mux.receive_krpc([&](const ReceivedDatagram& datagram) { krpc += datagram.from == at(one) ? 1 : 0; });
    mux.subscribe(at(one), load_big_endian<std::uint32_t>(as_bytes("peer").data()), hear("first"));
    send(one, "d1:ypeer:e");
    io.run_one_for(1s);
    EXPECT_EQ(krpc, 1u);
    EXPECT_TRUE(heard.empty());
}

TEST_F(UdpMuxTest, AnAnswerMayLeaveFromTheAddressThatWasAsked) {
    mux.receive_krpc([&](const ReceivedDatagram& asked) {
        EXPECT_EQ(asked.to, *Address::parse("127.0.0.5"));
        EXPECT_FALSE(mux.send(asked.from, as_bytes("answer"), asked.to));
    });
    EXPECT_EQ(answer_at_another_address("d1:ypeer:e"), "answer");
}

TEST_F(UdpMuxTest, ARefusalLeavesFromTheAddressThatWasDialled) {
    utp::PacketHeader syn;
    syn.type = utp::PacketType::syn;
    const auto refusal = utp::PacketHeader::parse(as_bytes(answer_at_another_address(as_text(syn.encode()))));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->type, utp::PacketType::reset);
}

struct CountsWritable final : UtpReceiver {
    void on_utp(const ReceivedDatagram&) override {}
    void on_turn_ended() override {}
    void on_writable() override { ++count; }
    void on_unreachable(const Endpoint&) override {}
    int count = 0;
};

TEST_F(UdpMuxTest, UtpIsToldOnceAFullSocketHasRoomAgain) {
    const bool ran = test::SlowNeighbour::run([&](test::SlowNeighbour& neighbour) {
        UdpMux sends(sockets);  // with sockets of the thread's network
        sends.open(0);
        CountsWritable utp;
        sends.receive_utp(&utp);
        const Bytes packet(1400);
        std::size_t sent = 0;
        for (; sends.utp_has_room() && sent < 100'000; sent += 64) {
            for (std::uint16_t i = 0; i < 64; ++i)
                sends.send_utp(neighbour.at(1 + i), packet, Cutting::allowed, {});
            sends.flush_utp();
        }
        EXPECT_FALSE(sends.utp_has_room());
        io.run_for(20ms);
        EXPECT_EQ(utp.count, 0);
        std::size_t arrived = neighbour.arrived().size();
        EXPECT_EQ(arrived, 0u);
        neighbour.answer();
        for (int i = 0; i < 100 && (utp.count == 0 || arrived < sent); ++i) {
            io.run_one_for(10ms);
            arrived += neighbour.arrived().size();
        }
        EXPECT_EQ(utp.count, 1);
        EXPECT_TRUE(sends.utp_has_room());
        sends.receive_utp(nullptr);
    });
    if (!ran) GTEST_SKIP() << "a network of its own needs root and /dev/net/tun";
}

TEST_F(UdpMuxTest, AFloodLeavesTurnsToOthers) {
    mux.subscribe(at(one), 1, hear("flood"));
    for (int i = 0; i < 150; ++i) reply(one, 1, "x");
    io.run_one_for(1s);
    EXPECT_EQ(heard.size(), static_cast<std::size_t>(UdpMux::kDatagramsPerTurn));
    for (int i = 0; i < 10 && heard.size() < 150; ++i) io.run_one_for(100ms);
    EXPECT_EQ(heard.size(), 150u);
}

}  // namespace
}  // namespace btfs::net
