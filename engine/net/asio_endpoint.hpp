// Between our addresses and Asio's; for sources of engine/net only.
#pragma once

#include <boost/asio/ip/address.hpp>

#include "engine/core/endpoint.hpp"

namespace btfs::net {

inline boost::asio::ip::address to_asio(const Address& address) {
    const ByteView raw = address.bytes();
    if (address.is_v4()) {
        boost::asio::ip::address_v4::bytes_type bytes;
        std::memcpy(bytes.data(), raw.data(), bytes.size());
        return boost::asio::ip::address_v4(bytes);
    }
    boost::asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), raw.data(), bytes.size());
    return boost::asio::ip::address_v6(bytes);
}

/// IPv4-mapped IPv6 addresses become IPv4.
inline Address from_asio(const boost::asio::ip::address& address) {
    if (address.is_v4()) {
        const auto raw = address.to_v4().to_bytes();
        return *Address::from_bytes(std::as_bytes(std::span(raw)));
    }
    const auto raw = address.to_v6().to_bytes();
    return *Address::from_bytes(std::as_bytes(std::span(raw)));
}

template <class Protocol>
typename Protocol::endpoint to_asio(const Endpoint& endpoint) {
    return {to_asio(endpoint.address), endpoint.port};
}

template <class AsioEndpoint>
Endpoint from_asio_endpoint(const AsioEndpoint& endpoint) {
    return {from_asio(endpoint.address()), endpoint.port()};
}

}  // namespace btfs::net
