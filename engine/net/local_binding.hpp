// Binding of our sockets (`--bind`), so that nothing leaves by another way.
#pragma once

#include <optional>
#include <string>

#include "engine/core/endpoint.hpp"

namespace btfs::net {

/// Nothing set: bound to nothing. With an address, a family without one must not be used at all.
struct LocalBinding {
    std::optional<Address> v4;
    std::optional<Address> v6;
    std::string device;  ///< an interface's name: packets go over it or not at all, even against the routes

    bool allows(AddressFamily family) const {
        return (!v4 && !v6) || (family == AddressFamily::v4 ? v4 : v6).has_value();
    }
};

}  // namespace btfs::net
