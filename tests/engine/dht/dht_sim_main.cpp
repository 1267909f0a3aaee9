// dht_sim [NODES [TORRENTS]]: prints the figures of a large DHT that engine/dht/README.md shows. Exits with 1
// if they are worse than promised.
#include <cstdio>
#include <cstdlib>

#include "tests/engine/dht/network/large_network.hpp"

int main(int argc, char** argv) {
    const std::size_t nodes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000;
    const std::size_t torrents = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 300;
    const auto report = btfs::dht::test::run_large_network(nodes, torrents);
    std::printf("look-ups that found a peer: %.2f %% of %zu\n", 100 * report.share_found, report.lookups);
    std::printf("median: %u hops, %zu nodes asked, first peer after %.2f s\n", report.median_hops,
                report.median_asked, report.median_first_peer);
    std::printf("idle: median %.0f, most %.0f bytes/s\n", report.median_idle, report.most_idle);
    return report.share_found >= 0.995 && report.most_idle <= 2048 ? 0 : 1;
}
