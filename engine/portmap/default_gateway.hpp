// The router between us and the Internet.
#pragma once

#include <optional>

#include "engine/core/endpoint.hpp"

namespace btfs::portmap {

/// A router, and our own address behind it.
struct Router {
    Address address;
    /// The kernel's index of the interface to the router, without which a link-local address says nothing.
    unsigned interface = 0;
    /// The one of ours from which the kernel sends to the Internet: what trackers and peers see, or what the
    /// NAT sees.
    Address own;

    bool operator==(const Router&) const = default;
};

/// Where the kernel would send what goes to the Internet, by all its tables and rules; nothing if it goes
/// nowhere, or through a tunnel that has no gateway, or if there is no address of ours to send from. Only the
/// kernel is asked. Any thread.
std::optional<Router> default_router(AddressFamily family);

}  // namespace btfs::portmap
