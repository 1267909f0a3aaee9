#include "cli/settings/engine_options.hpp"

#include <sys/resource.h>

#include "cli/process/failure.hpp"
#include "cli/settings/interfaces.hpp"
#include "cli/settings/peer_addresses.hpp"
#include "cli/settings/proxy_setting.hpp"
#include "engine/log/log.hpp"
#include "engine/proxy/proxy_url.hpp"

namespace btfs::cli {
namespace {

/// Returns the public DHT nodes that authors of clients run.
std::vector<HostPort> well_known_routers() {
    return {{"dht.libtorrent.org", 25401}, {"dht.transmissionbt.com", 6881}, {"router.bt.ouinet.work", 6881}};
}

std::optional<net::DhtOptions> dht_options(const NetworkOptions& network) {
    if (network.no_dht) return std::nullopt;
    net::DhtOptions options;
    options.routers = parse_addresses("--dht-bootstrap", network.dht_bootstrap);
    if (options.routers.empty()) options.routers = well_known_routers();
    return options;
}

std::optional<proxy::ProxyUrl> proxy_of(const NetworkOptions& network) {
    auto url = proxy_setting(network);
    if (url && url->protocol == proxy::Protocol::http && network.transport == net::Transport::utp)
        throw Failure("--transport utp needs UDP, which does not go through an HTTP proxy");
    return url;
}

}  // namespace

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

EngineOptions engine_options(const NetworkOptions& network) {
    const TransferOptions& transfer = network.transfer;
    return {.port = network.port,
            .max_peers = network.max_peers,
            .max_connections = network.max_connections,
            .background = false,
            .upload_limit = transfer.upload_limit,
            .download_limit = transfer.download_limit,
            .limit_local = transfer.limit_local,
            .uploads = !transfer.no_upload && transfer.upload_limit != 0,
            .seed_goals = {transfer.seed_ratio, transfer.seed_time},
            .binding = parse_binding(network.bind),
            .proxy = proxy_of(network),
            .transport = network.transport,
            .encryption = network.encryption,
            .pex = !network.no_pex,
            .lsd = !network.no_lsd,
            .dht = dht_options(network),
            .port_mapping = network.port_mapping()};
}

void keep_dht_table(const CacheDir& cache_dir, DiskPool& pool, TableJobs& jobs, EngineOptions& options) {
    if (!options.dht) return;
    options.dht->kept_table = cache_dir.kept_dht_table().value_or(Bytes{});
    options.dht->on_table = [&cache_dir, &pool, &jobs](Bytes table) {
        pool.submit_always(DiskWork::write, [&cache_dir, table = std::move(table), token = jobs.count.use()] {
            if (Error error = cache_dir.keep_dht_table(table))
                log::warn("the DHT's table cannot be kept: {}", error.message());
        });
    };
}

}  // namespace btfs::cli
