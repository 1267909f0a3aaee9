// Options of the engine from the command line, and the file that keeps the DHT's routing table.
#pragma once

#include "cache/cache_dir.hpp"
#include "cache/disk/disk_pool.hpp"
#include "cache/disk/use_count.hpp"
#include "cli/settings/options.hpp"
#include "engine/session/engine.hpp"

namespace btfs::cli {

/// Raises the limit of open descriptors to the most that is allowed: each peer and each torrent needs some.
/// Called before the engine is constructed, which counts its connections by it.
void raise_descriptor_limit();

/// Throws Failure for a DHT node that is not HOST:PORT, for a proxy that cannot be used, and for an interface
/// or address that this machine lacks.
EngineOptions engine_options(const NetworkOptions& network);

/// The pool's jobs that write the DHT's table. The destructor waits for them, since they use the cache's
/// bound, which the pool outlives.
struct TableJobs {
    ~TableJobs() { count.wait_until_unused(); }
    UseCount count;
};

/// Starts with the routing table of an earlier run, and has the pool write this run's, so that the engine
/// does not wait for the disk. Does nothing without a DHT. Directory, pool and jobs outlive the engine.
void keep_dht_table(const CacheDir& cache_dir, DiskPool& pool, TableJobs& jobs, EngineOptions& options);

}  // namespace btfs::cli
