// UPnP Internet gateway devices.
#pragma once

#include <memory>

#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// Returns the router as a gateway, if it answers a search within two seconds and sends its description
/// within some more. Uses the first of its services that knows an external address, or else the first that
/// maps ports at all. Ignores other hosts of the local network that pose as a gateway.
Result<std::unique_ptr<PortGateway>> find_upnp_gateway(const Address& router);

}  // namespace btfs::portmap
