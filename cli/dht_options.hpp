// The DHT, as the command line wants it, and where its table is kept.
#pragma once

#include <optional>

#include "cache/cache_dir.hpp"
#include "cache/disk_pool.hpp"
#include "cli/commands.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Nothing if it is not wanted. Throws Failure for a node that is not HOST:PORT.
std::optional<net::DhtOptions> dht_options(const NetworkOptions& network);

/// The table of an earlier run is taken up, and this run's is written by the pool: the engine does not wait
/// for the disk. Directory and pool outlive the engine.
void keep_table_in(const CacheDir& cache_dir, DiskPool& pool, net::DhtOptions& dht);

}  // namespace btfs::cli
