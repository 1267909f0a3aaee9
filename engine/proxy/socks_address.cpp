#include "engine/proxy/socks_address.hpp"

#include <string_view>

namespace btfs::proxy {

void append_socks_address(ByteWriter& out, const HostPort& to) {
    if (const auto address = Address::parse(to.host)) return append_socks_address(out, {*address, to.port});
    const std::string_view name = std::string_view(to.host).substr(0, kMaxSocksName);
    out.u8(kSocksName).u8(static_cast<std::uint8_t>(name.size())).text(name).u16(to.port);
}

void append_socks_address(ByteWriter& out, const Endpoint& to) {
    out.u8(to.address.is_v4() ? kSocksIpv4 : kSocksIpv6).bytes(to.address.bytes()).u16(to.port);
}

}  // namespace btfs::proxy
