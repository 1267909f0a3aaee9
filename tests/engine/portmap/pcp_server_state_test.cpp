#include "engine/portmap/pcp_server_state.hpp"

#include <gtest/gtest.h>

namespace btfs::portmap {
namespace {

const TimePoint kBegin = TimePoint{} + 1000h;

TEST(PcpEpochTest, AServerThatGoesOnHasItsState) {
    PcpEpoch epoch;
    EXPECT_TRUE(epoch.handle_reply(500, kBegin)) << "the first says nothing";
    EXPECT_TRUE(epoch.handle_reply(500, kBegin));
    EXPECT_TRUE(epoch.handle_reply(1400, kBegin + 900s));
    EXPECT_TRUE(epoch.handle_reply(1399, kBegin + 900s)) << "a reply that was overtaken";
}

TEST(PcpEpochTest, AServerThatRestartedHasLostIt) {
    PcpEpoch epoch;
    epoch.handle_reply(5000, kBegin);
    EXPECT_FALSE(epoch.handle_reply(10, kBegin + 900s));
    EXPECT_TRUE(epoch.handle_reply(20, kBegin + 910s)) << "which is told once";
}

TEST(PcpEpochTest, AServerThatIsOlderThanBeforeByTooLittleHasLostIt) {
    PcpEpoch epoch;
    epoch.handle_reply(10, kBegin);
    // Down for a long time, and up for longer than it was then.
    EXPECT_FALSE(epoch.handle_reply(60, kBegin + 1h));
}

TEST(PcpEpochTest, ClocksMayDifferByOneIn16) {
    for (const int theirs : {3600 - 3600 / 16 - 2, 3600, 3600 + 3600 / 16}) {
        PcpEpoch epoch;
        epoch.handle_reply(100, kBegin);
        EXPECT_TRUE(epoch.handle_reply(static_cast<std::uint32_t>(100 + theirs), kBegin + 1h)) << theirs;
    }
    for (const int theirs : {3600 - 3600 / 16 - 5, 3600 + 3600 / 8}) {
        PcpEpoch epoch;
        epoch.handle_reply(100, kBegin);
        EXPECT_FALSE(epoch.handle_reply(static_cast<std::uint32_t>(100 + theirs), kBegin + 1h)) << theirs;
    }
}

TEST(PcpEpochTest, TakesAnyEpoch) {
    PcpEpoch epoch;
    EXPECT_TRUE(epoch.handle_reply(0xffffffff, kBegin));
    EXPECT_FALSE(epoch.handle_reply(0, kBegin));
    EXPECT_FALSE(epoch.handle_reply(0xffffffff, kBegin + 1s));
}

class PcpServerStateTest : public testing::Test {
  protected:
    PcpReply reply(std::uint32_t epoch_s, PcpResult result = PcpResult::success) {
        return {.result = result, .epoch_s = epoch_s, .mapping = {}};
    }

    std::uint8_t secrets_made = 0;
    PcpServerState state{[this](std::span<std::byte> out) {
        ++secrets_made;
        for (std::byte& b : out) b = std::byte{secrets_made};
    }};
};

TEST_F(PcpServerStateTest, EachMappingHasANonceThatStays) {
    const PcpNonce tcp = state.nonce(Transport::tcp, 6881);
    const PcpNonce udp = state.nonce(Transport::udp, 6881);
    EXPECT_NE(tcp, udp);
    EXPECT_EQ(state.nonce(Transport::tcp, 6881), tcp);
    EXPECT_EQ(state.nonce(Transport::udp, 6881), udp);
    EXPECT_EQ(secrets_made, 2);
}

TEST_F(PcpServerStateTest, AnotherServerLearnsNothingOfTheLast) {
    const PcpNonce before = state.nonce(Transport::tcp, 6881);
    state.handle_reply(reply(5000), kBegin);
    state.reset();
    EXPECT_NE(state.nonce(Transport::tcp, 6881), before);
    state.handle_reply(reply(3), kBegin + 1s);
    EXPECT_FALSE(state.take_loss());
}

TEST_F(PcpServerStateTest, ALossIsToldOnce) {
    state.handle_reply(reply(5000), kBegin);
    EXPECT_FALSE(state.take_loss());
    state.handle_reply(reply(3), kBegin + 1s);
    state.handle_reply(reply(4), kBegin + 2s);
    EXPECT_TRUE(state.take_loss());
    EXPECT_FALSE(state.take_loss());
}

/// So a loss that the first mapping of a round shows must not cause another round: it would never end.
TEST_F(PcpServerStateTest, AnEpochThatStandsStillIsALossAtTheFirstReplyOfEachRoundAlone) {
    TimePoint at = kBegin;
    state.handle_reply(reply(5000), at);
    for (int round = 0; round < 3; ++round) {
        at += 10s;
        state.handle_reply(reply(5000), at);
        EXPECT_TRUE(state.take_loss());
        state.handle_reply(reply(5000), at + std::chrono::milliseconds(20));
        EXPECT_FALSE(state.take_loss());
    }
}

TEST_F(PcpServerStateTest, AServerThatDoesNotKnowTheVersionTellsNoEpoch) {
    state.handle_reply(reply(5000), kBegin);
    state.handle_reply(reply(0, PcpResult::unsupported_version), kBegin + 1s);
    EXPECT_FALSE(state.take_loss());
}

}  // namespace
}  // namespace btfs::portmap
