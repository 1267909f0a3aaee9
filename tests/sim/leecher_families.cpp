// The families of swarms in which most peers download, and choke.
#include <algorithm>
#include <array>

#include "tests/sim/families.hpp"

namespace btfs::sim {
namespace {

constexpr double kMbit = 1e6 / 8;             // bytes per second
constexpr std::uint64_t kFilm = 102'000'000;  // 100 s of 8 Mbit/s, and its sound
constexpr Duration kAcquainted = 5s;          // the others know each other when the client joins
constexpr Duration kDelay = 15ms;             // four of them are a round trip of 60 ms

PeerOptions leecher(Rng& rng, double up_mbit, double down_mbit, double pieces, Choking choking) {
    PeerOptions peer;
    peer.link = {.up = up_mbit * kMbit, .down = down_mbit * kMbit, .delay = kDelay};
    peer.pieces = pieces;
    peer.choking = choking;
    peer.seed = rng.next() >> 1;
    return peer;
}

SwarmOptions film(double up_mbit, double down_mbit) {
    SwarmOptions options;
    options.piece_length = 256 * 1024;
    options.size = kFilm;
    options.client.link = {.up = up_mbit * kMbit, .down = down_mbit * kMbit, .delay = kDelay};
    options.client_joins_at = kAcquainted;
    options.nothing_is_lost = true;
    return options;
}

/// The lab's `leechers`.
SwarmOptions leechers(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = film(20, 50);
    for (int i = 0; i < 12; ++i) options.peers.push_back(leecher(rng, 6, 20, 0.6, Choking::libtorrent2));
    return options;
}

/// Leechers of both kinds and many links, free riders, and cheats that come back under another name.
SwarmOptions leechers_mixed(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = film(5 + 15 * rng.fraction(), 50);
    for (std::size_t i = 16 + rng.below(9); i > 0; --i) {
        const Choking choking = i % 2 == 0 ? Choking::libtorrent2 : Choking::transmission4;
        PeerOptions peer = leecher(rng, 3 + 9 * rng.fraction(), 10 + 40 * rng.fraction(),
                                   0.3 + 0.5 * rng.fraction(), choking);
        peer.link.delay = from_seconds(0.005 + 0.03 * rng.fraction());
        if (i % 4 == 0) {
            peer.rate_changes_every = 3s;
            peer.rate_falls_to = 0.3;
        }
        options.peers.push_back(peer);
    }
    for (std::size_t i = 3 + rng.below(4); i > 0; --i) {
        PeerOptions peer = leecher(rng, 6, 50, 0.3 * rng.fraction(), Choking::libtorrent2);
        peer.conduct = Conduct::free_rides;
        if (i % 2 == 0) peer.reconnects_every = from_seconds(15 + 30 * rng.fraction());
        options.peers.push_back(peer);
    }
    return options;
}

/// A seed or two that choke, and many leechers with little who keep coming.
SwarmOptions few_seeds(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = film(5 + 15 * rng.fraction(), 50);
    for (std::size_t i = 1 + rng.below(2); i > 0; --i)
        options.peers.push_back(leecher(rng, 10 + 20 * rng.fraction(), 50, 1, Choking::libtorrent2));
    for (std::size_t i = 15 + rng.below(16); i > 0; --i) {
        const Choking choking = i % 3 != 0 ? Choking::libtorrent2 : Choking::transmission4;
        PeerOptions peer =
            leecher(rng, 3 + 9 * rng.fraction(), 10 + 40 * rng.fraction(), 0.6 * rng.fraction(), choking);
        if (i % 3 == 0) peer.joins_at = from_seconds(30 * rng.fraction());
        if (i % 5 == 0) peer.leaves_at = peer.joins_at + from_seconds(20 + 40 * rng.fraction());
        options.peers.push_back(peer);
    }
    return options;
}

constexpr std::array kFamilies = {
    Family{"leechers", "nobody seeds: 12 libtorrent leechers of 6 Mbit/s up, each with another 60 %",
           leechers},
    Family{"leechers_mixed", "nobody seeds: libtorrent and Transmission, free riders, cheats that reconnect",
           leechers_mixed},
    Family{"few_seeds", "one or two libtorrent seeds that choke, 15-30 leechers who come and go", few_seeds},
};

}  // namespace

std::span<const Family> leecher_families() {
    return kFamilies;
}

}  // namespace btfs::sim
