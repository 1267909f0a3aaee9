// Options of the DHT from the command line, and the file that keeps its routing table.
#pragma once

#include <optional>

#include "cache/cache_dir.hpp"
#include "cache/disk_pool.hpp"
#include "cli/commands.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Returns nothing with --no-dht. Throws Failure for a node that is not HOST:PORT.
std::optional<net::DhtOptions> dht_options(const NetworkOptions& network);

/// Starts with the routing table of an earlier run, and has the pool write this run's, so that the engine
/// does not wait for the disk. Directory and pool outlive the engine.
void keep_table_in(const CacheDir& cache_dir, DiskPool& pool, net::DhtOptions& dht);

}  // namespace btfs::cli
