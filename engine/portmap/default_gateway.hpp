// The router between us and the Internet.
#pragma once

#include <optional>

#include "engine/core/endpoint.hpp"

namespace btfs::portmap {

/// Where the kernel would send what goes to the Internet over IPv4, by all its tables and rules; nothing if
/// it goes nowhere, or through a tunnel that has no gateway. Only the kernel is asked. Any thread.
std::optional<Address> default_gateway();

}  // namespace btfs::portmap
