// HOST:PORT of the command line.
#pragma once

#include <string>
#include <vector>

#include "engine/core/host_port.hpp"

namespace btfs::cli {

/// Names stay names: the engine looks them up. Throws Failure for what is not HOST:PORT or [IPv6]:PORT.
/// `option` is where they were given.
std::vector<HostPort> parse_addresses(const std::string& option, const std::vector<std::string>& texts);

}  // namespace btfs::cli
