// The header of uTP packets (BEP 29), its extensions, and whole packets.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/core/bytes.hpp"

namespace btfs::utp {

enum class PacketType : std::uint8_t { data = 0, fin = 1, state = 2, reset = 3, syn = 4 };

struct PacketHeader {
    static constexpr std::size_t kSize = 20;
    static constexpr std::uint8_t kVersion = 1;

    PacketType type = PacketType::data;
    std::uint8_t extension = 0;  ///< 0: none
    std::uint16_t connection_id = 0;
    std::uint32_t timestamp_us = 0;
    std::uint32_t timestamp_difference_us = 0;
    std::uint32_t window_size = 0;  ///< bytes
    std::uint16_t sequence_number = 0;
    std::uint16_t ack_number = 0;

    /// From the front of a datagram; nothing if it is not uTP's.
    static std::optional<PacketHeader> parse(ByteView datagram);
    Bytes encode() const;
    void encode_to(std::span<std::byte, kSize> out) const;

    bool operator==(const PacketHeader&) const = default;
};

inline constexpr std::uint8_t kSelectiveAckExtension = 1;
/// Bytes of the longest selective acknowledgement: a multiple of 4, and the length field has 8 bits.
inline constexpr std::size_t kMaxSelectiveAck = 252;

/// One datagram, cut into its parts. The views are parts of the datagram.
struct Packet {
    PacketHeader header;
    /// Bit i of byte j acknowledges packet ack_number + 2 + 8 * j + i. Empty: none.
    ByteView selective_ack;
    ByteView payload;

    /// Unknown extensions are skipped. Nothing if the datagram is not uTP's, or an extension runs over its
    /// end.
    static std::optional<Packet> parse(ByteView datagram);
};

/// The answer to a datagram that would open a connection that we do not take: a reset, on which clients turn
/// to TCP at once instead of after some seconds. Empty for other datagrams.
std::optional<Bytes> refusal_of(ByteView datagram);

}  // namespace btfs::utp
