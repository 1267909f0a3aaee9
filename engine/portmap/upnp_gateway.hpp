// UPnP Internet gateway devices.
#pragma once

#include <memory>

#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// The router, if it comes forward as a gateway within two seconds, and describes itself within some more; of
/// its services the first that knows an external address, or else the first that maps ports at all. Whoever
/// else in the local network says that it is one is not listened to.
Result<std::unique_ptr<PortGateway>> find_upnp_gateway(const Address& router);

}  // namespace btfs::portmap
