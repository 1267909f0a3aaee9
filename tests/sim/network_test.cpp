#include "tests/sim/network.hpp"

#include <gtest/gtest.h>

#include "tests/sim/wire_tap.hpp"

namespace btfs::sim {
namespace {

constexpr double kMbit = 1e6 / 8;

/// Socket that sends `left` bytes.
struct Sender final : Socket {
    std::size_t take(std::span<std::byte> out) override {
        const std::size_t size = std::min(left, out.size());
        left -= size;
        return size;
    }
    void on_bytes(ByteView) override {}
    void on_closed() override {}
    std::size_t left = 0;
};
struct Receiver final : Socket {
    std::size_t take(std::span<std::byte>) override { return 0; }
    void on_bytes(ByteView bytes) override { received += bytes.size(); }
    void on_closed() override { closed = true; }
    std::size_t received = 0;
    bool closed = false;
};

/// A sender and a receiver. Times are one way, without the request that comes first in practice.
struct Pair {
    explicit Pair(const LinkOptions& sending, double down = 1000 * kMbit)
        : from(sending),
          to({.down = down, .delay = 0ms}),
          connection(network.connect(from, sender, to, receiver)) {}
    Duration bring(std::size_t size) {
        const TimePoint begun = events.now();
        const std::size_t all = receiver.received + size;
        sender.left += size;
        connection.wake(Connection::a);
        while (receiver.received < all && events.step(begun + 1h)) {
        }
        return events.now() - begun;
    }
    void idle(Duration time) {
        const TimePoint end = events.now() + time;
        while (events.step(end)) {
        }
    }

    EventQueue events;
    Network network{events, 1};
    Host from;
    Host to;
    Sender sender;
    Receiver receiver;
    Connection& connection;
};

// Measured with real cubic senders of 20 Mbit/s at 60 ms: an eighth of 1 MiB took 257 ms cold and 116 ms
// warm, one block 123 ms cold. Half a round trip of each time is the request.
TEST(Network, TakesAsLongAsLinuxDid) {
    const LinkOptions link{.up = 20 * kMbit, .delay = 30ms};
    EXPECT_NEAR(seconds(Pair(link).bring(128 * 1024)), 0.257 - 0.030, 0.035);
    EXPECT_NEAR(seconds(Pair(link).bring(16 * 1024)), 0.123 - 0.030, 0.015);
    Pair warm(link);
    warm.bring(1 << 20);
    EXPECT_NEAR(seconds(warm.bring(128 * 1024)), 0.116 - 0.030, 0.020);
}

TEST(Network, AnIdleSenderIsColdAgain) {
    Pair pair({.up = 20 * kMbit, .delay = 30ms});
    pair.bring(1 << 20);
    const Duration warm = pair.bring(128 * 1024);
    pair.idle(3s);
    EXPECT_GT(pair.bring(128 * 1024), 2 * warm);
}

TEST(Network, ALongTransferFillsTheLink) {
    Pair pair({.up = 20 * kMbit, .delay = 30ms});
    const Duration took = pair.bring(25'000'000);  // 10 s of payload, and headers
    EXPECT_GT(took, 10300ms);
    EXPECT_LT(took, 11600ms);
}

TEST(Network, TheReceiversLinkIsSharedFairlyWell) {
    EventQueue events;
    Network network(events, 1);
    Host to({.down = 20 * kMbit, .delay = 0ms});
    std::vector<std::unique_ptr<Host>> hosts;
    Sender senders[4];
    Receiver receivers[4];
    for (int i = 0; i < 4; ++i) {
        hosts.push_back(std::make_unique<Host>(LinkOptions{.up = 20 * kMbit, .delay = 20ms}));
        Connection& connection = network.connect(*hosts[i], senders[i], to, receivers[i]);
        senders[i].left = 100'000'000;
        connection.wake(Connection::a);
    }
    const TimePoint end = events.now() + 20s;
    while (events.step(end)) {
    }
    std::size_t sum = 0;
    for (const Receiver& r : receivers) {
        EXPECT_GT(r.received, 5'000'000u);
        sum += r.received;
    }
    EXPECT_NEAR(static_cast<double>(sum), 20 * 2.4e6, 5e6);
}

// Mathis' formula for a loss of 1 %: about 1448 / 0.04 s x 1.2 / sqrt(0.01). Cubic reaches somewhat more.
TEST(Network, LossHoldsASenderBackAndLosesNothing) {
    Pair pair({.up = 100 * kMbit, .delay = 20ms, .loss = 0.01});
    const double rate = 10e6 / seconds(pair.bring(10'000'000));
    EXPECT_GT(rate, 0.2e6);
    EXPECT_LT(rate, 2e6);
}

TEST(Network, TheEndComesAfterWhatWasSent) {
    Pair pair({.up = 1 * kMbit, .delay = 20ms});
    pair.sender.left = 5000;
    pair.connection.wake(Connection::a);
    pair.connection.close(Connection::a);
    pair.idle(1s);
    EXPECT_EQ(pair.receiver.received, 5000u);
    EXPECT_TRUE(pair.receiver.closed);
}

TEST(WireTap, NamesWhatPassesHoweverItIsCut) {
    Bytes stream(68);
    const auto put = [&](std::initializer_list<int> bytes) {
        for (int b : bytes) stream.push_back(static_cast<std::byte>(b));
    };
    put({0, 0, 0, 0});                                            // a keep-alive
    put({0, 0, 0, 1, 1});                                         // Unchoke
    put({0, 0, 0, 13, 6, 0, 0, 0, 7, 0, 0, 64, 0, 0, 0, 64, 0});  // Request
    put({0, 0, 0, 12, 7, 0, 0, 0, 7, 0, 0, 64, 0, 1, 2, 3});      // Piece of three bytes
    put({0, 0, 0, 20, 7, 0, 0, 0, 8, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
    for (std::size_t cut : {1u, 5u, 17u, 1000u}) {
        std::vector<std::pair<WireTap::Id, BlockRef>> seen;
        WireTap tap([&](WireTap::Id id, const BlockRef& block) { seen.emplace_back(id, block); });
        for (std::size_t at = 0; at < stream.size(); at += cut)
            tap.feed(ByteView(stream).subspan(at, std::min(cut, stream.size() - at)));
        ASSERT_EQ(seen.size(), 4u) << cut;
        EXPECT_EQ(seen[0].first, WireTap::unchoke);
        EXPECT_EQ(seen[1], std::pair(WireTap::request, (BlockRef{PieceIndex(7), 16384, 16384})));
        EXPECT_EQ(seen[2].first, WireTap::piece);
        EXPECT_EQ(seen[3], std::pair(WireTap::piece, (BlockRef{PieceIndex(8), 0, 11})));
    }
}

}  // namespace
}  // namespace btfs::sim
