#include "engine/portmap/default_gateway.hpp"

#include "engine/net/network_path.hpp"

namespace btfs::portmap {

std::optional<Router> default_router(AddressFamily family) {
    const net::KernelRouting routing({});
    const auto route = routing.default_route(family);
    if (!route || !route->gateway || route->gateway->family() != family) return std::nullopt;
    const auto own = routing.default_source(family);
    if (!own) return std::nullopt;
    return Router{*route->gateway, route->interface, *own};
}

}  // namespace btfs::portmap
