// NAT-PMP (RFC 6886).
#pragma once

#include <memory>

#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// The router, if it speaks NAT-PMP: it has two seconds to answer, here and to each later question. An IPv4
/// address.
Result<std::unique_ptr<PortGateway>> find_natpmp_gateway(const Address& router);

}  // namespace btfs::portmap
