// Rates and correctness of transfers over simulated lines.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "tests/engine/utp/support/virtual_link.hpp"

namespace btfs::utp {
namespace {

/// Sends so many bytes from A to B; returns bytes a second, 0 if they did not all come in the time.
double transfer(World& world, std::uint64_t bytes, Duration most) {
    Pair pair(world);
    pair.from.to_send = bytes;
    const TimePoint began = world.now;
    const bool done = world.run(most, [&] { return pair.to.received == bytes; });
    EXPECT_TRUE(done) << pair.to.received << " of " << bytes;
    EXPECT_FALSE(pair.to.wrong);
    const double rate = static_cast<double>(bytes) / seconds(world.now - began);
    const CongestionWindow& window = pair.from.connection->congestion_window();
    std::printf("    %.0f kB/s, %.2f s, %lu lost, sent %.3f of content, window %zu\n", rate / 1000,
                seconds(world.now - began), world.lost,
                static_cast<double>(world.a.bytes_sent) / static_cast<double>(bytes), window.bytes());
    return done ? rate : 0;
}

TEST(UtpTransfer, ArrivesWholeAndInOrder) {
    World world;
    EXPECT_GT(transfer(world, 1'000'000, 10s), 0);
}

TEST(UtpTransfer, FillsALineOf20Megabits) {
    World world(1, {.rate = 2.5e6, .delay = 30ms, .queue = 300'000});
    EXPECT_GT(transfer(world, 50'000'000, 60s), 0.88 * 2.5e6);
}

TEST(UtpTransfer, FillsALineWithAShortQueue) {
    World world(1, {.rate = 2.5e6, .delay = 30ms, .queue = 64'000});
    EXPECT_GT(transfer(world, 50'000'000, 60s), 0.80 * 2.5e6);
}

TEST(UtpTransfer, FillsALongFatLine) {
    World world(1, {.rate = 12.5e6, .delay = 50ms, .queue = 2'000'000});
    EXPECT_GT(transfer(world, 100'000'000, 60s), 0.6 * 12.5e6);
}

TEST(UtpTransfer, OfTheFirst64KiBTakesFewRoundTrips) {
    World world(1, {.rate = 2.5e6, .delay = 30ms, .queue = 300'000});
    Pair pair(world);
    pair.from.to_send = 65536;
    const TimePoint began = world.now;
    ASSERT_TRUE(world.run(10s, [&] { return pair.to.received == 65536; }));
    EXPECT_LT(seconds(world.now - began), 0.30);
}

TEST(UtpTransfer, LosingOnePacketInAHundredGoesOn) {
    World world(1, {.rate = 12.5e6, .delay = 20ms, .queue = 1'000'000, .loss = 0.01});
    EXPECT_GT(transfer(world, 20'000'000, 60s), 1.0e6);
}

TEST(UtpTransfer, SurvivesLossDuplicationAndReorderingOfEverySeed) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        World world(seed, {.rate = 2e6,
                           .delay = 15ms,
                           .queue = 100'000,
                           .loss = 0.05,
                           .duplicate = 0.05,
                           .reorder = 0.1,
                           .late_by = 20ms});
        EXPECT_GT(transfer(world, 500'000, 60s), 30'000) << "seed " << seed;
    }
}

TEST(UtpTransfer, ReorderingAloneIsNoLoss) {
    World world(1, {.rate = 5e6, .delay = 20ms, .queue = 500'000, .reorder = 0.2, .late_by = 8ms});
    EXPECT_GT(transfer(world, 20'000'000, 60s), 0.7 * 5e6);
    EXPECT_LT(world.a.bytes_sent, 1.1 * 20'000'000);
}

TEST(UtpTransfer, KeepsTheQueueNearItsTarget) {
    World world(1, {.rate = 1e6, .delay = 20ms, .queue = 2'000'000});
    Pair pair(world);
    pair.from.to_send = 100'000'000;
    world.run(30s);
    Duration longest{};
    world.run(20s, [&] {
        longest = std::max(longest, pair.from.connection->round_trip().latest());
        return false;
    });
    EXPECT_LT(longest, 40ms + 160ms);
    EXPECT_GT(longest, 40ms + 40ms);
}

TEST(UtpTransfer, ClocksThatDriftDoNotStarveIt) {
    for (const double speed : {1.0002, 0.9998}) {
        World world(1, {.rate = 1e6, .delay = 20ms, .queue = 2'000'000});
        world.b.clock_speed = speed;
        EXPECT_GT(transfer(world, 300'000'000, 600s), 0.85e6) << speed;
    }
}

TEST(UtpTransfer, BothWaysAtOnce) {
    World world(1, {.rate = 2e6, .delay = 10ms, .queue = 200'000, .loss = 0.005});
    Pair pair(world);
    pair.from.to_send = pair.to.to_send = 3'000'000;
    EXPECT_TRUE(
        world.run(30s, [&] { return pair.to.received == 3'000'000 && pair.from.received == 3'000'000; }));
    EXPECT_FALSE(pair.to.wrong || pair.from.wrong);
}

/// A packet of the stream that B receives is lost again and again, for some seconds.
struct UtpSilence : ::testing::Test {
    World world{1, {.rate = 2.5e6, .delay = 30ms}};
    Pair pair{world};
    std::optional<std::uint16_t> missing;
    std::vector<TimePoint> content_left;  ///< by B, since it is missing

    void lose_a_packet() {
        pair.from.send_more(200'000);
        ASSERT_TRUE(world.run(5s, [&] { return pair.to.received > 50'000; }));
        world.a.tap = [&](const Packet& packet, std::size_t) {
            if (packet.header.type != PacketType::data) return true;
            if (!missing) missing = packet.header.sequence_number;
            return packet.header.sequence_number != *missing;
        };
        world.b.tap = [&](const Packet& packet, std::size_t) {
            if (packet.header.type == PacketType::data) content_left.push_back(world.now);
            return true;
        };
    }
    void send_from_b(std::uint64_t bytes, Duration every, Duration during) {
        for (const TimePoint end = world.now + during; world.now < end;) {
            pair.to.send_more(bytes);
            world.run(every);
        }
    }
};

TEST_F(UtpSilence, SmallContentLeavesTheSenderTimeForItsTimeOut) {
    lose_a_packet();
    const TimePoint began = world.now;
    send_from_b(9, 300ms, 6s);
    EXPECT_GE(content_left.size(), 3u);
    EXPECT_LE(content_left.size(), 7u) << "of 20 that were written";
    for (std::size_t i = 1; i < content_left.size(); ++i)
        if (content_left[i - 1] > began + 500ms) {
            EXPECT_GE(content_left[i] - content_left[i - 1], Connection::kSilence);
        }
    // When the packet has come, what waits leaves at once.
    pair.to.send_more(9);
    world.a.tap = [](const Packet&, std::size_t) { return true; };
    ASSERT_TRUE(world.run(20s, [&] { return pair.to.received == 200'000; }));
    EXPECT_TRUE(world.run(100ms, [&] { return pair.from.received == pair.to.to_send; }));
    EXPECT_FALSE(pair.from.wrong || pair.to.wrong);
}

TEST_F(UtpSilence, MuchContentDoesNotWait) {
    lose_a_packet();
    world.run(1s);
    pair.to.send_more(100'000);
    EXPECT_TRUE(world.run(2s, [&] { return pair.from.received > 90'000; }));
}

}  // namespace
}  // namespace btfs::utp
