// The network interfaces of this machine, and what --bind means by them.
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

/// The address that is bound to or, without one, under which others most likely reach this machine; loopback
/// if there is no other.
Address own_address(const net::LocalBinding& binding);

/// From interfaces' names and addresses: one interface, or an address of each family at most. An address
/// binds to its interface too, since a route could lead around it. Throws Failure for what is not there.
net::LocalBinding parse_binding(const std::vector<std::string>& texts);

}  // namespace btfs::cli
