// Tests of PeerSearch with LSD on loopback. Other processes may listen there at the same time, so each
// process has an info-hash of its own.
#include "engine/session/peer_search.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <random>

namespace btfs {
namespace {

Sha1Digest random_hash() {
    std::random_device device;
    Rng rng(std::uint64_t{device()} << 32 | device());
    Sha1Digest hash;
    rng.fill(hash.bytes);
    return hash;
}

struct PeerSearchTest : ::testing::Test {
    boost::asio::io_context io{1};
    net::SocketFactory sockets{io, {.v4 = Address::parse("127.0.0.1"), .v6 = std::nullopt, .device = {}}};
    net::LsdClient ours{sockets, 1}, neighbour{sockets, 2}, witness{sockets, 3};
    const Sha1Digest info_hash = random_hash();
    std::vector<Endpoint> found, found_by_neighbour, found_by_witness;
    PeerSearch search{info_hash,
                      {},
                      {[this](std::span<const Endpoint> peers, PeerSource source) {
                           EXPECT_EQ(source, PeerSource::lsd);
                           found.insert(found.end(), peers.begin(), peers.end());
                       },
                       [](AddressFamily) { return std::nullopt; }}};

    PeerSearchTest() {
        ours.start(7001);
        neighbour.start(7002);
        witness.start(7003);
    }
    ~PeerSearchTest() override {
        search.stop();
        ours.stop();
        neighbour.stop();
        witness.stop();
    }

    void run_until(const std::function<bool()>& condition) {
        const TimePoint end = Clock::now() + 10s;
        while (!condition() && Clock::now() < end) io.run_one_until(end);
    }
    static auto into(std::vector<Endpoint>& list) {
        return [&list](const Endpoint& peer) { list.push_back(peer); };
    }
};

TEST_F(PeerSearchTest, UsesAClientThatBecomesKnownBeforeTheStart) {
    search.use(ours);
    search.start();
    neighbour.add(info_hash, into(found_by_neighbour));
    run_until([&] { return !found.empty(); });
    EXPECT_EQ(found, std::vector{*Endpoint::parse("127.0.0.1:7002")});
}

TEST_F(PeerSearchTest, UsesAClientThatBecomesKnownAfterTheStart) {
    search.start();
    search.use(ours);
    neighbour.add(info_hash, into(found_by_neighbour));
    run_until([&] { return !found.empty(); });
    EXPECT_EQ(found, std::vector{*Endpoint::parse("127.0.0.1:7002")});
}

TEST_F(PeerSearchTest, IsNotAnnouncedAndHearsNothingUntilItStarts) {
    search.use(ours);
    witness.add(info_hash, into(found_by_witness));
    neighbour.add(info_hash, into(found_by_neighbour));
    run_until([&] { return !found_by_witness.empty(); });
    EXPECT_EQ(found_by_witness, std::vector{*Endpoint::parse("127.0.0.1:7002")});
    EXPECT_TRUE(found.empty());

    search.start();
    run_until([&] { return found_by_witness.size() > 1; });
    EXPECT_EQ(found_by_witness.back(), *Endpoint::parse("127.0.0.1:7001"));
}

TEST_F(PeerSearchTest, HearsNothingAfterItWasStopped) {
    search.use(ours);
    search.start();
    search.stop();
    witness.add(info_hash, into(found_by_witness));
    neighbour.add(info_hash, into(found_by_neighbour));
    run_until([&] { return !found_by_witness.empty(); });
    EXPECT_EQ(found_by_witness, std::vector{*Endpoint::parse("127.0.0.1:7002")});
    EXPECT_TRUE(found.empty());
}

}  // namespace
}  // namespace btfs
