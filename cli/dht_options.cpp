#include "cli/dht_options.hpp"

#include "cli/peer_addresses.hpp"
#include "engine/log/log.hpp"

namespace btfs::cli {
namespace {

/// Nodes that authors of clients run for everybody.
std::vector<HostPort> well_known_routers() {
    return {{"dht.libtorrent.org", 25401}, {"dht.transmissionbt.com", 6881}, {"router.bt.ouinet.work", 6881}};
}

}  // namespace

std::optional<net::DhtOptions> dht_options(const NetworkOptions& network) {
    if (network.no_dht) return std::nullopt;
    net::DhtOptions options;
    options.routers = parse_addresses("--dht-bootstrap", network.dht_bootstrap);
    if (options.routers.empty()) options.routers = well_known_routers();
    return options;
}

void keep_table_in(const CacheDir& cache_dir, DiskPool& pool, net::DhtOptions& dht) {
    dht.kept_table = cache_dir.kept_dht_table().value_or(Bytes{});
    dht.on_table = [&cache_dir, &pool](Bytes table) {
        pool.submit_always(DiskWork::write, [&cache_dir, table = std::move(table)] {
            if (Error error = cache_dir.keep_dht_table(table))
                log::warn("the DHT's table cannot be kept: {}", error.message());
        });
    };
}

}  // namespace btfs::cli
