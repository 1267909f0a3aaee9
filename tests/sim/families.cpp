#include "tests/sim/families.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace btfs::sim {
namespace {

constexpr double kMbit = 1e6 / 8;  // bytes per second

double between(Rng& rng, double low, double high) {
    return low + (high - low) * rng.fraction();
}
/// Returns a random value whose logarithm is uniformly distributed.
double around(Rng& rng, double low, double high) {
    return low * std::pow(high / low, rng.fraction());
}
std::size_t count_between(Rng& rng, std::size_t low, std::size_t high) {
    return low + rng.below(high - low + 1);
}
Duration ms(double value) {
    return from_seconds(value / 1000);
}

PeerOptions peer(Rng& rng, double least_mbit, double most_mbit, double least_rtt, double most_rtt) {
    PeerOptions options;
    options.link.up = around(rng, least_mbit, most_mbit) * kMbit;
    options.link.down = std::max(options.link.up, 20 * kMbit);
    options.link.delay = ms(around(rng, least_rtt, most_rtt) / 2);
    return options;
}

SwarmOptions swarm(Rng& rng, double least_down_mbit, double most_down_mbit) {
    SwarmOptions options;
    options.piece_length = 1u << count_between(rng, 18, 21);
    options.client.link.down = around(rng, least_down_mbit, most_down_mbit) * kMbit;
    options.client.link.up = options.client.link.down / 4;
    return options;
}

SwarmOptions few_fast(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 100, 300);
    for (std::size_t i = count_between(rng, 2, 8); i > 0; --i)
        options.peers.push_back(peer(rng, 20, 100, 15, 90));
    return options;
}

SwarmOptions many_slow(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 40, 80); i > 0; --i)
        options.peers.push_back(peer(rng, 0.5, 4, 40, 250));
    return options;
}

SwarmOptions mixed(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 300);
    for (std::size_t i = count_between(rng, 12, 50); i > 0; --i)
        options.peers.push_back(peer(rng, 0.3, 60, 15, 300));
    return options;
}

SwarmOptions lossy(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 8, 40); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        options.peers.back().link.loss = rng.fraction() < 0.5 ? 0.01 : 0.002;
    }
    return options;
}

SwarmOptions changing(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 8, 40); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        options.peers.back().rate_changes_every = ms(between(rng, 1500, 5000));
        options.peers.back().rate_falls_to = 0.1;
    }
    return options;
}

/// Swarms in which the client's own link is the bottleneck.
SwarmOptions narrow(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 12, 40);
    for (std::size_t i = count_between(rng, 10, 60); i > 0; --i)
        options.peers.push_back(peer(rng, 1, 100, 20, 200));
    return options;
}

/// Swarms of a few seeds, and many leechers that come, download and leave.
SwarmOptions flash_crowd(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    options.piece_length = 1 << 20;
    options.size = 512 << 20;
    for (std::size_t i = count_between(rng, 2, 5); i > 0; --i)
        options.peers.push_back(peer(rng, 5, 50, 20, 120));
    for (std::size_t i = count_between(rng, 30, 90); i > 0; --i) {
        PeerOptions one = peer(rng, 0.5, 10, 20, 200);
        one.pieces = between(rng, 0, 0.9);
        one.gains = between(rng, 0.1, 2);
        one.downloads = true;
        one.unchokes_after = ms(rng.fraction() < 0.4 ? between(rng, 0, 10'000) : 0);
        one.joins_at = ms(between(rng, 0, 40'000));
        if (rng.fraction() < 0.4) one.leaves_at = one.joins_at + ms(between(rng, 5'000, 40'000));
        one.reachable = rng.fraction() < 0.8;
        options.peers.push_back(one);
    }
    return options;
}

SwarmOptions hostile(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    constexpr std::array kinds = {Conduct::stalls,   Conduct::trickles, Conduct::ignores, Conduct::refuses,
                                  Conduct::corrupts, Conduct::flaps,    Conduct::leaves};
    for (std::size_t i = count_between(rng, 10, 50); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        if (i % 10 < 3) options.peers.back().conduct = kinds[rng.below(kinds.size())];
    }
    return options;
}

/// Swarms whose peers leave sooner or later, with requests under way, while others come.
SwarmOptions churning(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 40, 120); i > 0; --i) {
        PeerOptions one = peer(rng, 1, 30, 20, 150);
        one.joins_at = ms(i % 4 == 0 ? 0 : between(rng, 0, 60'000));
        one.leaves_at = one.joins_at + ms(between(rng, 3'000, 25'000));
        options.peers.push_back(one);
    }
    options.peers.push_back(peer(rng, 2, 10, 20, 100));  // one peer stays
    return options;
}

/// Swarms with little memory and a small cache, and a bit of all other troubles.
SwarmOptions cramped(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 30, 150);
    options.client.store.memory = 12 << 20;
    options.client.store.keeps = (128 << 20) / options.piece_length;
    options.client.store.writing = 20e6;
    for (std::size_t i = count_between(rng, 10, 40); i > 0; --i) {
        options.peers.push_back(peer(rng, 0.5, 40, 20, 200));
        if (i % 5 == 0) options.peers.back().link.loss = 0.005;
        if (i % 10 == 0) options.peers.back().conduct = Conduct::stalls;
        if (i % 10 == 5) options.peers.back().conduct = Conduct::corrupts;
    }
    return options;
}

/// Swarms with liars that spoil the same block of each piece, use a handful of addresses, and reconnect.
SwarmOptions lying(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 6, 30); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        if (i % 3 != 0) continue;
        options.peers.back().conduct = Conduct::corrupts_one;
        if (rng.fraction() < 0.7) options.peers.back().reconnects_every = ms(between(rng, 300, 6'000));
    }
    return options;
}

/// Swarms under attack: hosts that connect to us all the time, bytes that come one by one, peers that leave
/// with requests unanswered.
SwarmOptions besieged(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    options.client.torrent.max_peers = 40;
    constexpr std::array kinds = {Conduct::crowds, Conduct::slow_loris};
    for (std::size_t i = count_between(rng, 3, 60); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        options.peers.back().conduct = kinds[rng.below(kinds.size())];
        options.peers.back().has_public_address = true;
        options.peers.back().calls_every = ms(between(rng, 50, 2'000));
    }
    for (std::size_t i = count_between(rng, 8, 40); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        options.peers.back().has_public_address = true;
        if (i % 5 == 0) options.peers.back().conduct = Conduct::leaves_owing;
        if (rng.fraction() < 0.5) options.peers.back().joins_at = ms(between(rng, 0, 20'000));
    }
    return options;
}

/// Swarms in which every third peer floods us with one kind of message.
SwarmOptions flooded(std::uint64_t seed) {
    Rng rng(seed);
    SwarmOptions options = swarm(rng, 50, 200);
    for (std::size_t i = count_between(rng, 9, 40); i > 0; --i) {
        options.peers.push_back(peer(rng, 1, 40, 20, 150));
        if (i % 3 == 0) options.peers.back().conduct = Conduct::floods;
    }
    return options;
}

constexpr std::array kFamilies = {
    Family{"few_fast", "2-8 seeds of 20-100 Mbit/s", few_fast},
    Family{"many_slow", "40-80 seeds of 0.5-4 Mbit/s, far away", many_slow},
    Family{"mixed", "12-50 seeds of 0.3-60 Mbit/s, 15-300 ms", mixed},
    Family{"lossy", "0.2 or 1 % of segments lost", lossy},
    Family{"changing", "rates fall to a tenth and rise every few seconds", changing},
    Family{"narrow", "a link of 12-40 Mbit/s for up to 60 seeds", narrow},
    Family{"flash_crowd", "few seeds, 30-90 leechers who come and go", flash_crowd},
    Family{"hostile", "30 % stall, trickle, lie, corrupt, flap or hang up", hostile},
    Family{"churning", "everybody leaves after 3-25 s", churning},
    Family{"cramped", "12 MiB of memory, 128 MiB of cache, a slow disk", cramped},
    Family{"lying", "a third spoils the same block of each piece, and reconnects", lying},
    Family{"besieged", "hosts that connect without end, peers that leave owing blocks", besieged},
    Family{"flooded", "a third floods us with messages of one kind", flooded},
};

}  // namespace

std::span<const Family> families() {
    return kFamilies;
}

const Family* family_named(std::string_view name) {
    for (const std::span<const Family> all : {families(), leecher_families()})
        for (const Family& family : all)
            if (family.name == name) return &family;
    return nullptr;
}

}  // namespace btfs::sim
