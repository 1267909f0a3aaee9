// Scope of an address, which limits the hosts that may tell us of it.
#pragma once

#include "engine/core/endpoint.hpp"

namespace btfs {

/// False if `told` means nothing to us, or another host than it does to `teller`: a loopback address that
/// another machine tells of, or a private one that somebody outside of private networks tells of.
bool may_tell_of(const Address& teller, const Address& told);

/// Loopback, private and link-local addresses: hosts of our own network, as far as an address tells that.
bool is_local(const Address& address);

}  // namespace btfs
