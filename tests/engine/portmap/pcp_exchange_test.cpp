#include "engine/portmap/pcp_exchange.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs::portmap {
namespace {

const TimePoint kStart = TimePoint{} + 1000h;

PcpRequest announce() {
    return {.client = *Address::parse("192.168.1.7"), .mapping = {}};
}

/// A reply to an ANNOUNCE, with that result.
Bytes announce_reply(PcpResult result) {
    Bytes reply;
    ByteWriter(reply).u8(2).u8(0x80).u8(0).u8(static_cast<std::uint8_t>(result)).u32(0).u32(5).u64(0).u32(0);
    return reply;
}

/// Runs an exchange that nobody answers. Returns the times of its datagrams.
std::vector<Duration> times_sent(PcpExchange& exchange) {
    std::vector<Duration> times;
    for (TimePoint time = kStart; !exchange.outcome(time); time = exchange.wake_at()) {
        if (exchange.poll_send(time)) times.push_back(time - kStart);
        EXPECT_FALSE(exchange.poll_send(time)) << "sent twice at one time";
        EXPECT_GT(exchange.wake_at(), time);
    }
    return times;
}

TEST(PcpExchangeTest, AsksAgainAtGrowingIntervalsAndGivesUp) {
    PcpExchange exchange(announce(), kStart, 7);
    const std::vector<Duration> times = times_sent(exchange);
    ASSERT_EQ(times.size(), 4u) << "at 0, 0.25, 0.75 and 1.75 s, more or less";
    EXPECT_EQ(times[0], Duration::zero());
    Duration before = times[1];
    EXPECT_GE(before, PcpExchange::kFirstInterval * 9 / 10);
    EXPECT_LE(before, PcpExchange::kFirstInterval * 11 / 10);
    for (std::size_t i = 2; i < times.size(); ++i) {
        const Duration interval = times[i] - times[i - 1];
        EXPECT_GE(interval, before * 18 / 10);
        EXPECT_LE(interval, before * 22 / 10);
        before = interval;
    }
    const auto outcome = exchange.outcome(kStart + PcpExchange::kPatience);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->error(), Errc::timed_out);
    EXPECT_FALSE(exchange.outcome(kStart + PcpExchange::kPatience - Duration(1)));
}

TEST(PcpExchangeTest, TwoClientsDoNotAskInStep) {
    PcpExchange one(announce(), kStart, 1), other(announce(), kStart, 2);
    EXPECT_NE(times_sent(one)[1], times_sent(other)[1]);
}

TEST(PcpExchangeTest, EndsWithTheFirstReplyToItsRequest) {
    PcpExchange exchange(announce(), kStart, 7);
    ASSERT_TRUE(exchange.poll_send(kStart));
    exchange.handle_datagram({});
    exchange.handle_datagram(announce().encoded());
    EXPECT_FALSE(exchange.outcome(kStart));
    exchange.handle_datagram(announce_reply(PcpResult::success));
    exchange.handle_datagram(announce_reply(PcpResult::not_authorized));
    const auto outcome = exchange.outcome(kStart);
    ASSERT_TRUE(outcome && *outcome);
    EXPECT_EQ((*outcome)->result, PcpResult::success);
    EXPECT_FALSE(exchange.poll_send(kStart + 1s)) << "it was answered";
}

TEST(PcpExchangeTest, AReplyThatComesLateCounts) {
    PcpExchange exchange(announce(), kStart, 7);
    times_sent(exchange);
    exchange.handle_datagram(announce_reply(PcpResult::success));
    EXPECT_TRUE(*exchange.outcome(kStart + 1h));
}

}  // namespace
}  // namespace btfs::portmap
