// Options of the DHT.
#pragma once

#include <functional>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/host_port.hpp"

namespace btfs::net {

struct DhtOptions {
    /// Public nodes to ask while few others are known.
    std::vector<HostPort> routers;
    /// The table that an earlier run's on_table() was given; may be empty.
    Bytes kept_table;
    /// The routing table, to be kept for the next run: soon after the start, now and then, and at the end. On
    /// the engine thread, which must not wait.
    std::function<void(Bytes)> on_table;
};

}  // namespace btfs::net
