#include "engine/net/udp_mux.hpp"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include "engine/core/time.hpp"

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

struct UdpMuxTest : testing::Test {
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
        return
            [this, name](ByteView datagram) { heard.push_back(name + ":" + std::string(as_text(datagram))); };
    }
    void send(udp::socket& from, std::string_view text) {
        from.send_to(asio::buffer(text), udp::endpoint(asio::ip::make_address("127.0.0.1"), mux.port()));
    }
};

TEST_F(UdpMuxTest, ADatagramGoesToThoseWhoListenToItsSender) {
    const auto first = mux.subscribe(at(one), hear("first"));
    mux.subscribe(at(one), hear("second"));
    mux.subscribe(at(other), hear("third"));
    send(one, "hello");
    io.run_one_for(1s);
    EXPECT_EQ(heard, (std::vector<std::string>{"first:hello", "second:hello"}));
    heard.clear();
    mux.unsubscribe(first);
    mux.unsubscribe(first);
    send(one, "again");
    io.run_one_for(1s);
    EXPECT_EQ(heard, (std::vector<std::string>{"second:again"}));
}

TEST_F(UdpMuxTest, WhatBeginsADictionaryIsTheDhts) {
    std::size_t krpc = 0;
    mux.receive_krpc([&](const Endpoint& from, ByteView) { krpc += from == at(one) ? 1 : 0; });
    mux.subscribe(at(one), hear("first"));
    send(one, "d1:ye");
    io.run_one_for(1s);
    EXPECT_EQ(krpc, 1u);
    EXPECT_TRUE(heard.empty());
}

TEST_F(UdpMuxTest, AFloodLeavesTurnsToOthers) {
    mux.subscribe(at(one), hear("flood"));
    for (int i = 0; i < 150; ++i) send(one, "x");
    io.run_one_for(1s);
    EXPECT_EQ(heard.size(), static_cast<std::size_t>(UdpMux::kDatagramsPerTurn));
    for (int i = 0; i < 10 && heard.size() < 150; ++i) io.run_one_for(100ms);
    EXPECT_EQ(heard.size(), 150u);
}

}  // namespace
}  // namespace btfs::net
