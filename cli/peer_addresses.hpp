// HOST:PORT of the command line, as endpoints.
#pragma once

#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"

namespace btfs::cli {

/// Looks names up, which may wait; at start-up only. Throws Failure.
std::vector<Endpoint> resolve_peers(const std::vector<std::string>& texts);

/// The address under which others most likely reach this machine; loopback if there is no other.
Address own_address();

}  // namespace btfs::cli
