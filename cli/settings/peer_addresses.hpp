// Parses HOST:PORT arguments of the command line.
#pragma once

#include <string>
#include <vector>

#include "engine/core/host_port.hpp"

namespace btfs::cli {

/// Names are not looked up: the engine does that. Throws Failure for a text that is not HOST:PORT or
/// [IPv6]:PORT. `option` names the option in the message.
std::vector<HostPort> parse_addresses(const std::string& option, const std::vector<std::string>& texts);

}  // namespace btfs::cli
