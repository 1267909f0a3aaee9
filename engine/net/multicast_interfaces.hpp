// Interfaces of this machine to local networks.
#pragma once

#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/net/local_binding.hpp"

namespace btfs::net {

/// An interface where groups can be joined, and the address that we have there.
struct MulticastInterface {
    unsigned index = 0;  ///< the kernel's
    Address address;

    bool operator==(const MulticastInterface&) const = default;
};

/// Those that are up and allowed by the binding, loopback included; at most kMaxMulticastInterfaces. Tunnels
/// to one other side are no local networks, and one that has only an IPv6 address of its own link is left
/// out, since peers could not be told how to get there.
std::vector<MulticastInterface> multicast_interfaces(AddressFamily family, const LocalBinding& binding);

inline constexpr std::size_t kMaxMulticastInterfaces = 16;

}  // namespace btfs::net
