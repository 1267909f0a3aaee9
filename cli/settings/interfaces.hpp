// Lists network interfaces, and resolves --bind to one of them.
#pragma once

#include <string>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/net/local_binding.hpp"

namespace btfs::cli {

struct InterfaceAddress {
    std::string interface;
    Address address;
};

std::vector<InterfaceAddress> interface_addresses();

/// Returns the address that is bound to or, without one, the address by which others most likely reach this
/// machine; loopback if there is no other.
Address own_address(const net::LocalBinding& binding);

/// Parses names and addresses of interfaces: one interface, or at most one address of each family. An address
/// binds to its interface too, since a route could lead around it. Throws Failure for an interface or address
/// that this machine lacks.
net::LocalBinding parse_binding(const std::vector<std::string>& texts);

}  // namespace btfs::cli
