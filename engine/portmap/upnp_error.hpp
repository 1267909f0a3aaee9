// Errors that UPnP gateways report.
#pragma once

#include "engine/core/error.hpp"

namespace btfs::portmap {

/// An error as UPnP numbers them.
Error upnp_error(int code);
/// True for errors that a gateway has reported, false for those of the network.
bool is_upnp_error(const Error& error);

}  // namespace btfs::portmap
