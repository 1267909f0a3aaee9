#include "engine/net/datagram_socket.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

namespace btfs::net {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

struct DatagramSocketTest : ::testing::Test {
    asio::io_context io;
    const udp::endpoint loopback{asio::ip::make_address("127.0.0.1"), 0};
    udp::socket peer{io, loopback};
    std::size_t turns = 0, came = 0, most_at_a_time = 64;
    DatagramSocket socket{udp::socket(io, loopback), [this] { return take_turn(); }};

    DatagramSocket::Turn take_turn() {
        ++turns;
        DatagramSocket::Turn turn;
        for (std::size_t i = 0; i < most_at_a_time; ++i) {
            std::array<char, 100> buffer;
            turn.drained = recv(socket.handle(), buffer.data(), buffer.size(), MSG_DONTWAIT) < 0;
            if (turn.drained) return turn;
            turn.any = true;
            ++came;
        }
        return turn;
    }
    void send(int count = 1) {
        for (int i = 0; i < count; ++i)
            peer.send_to(asio::buffer("datagram", 8), udp::endpoint(loopback.address(), socket.port()));
    }
    void run_until(std::size_t total) {
        for (int i = 0; i < 1000 && came < total; ++i) io.run_one_for(10ms);
        EXPECT_EQ(came, total);
    }
    /// From here on they flow.
    void begin_to_flow() {
        while (turns < 10) {
            send();
            io.run_one_for(10ms);
        }
        turns = 0;
        came = 0;
    }
};

TEST_F(DatagramSocketTest, OneDatagramIsReadAtOnce) {
    for (int i = 0; i < 3; ++i) {
        send();
        const TimePoint began = Clock::now();
        run_until(static_cast<std::size_t>(i) + 1);
        EXPECT_EQ(turns, static_cast<std::size_t>(i) + 1);
        EXPECT_LT(Clock::now() - began, 500ms);
        io.run_for(DatagramSocket::kFlowing + 1ms);
    }
}

TEST_F(DatagramSocketTest, WhatFlowsIsReadTogetherAndWakesNobodyMeanwhile) {
    begin_to_flow();
    std::size_t handlers = 0;
    const TimePoint end = Clock::now() + 100ms;
    std::size_t sent = 0;
    for (TimePoint next = Clock::now(); Clock::now() < end;) {
        if (Clock::now() >= next) {
            send();
            ++sent;
            next = Clock::now() + 50us;  // never more at once than the socket holds
        }
        handlers += io.poll_one();
    }
    EXPECT_GT(sent, 4 * turns);
    EXPECT_LE(turns, 101u);
    EXPECT_LE(handlers, turns + 1);
    run_until(sent);
}

TEST_F(DatagramSocketTest, ATurnThatDidNotReadAllIsFollowedByTheNext) {
    begin_to_flow();
    most_at_a_time = 2;
    send(200);
    const TimePoint began = Clock::now();
    run_until(200);
    EXPECT_GE(turns, 100u);
    EXPECT_LT(Clock::now() - began, 60ms) << "a rest after each turn would take 100 ms";
}

TEST_F(DatagramSocketTest, AFlowThatHasEndedLeavesNoTurnsBehind) {
    begin_to_flow();
    io.run_for(50ms);
    const std::size_t before = turns;
    io.run_for(50ms);
    EXPECT_EQ(turns, before);
    const std::size_t had = came;
    send();
    run_until(had + 1);
}

TEST_F(DatagramSocketTest, WhoWaitsToWriteIsToldWhetherOrNotDatagramsFlow) {
    int told = 0;
    const auto run_until_told = [&] {
        for (int i = 0; i < 100 && told == 0; ++i) io.run_one_for(10ms);
        EXPECT_EQ(std::exchange(told, 0), 1);
    };
    socket.when_writable([&] { ++told; });
    run_until_told();
    begin_to_flow();
    socket.when_writable([&] { ++told; });
    run_until_told();
    // It began to wait just before they flow.
    io.run_for(50ms);
    turns = 0;
    socket.when_writable([&] { socket.when_writable([&] { ++told; }); });
    begin_to_flow();
    run_until_told();
    // The flow ends, and somebody still waits.
    begin_to_flow();
    io.run_for(50ms);
    socket.when_writable([&] { ++told; });
    run_until_told();
}

TEST_F(DatagramSocketTest, ItMayEndWhileTheyFlow) {
    for (int i = 0; i < 3; ++i) {
        const int before = dup(0);
        ::close(before);
        {
            int taken = 0;
            DatagramSocket other(udp::socket(io, loopback), [&] {
                ++taken;
                return DatagramSocket::Turn{true, true};
            });
            for (int n = 0; n < 100 && taken < 5; ++n) {
                peer.send_to(asio::buffer("datagram", 8), udp::endpoint(loopback.address(), other.port()));
                io.run_one_for(10ms);
            }
        }
        io.poll();
        const int after = dup(0);
        ::close(after);
        EXPECT_EQ(after, before) << "a descriptor is left";
    }
}

}  // namespace
}  // namespace btfs::net
