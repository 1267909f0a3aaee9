// Models of libutp: of its sender, whose rate depends on how we acknowledge, and of the acknowledgements of
// its receiver.
#include <gtest/gtest.h>

#include "tests/engine/utp/support/libutp_sender.hpp"

namespace btfs::utp {
namespace {

struct Outcome {
    double rate = 0;  ///< bytes a second
    int timeouts = 0;
};

Outcome receive_from_libutp(LinkOptions there, std::uint64_t bytes, std::uint64_t seed = 1) {
    World world(seed, there);
    App app;
    world.b.connections.set_accept([&](Connection& c) { app.use(c); });
    LibutpSender sender(world, bytes);
    // Datagrams for A go to the model.
    world.b.tap = [&](const Packet& p, std::size_t) {
        if (world.rng.fraction() < there.loss) return false;
        Bytes selective(p.selective_ack.begin(), p.selective_ack.end());
        world.at(world.now + there.delay, [&sender, h = p.header, selective] {
            sender.handle(Packet{h, selective, {}});
        });
        return false;
    };
    sender.open();
    const TimePoint began = world.now;
    TimePoint planned{};
    const bool done = world.run(300s, [&] {
        if (sender.timeout_at() != kNever && planned != sender.timeout_at()) {
            planned = sender.timeout_at();
            world.at(planned, [&] { sender.handle_timer(); });
        }
        return sender.finished() && app.received == bytes;
    });
    EXPECT_TRUE(done) << app.received;
    EXPECT_FALSE(app.wrong || sender.reset);
    const Outcome outcome{static_cast<double>(bytes) / seconds(world.now - began), sender.timeouts};
    std::printf("    %.0f kB/s, %d time-outs\n", outcome.rate / 1000, outcome.timeouts);
    return outcome;
}

TEST(LibutpSenderModel, GetsWhatItsSlowGrowthAllows) {
    const Outcome outcome = receive_from_libutp({.rate = 2.5e6, .delay = 25ms, .queue = 300'000}, 5'000'000);
    EXPECT_GT(outcome.rate, 0.5e6);
    EXPECT_EQ(outcome.timeouts, 0);
}

TEST(LibutpSenderModel, SingleLossesCostItNoTimeOut) {
    const Outcome outcome =
        receive_from_libutp({.rate = 2.5e6, .delay = 25ms, .queue = 300'000, .loss = 0.003}, 10'000'000);
    EXPECT_LE(outcome.timeouts, 3);
}

TEST(LibutpSenderModel, HearsOfAllPacketsBehindALongHole) {
    // A short queue, which loses much at once.
    const Outcome outcome = receive_from_libutp({.rate = 2.5e6, .delay = 60ms, .queue = 60'000}, 20'000'000);
    EXPECT_GT(outcome.rate, 0.6e6);
    EXPECT_LE(outcome.timeouts, 5);
}

/// Sends to a B that acknowledges as libutp does: the 30 packets behind the first missing one, and nothing
/// twice. Returns bytes a second.
double send_to_libutp(const LinkOptions& there, std::uint64_t bytes) {
    World world(1, there);
    Bytes last;
    world.b.tap = [&](const Packet& packet, std::size_t) {
        if (packet.header.type != PacketType::state || packet.selective_ack.empty()) return true;
        Bytes datagram = packet.header.encode();
        constexpr std::size_t kBytes = 4;
        datagram.insert(datagram.end(), {std::byte{0}, std::byte{kBytes}});
        datagram.insert(datagram.end(), packet.selective_ack.begin(), packet.selective_ack.begin() + kBytes);
        datagram.back() &= std::byte{0x3f};
        const Bytes told(datagram.end() - (kBytes + 4), datagram.end());  // from ack_number on
        if (told != last) world.send(world.b.self, world.a.self, datagram, Fragmentation::allowed);
        last = told;
        return false;
    };
    Pair pair(world);
    pair.from.to_send = bytes;
    const TimePoint began = world.now;
    EXPECT_TRUE(world.run(300s, [&] { return pair.to.received == bytes; })) << pair.to.received;
    EXPECT_FALSE(pair.to.wrong);
    const double rate = static_cast<double>(bytes) / seconds(world.now - began);
    std::printf("    %.0f kB/s, %lu lost, sent %.3f of content\n", rate / 1000, world.lost,
                static_cast<double>(world.a.bytes_sent) / static_cast<double>(bytes));
    return rate;
}

TEST(LibutpReceiverModel, BurstsThatOverflowAShortQueueCostNoTimeOuts) {
    EXPECT_GT(send_to_libutp({.rate = 12.5e6, .delay = 20ms, .queue = 130'000}, 50'000'000), 5e6);
}

TEST(LibutpReceiverModel, NorDoTheyOnAFastLine) {
    EXPECT_GT(send_to_libutp({.rate = 100e6, .delay = 200us, .queue = 130'000}, 50'000'000), 30e6);
}

}  // namespace
}  // namespace btfs::utp
