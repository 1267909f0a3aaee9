#include "engine/utp/packet.hpp"

namespace btfs::utp {

std::optional<PacketHeader> PacketHeader::parse(ByteView datagram) {
    if (datagram.size() < kSize) return std::nullopt;
    const std::byte* at = datagram.data();
    const auto type_and_version = std::to_integer<std::uint8_t>(at[0]);
    PacketHeader h;
    h.type = static_cast<PacketType>(type_and_version >> 4);
    if ((type_and_version & 0x0f) != kVersion || h.type > PacketType::syn) return std::nullopt;
    h.extension = std::to_integer<std::uint8_t>(at[1]);
    h.connection_id = load_big_endian<std::uint16_t>(at + 2);
    h.timestamp_us = load_big_endian<std::uint32_t>(at + 4);
    h.timestamp_difference_us = load_big_endian<std::uint32_t>(at + 8);
    h.window_size = load_big_endian<std::uint32_t>(at + 12);
    h.sequence_number = load_big_endian<std::uint16_t>(at + 16);
    h.ack_number = load_big_endian<std::uint16_t>(at + 18);
    return h;
}

void PacketHeader::encode_to(std::span<std::byte, kSize> out) const {
    std::byte* at = out.data();
    at[0] = static_cast<std::byte>(static_cast<unsigned>(type) << 4 | kVersion);
    at[1] = static_cast<std::byte>(extension);
    store_big_endian(at + 2, connection_id);
    store_big_endian(at + 4, timestamp_us);
    store_big_endian(at + 8, timestamp_difference_us);
    store_big_endian(at + 12, window_size);
    store_big_endian(at + 16, sequence_number);
    store_big_endian(at + 18, ack_number);
}

Bytes PacketHeader::encode() const {
    Bytes out(kSize);
    encode_to(std::span<std::byte, kSize>(out));
    return out;
}

std::optional<Packet> Packet::parse(ByteView datagram) {
    const auto header = PacketHeader::parse(datagram);
    if (!header) return std::nullopt;
    Packet packet{*header, {}, {}};
    ByteReader in(datagram.subspan(PacketHeader::kSize));
    for (std::uint8_t extension = header->extension; extension != 0;) {
        const std::uint8_t next = in.u8();
        const std::size_t size = in.u8();
        const ByteView content = in.take(size);
        if (!in.ok()) return std::nullopt;
        if (extension == kSelectiveAckExtension) packet.selective_ack = content;
        extension = next;
    }
    packet.payload = in.rest();
    return packet;
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
