// Addresses as SOCKS5 messages have them (RFC 1928, section 5).
#pragma once

#include <cstdint>

#include "engine/core/bytes.hpp"
#include "engine/core/endpoint.hpp"
#include "engine/core/host_port.hpp"

namespace btfs::proxy {

/// Types of addresses.
inline constexpr std::uint8_t kSocksIpv4 = 1, kSocksName = 3, kSocksIpv6 = 4;
/// Bytes of a name, whose length is one byte.
inline constexpr std::size_t kMaxSocksName = 255;

/// Appends type, address or name, and port. A host that is an address is sent as one, any other as a name,
/// which the proxy looks up; a name is cut after kMaxSocksName bytes.
void append_socks_address(ByteWriter& out, const HostPort& to);
void append_socks_address(ByteWriter& out, const Endpoint& to);

}  // namespace btfs::proxy
