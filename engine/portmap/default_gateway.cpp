#include "engine/portmap/default_gateway.hpp"

#include "engine/net/network_path.hpp"

namespace btfs::portmap {

std::optional<Address> default_gateway() {
    const auto route = net::KernelRouting({}).default_route(AddressFamily::v4);
    return route && route->gateway && route->gateway->is_v4() ? route->gateway : std::nullopt;
}

}  // namespace btfs::portmap
