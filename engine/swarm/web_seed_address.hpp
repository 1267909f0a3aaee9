// Addresses that stand for web seeds where peers have theirs.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/endpoint.hpp"

namespace btfs {

/// The stand-in of a torrent's web seed of that number: blame, accounts and estimates tell senders apart by
/// address. It is of 2001:db8::/32, which is for documentation and belongs to no host, in a /64 of its own.
/// No code dials or bans it, or tells it to others.
inline Endpoint web_seed_endpoint(std::uint32_t number) {
    std::array<std::byte, 16> raw{std::byte{0x20}, std::byte{0x01}, std::byte{0x0d}, std::byte{0xb8}};
    store_big_endian(raw.data() + 4, number);
    return {*Address::from_bytes(raw), 80};
}

/// The number of the web seed that the address stands for; nothing for all others.
inline std::optional<std::uint32_t> web_seed_number(const Address& address) {
    if (address.is_v4()) return std::nullopt;
    const auto number = load_big_endian<std::uint32_t>(address.bytes().data() + 4);
    return address == web_seed_endpoint(number).address ? std::optional(number) : std::nullopt;
}

}  // namespace btfs
