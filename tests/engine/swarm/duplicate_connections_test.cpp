// Several connections between the same two torrents: one of them stays.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/core/rng.hpp"
#include "tests/support/virtual_swarm.hpp"

namespace btfs {
namespace {

using testing::NodeOptions;
using testing::VirtualSwarm;

constexpr std::uint32_t kPiece = 256 * 1024;

/// Two torrents that the test connects by hand. What one of them sends waits until the test delivers it.
/// The second one has the greater peer id.
struct Two {
    explicit Two(std::uint64_t seed) : rng(seed), swarm(kPiece, 4 * kPiece) {
        for (std::size_t side = 0; side < 2; ++side) {
            NodeOptions options{.seed = side == 0,
                                .address = Address::parse(side == 0 ? "198.51.100.1" : "198.51.100.2")};
            options.torrent.utp = true;
            options.torrent.max_peers = 400;
            torrents[side] = &swarm.torrent(swarm.add(options));
        }
        now = swarm.now();
    }

    struct Link {
        std::size_t dialler;
        std::array<ConnectionId, 2> ids{kNobody, kNobody};
        std::array<Bytes, 2> on_the_way{};  ///< to each side
        bool open = true;
        std::optional<std::size_t> to_hear{};  ///< the side that does not know yet that it was closed
    };

    /// A connection that this side has dialled; the other side sees it when take() is called.
    void dial(std::size_t side) {
        const Address host = *Address::parse(side == 0 ? "198.51.100.2" : "198.51.100.1");
        Endpoint there{host, static_cast<std::uint16_t>(6881 + links.size())};
        NewConnection made{.direction = wire::Direction::outgoing};
        if (rng.below(2) == 0 || !wants_to_dial(side, there)) {
            there.port = 6881;
            made.utp = made.punched = true;
        }
        Link link{.dialler = side};
        link.ids[side] = torrents[side]->handle_connected(there, made, now);
        link.open = link.ids[side] != kNobody;
        links.push_back(std::move(link));
    }
    /// The side is told of the endpoint. Returns true if it wants to be connected there.
    bool wants_to_dial(std::size_t side, const Endpoint& endpoint) {
        torrents[side]->handle_candidates({&endpoint, 1}, PeerSource::tracker, now);
        bool dials = false;
        while (const auto action = torrents[side]->poll_action()) {
            const auto* dial = std::get_if<Dial>(&*action);
            dials |= dial && dial->endpoint == endpoint;
        }
        return dials;
    }
    void take(Link& link) {
        const std::size_t side = 1 - link.dialler;
        const Endpoint there{*Address::parse(link.dialler == 0 ? "198.51.100.1" : "198.51.100.2"),
                             static_cast<std::uint16_t>(50000 + links.size())};
        NewConnection made{.direction = wire::Direction::incoming};
        made.utp = true;
        link.ids[side] = torrents[side]->handle_connected(there, made, now);
        if (link.ids[side] == kNobody) close(link, side);
    }
    /// Closed at this side. The other one hears of it when hear() is called.
    void close(Link& link, std::size_t side) {
        if (std::exchange(link.open, false)) link.to_hear = 1 - side;
    }
    void hear(Link& link) {
        const auto side = std::exchange(link.to_hear, std::nullopt);
        if (side && link.ids[*side] != kNobody) torrents[*side]->handle_closed(link.ids[*side], now);
    }
    void carry_out() {
        for (std::size_t side = 0; side < 2; ++side)
            while (const auto action = torrents[side]->poll_action()) {
                const auto* gone = std::get_if<Disconnect>(&*action);
                if (!gone) continue;
                for (Link& link : links)
                    if (link.ids[side] == gone->connection) close(link, side);
            }
    }
    /// Takes one step of this side: its output leaves, or bytes on their way to it arrive.
    void move(Link& link, std::size_t side) {
        if (!link.open) return;
        wire::PeerSession* session = torrents[side]->session(link.ids[side]);
        if (!session) return;
        iovec buffers[32];
        if (const std::size_t count = session->send_buffers(buffers)) {
            std::size_t size = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const auto* data = static_cast<const std::byte*>(buffers[i].iov_base);
                Bytes& out = link.on_the_way[1 - side];
                out.insert(out.end(), data, data + buffers[i].iov_len);
                size += buffers[i].iov_len;
            }
            torrents[side]->handle_sent(link.ids[side], size, now);
        } else if (!link.on_the_way[side].empty()) {
            const Bytes bytes = std::exchange(link.on_the_way[side], {});
            torrents[side]->handle_bytes(link.ids[side], bytes, now);
        }
    }
    /// One random thing happens.
    void step() {
        Link& link = links[rng.below(links.size())];
        const std::size_t side = rng.below(2);
        if (link.open && link.ids[1 - link.dialler] == kNobody)
            take(link);
        else if (link.to_hear)
            hear(link);
        else
            move(link, side);
        carry_out();
        if (rng.below(20) == 0) pass(std::chrono::milliseconds(rng.below(200)));
    }
    void pass(Duration time) {
        now += time;
        for (Torrent* torrent : torrents)
            if (torrent->next_timeout() <= now) torrent->handle_timeout(now);
        carry_out();
    }
    /// The links that are there at this side.
    std::set<std::size_t> left(std::size_t side) const {
        std::set<std::size_t> there;
        for (std::size_t i = 0; i < links.size(); ++i)
            if (links[i].ids[side] != kNobody && torrents[side]->session(links[i].ids[side])) there.insert(i);
        return there;
    }

    Rng rng;
    VirtualSwarm swarm;
    std::array<Torrent*, 2> torrents{};
    std::vector<Link> links;
    TimePoint now;
};

TEST(DuplicateConnections, OfAnyNumberOneStaysTheSameAtBothEnds) {
    std::map<std::size_t, int> survivors;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        SCOPED_TRACE(seed);
        Two two(seed);
        const std::size_t count = 2 + seed % 3;
        for (std::size_t i = 0; i < count; ++i) {
            two.dial(two.rng.below(2));
            for (std::size_t n = two.rng.below(8); n > 0; --n) two.step();
        }
        for (int i = 0; i < 200; ++i) two.step();
        for (int i = 0; i < 8; ++i) {
            two.pass(1s);
            for (int n = 0; n < 50; ++n) two.step();
        }
        for (Two::Link& link : two.links) two.hear(link);
        ASSERT_EQ(two.left(0).size(), 1u);
        ASSERT_EQ(two.left(0), two.left(1));
        ++survivors[*two.left(0).begin()];
    }
    EXPECT_GT(survivors.size(), 1u) << "it is not always the first dial";
}

// A NAT takes the TCP connection, and says nothing.
TEST(DuplicateConnections, AHolepunchedOneIsNotGivenUpForOneOnWhichThePeerHasSaidNothing) {
    Two two(1);
    Torrent& torrent = *two.torrents[0];
    const Endpoint there{*Address::parse("198.51.100.2"), 6881};
    torrent.handle_candidates({&there, 1}, PeerSource::tracker, two.now);
    const ConnectionId silent =
        torrent.handle_connected(there, {.direction = wire::Direction::outgoing}, two.now);
    ASSERT_NE(silent, kNobody);
    NewConnection made{.direction = wire::Direction::outgoing};
    made.utp = made.punched = true;
    EXPECT_NE(torrent.handle_connected(there, made, two.now), kNobody);
}

/// Returns the peer id in the handshake that waits to be sent on the connection.
wire::PeerId id_told_on(Torrent& torrent, ConnectionId connection) {
    iovec buffers[8];
    const std::size_t count = torrent.session(connection)->send_buffers(buffers);
    EXPECT_GE(count, 1u);
    const ByteView sent(static_cast<const std::byte*>(buffers[0].iov_base), buffers[0].iov_len);
    return wire::Handshake::parse(sent.first(wire::Handshake::kSize)).value().peer_id;
}

// Through a proxy, the peer sees a new connection come from where the dead one has come from.
TEST(DuplicateConnections, APeerThatMayNotKnowThatItsConnectionHasEndedSeesAnotherId) {
    Two two(1);
    Torrent& torrent = *two.torrents[0];
    std::set<wire::PeerId> ids;
    for (std::uint16_t n = 0; n <= Torrent::kMaxOtherIds; ++n) {
        // Each of another host: few are known of one.
        const Endpoint there{
            *Address::parse("198.51." + std::to_string(n % 250) + "." + std::to_string(n / 250 + 3)), 6881};
        ASSERT_TRUE(two.wants_to_dial(0, there)) << n;
        const ConnectionId first =
            torrent.handle_connected(there, {.direction = wire::Direction::outgoing}, two.now);
        ASSERT_NE(first, kNobody);
        ids.insert(id_told_on(torrent, first));
        torrent.handle_path_broken(first, two.now);
        torrent.on_network_changed(two.now);
        std::optional<Dial> again;
        while (const auto action = torrent.poll_action())
            if (const auto* dial = std::get_if<Dial>(&*action)) again = *dial;
        ASSERT_TRUE(again) << n;
        const ConnectionId second =
            torrent.handle_connected(again->endpoint, {.direction = wire::Direction::outgoing}, two.now);
        ASSERT_NE(second, kNobody);
        EXPECT_NE(id_told_on(torrent, second), *ids.begin());
    }
    EXPECT_EQ(ids.size(), 1u) << "others are told our own";
}

}  // namespace
}  // namespace btfs
