#include "engine/proxy/relayed_datagram.hpp"

#include "engine/proxy/socks_address.hpp"

namespace btfs::proxy {

std::optional<RelayedDatagram> RelayedDatagram::parse(ByteView datagram) {
    ByteReader in(datagram);
    in.u16();  // reserved
    const std::uint8_t fragment = in.u8();
    const std::uint8_t type = in.u8();
    if (fragment != 0 || (type != kSocksIpv4 && type != kSocksIpv6)) return std::nullopt;
    const auto address = Address::from_bytes(in.take(type == kSocksIpv4 ? 4 : 16));
    const std::uint16_t port = in.u16();
    if (!in.ok() || !address) return std::nullopt;
    return RelayedDatagram{{*address, port}, in.rest()};
}

void append_relay_header(Bytes& out, const HostPort& to) {
    ByteWriter writer(out);
    writer.u16(0).u8(0);
    append_socks_address(writer, to);
}

void append_relay_header(Bytes& out, const Endpoint& to) {
    ByteWriter writer(out);
    writer.u16(0).u8(0);
    append_socks_address(writer, to);
}

}  // namespace btfs::proxy
