// PCP (RFC 6887) with the router, for IPv4 and IPv6.
#pragma once

#include <memory>

#include "engine/portmap/default_gateway.hpp"
#include "engine/portmap/pcp_server_state.hpp"
#include "engine/portmap/port_gateway.hpp"

namespace btfs::portmap {

/// The router, if it speaks PCP: it has PcpExchange::kPatience to answer, here and to each later question.
/// Over IPv4 its mappings lead through the NAT, over IPv6 they are holes in the firewall for `router.own`.
/// `state` outlives the gateway.
Result<std::unique_ptr<PortGateway>> find_pcp_gateway(const Router& router, PcpServerState& state);

}  // namespace btfs::portmap
