// Datagrams on their way to and from a SOCKS5 relay (RFC 1928, section 7).
#pragma once

#include <cstddef>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/host_port.hpp"

namespace btfs::proxy {

/// The longest header of a datagram to or from an address.
inline constexpr std::size_t kMaxRelayHeader = 4 + 16 + 2;

struct RelayedDatagram {
    Endpoint from;     ///< the sender, as the relay says
    ByteView payload;  ///< of the datagram that was parsed

    /// Returns nothing for a fragment, for a sender that is told by a name, and for malformed bytes.
    static std::optional<RelayedDatagram> parse(ByteView datagram);
};

/// Appends the header that goes before the payload of a datagram to that host, which may be a name.
void append_relay_header(Bytes& out, const HostPort& to);
void append_relay_header(Bytes& out, const Endpoint& to);

}  // namespace btfs::proxy
