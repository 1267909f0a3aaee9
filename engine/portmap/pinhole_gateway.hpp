// Pinholes in the firewall of an IPv6 router, by UPnP (WANIPv6FirewallControl:1).
#pragma once

#include <memory>

#include "engine/portmap/default_gateway.hpp"
#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// Returns the router as a gateway, if a search over IPv6 is answered within two seconds, and the router
/// itself describes such a service within some more. It opens ports of `router.own`, from which it is asked:
/// routers open no other host's.
Result<std::unique_ptr<PortGateway>> find_pinhole_gateway(const Router& router);

}  // namespace btfs::portmap
