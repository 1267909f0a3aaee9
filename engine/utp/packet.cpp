#include "engine/utp/packet.hpp"

namespace btfs::utp {

std::optional<PacketHeader> PacketHeader::parse(ByteView datagram) {
    ByteReader in(datagram);
    PacketHeader h;
    const std::uint8_t type_and_version = in.u8();
    h.type = static_cast<PacketType>(type_and_version >> 4);
    h.extension = in.u8();
    h.connection_id = in.u16();
    h.timestamp_us = in.u32();
    h.timestamp_difference_us = in.u32();
    h.window_size = in.u32();
    h.sequence_number = in.u16();
    h.ack_number = in.u16();
    if (!in.ok() || (type_and_version & 0x0f) != kVersion || h.type > PacketType::syn) return std::nullopt;
    return h;
}

Bytes PacketHeader::encode() const {
    Bytes out;
    ByteWriter(out)
        .u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | kVersion))
        .u8(extension)
        .u16(connection_id)
        .u32(timestamp_us)
        .u32(timestamp_difference_us)
        .u32(window_size)
        .u16(sequence_number)
        .u16(ack_number);
    return out;
}

std::optional<Bytes> refusal_of(ByteView datagram) {
    const auto syn = PacketHeader::parse(datagram);
    if (!syn || syn->type != PacketType::syn) return std::nullopt;
    PacketHeader reset;
    reset.type = PacketType::reset;
    reset.connection_id = syn->connection_id;  // a SYN carries the id under which its sender receives
    // The SYN itself is not acknowledged; libtorrent ignores a reset that does so.
    reset.ack_number = static_cast<std::uint16_t>(syn->sequence_number - 1);
    return reset.encode();
}

}  // namespace btfs::utp
