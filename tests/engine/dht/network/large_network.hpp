// Large DHTs, a fifth of their nodes gone and a twentieth lying: how well look-ups find their peers.
#pragma once

#include <cstddef>

namespace btfs::dht::test {

struct LargeNetworkReport {
    std::size_t lookups = 0;
    double share_found = 0;  ///< of the look-ups, those that found a peer
    unsigned median_hops = 0;
    std::size_t median_asked = 0;  ///< nodes
    double median_first_peer = 0;  ///< seconds
    // Traffic of an idle node, both ways, in bytes a second.
    double median_idle = 0;
    double most_idle = 0;
};

/// In virtual time; of 10,000 nodes it takes half a minute.
LargeNetworkReport run_large_network(std::size_t node_count, std::size_t torrent_count);

}  // namespace btfs::dht::test
