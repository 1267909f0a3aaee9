// A model of libutp's sender, whose rate depends on how we acknowledge.
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
    // What comes for A goes to the model.
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

}  // namespace
}  // namespace btfs::utp
