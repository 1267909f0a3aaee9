#include "engine/wire/holepunch_message.hpp"

namespace btfs::wire {
namespace {

constexpr std::uint8_t kV4 = 0, kV6 = 1;

}  // namespace

Bytes HolepunchMessage::encode() const {
    Bytes out;
    ByteWriter writer(out);
    writer.u8(static_cast<std::uint8_t>(type));
    writer.u8(endpoint.address.is_v4() ? kV4 : kV6);
    endpoint.append_compact(out);
    writer.u32(static_cast<std::uint32_t>(failure));
    return out;
}

Result<std::optional<HolepunchMessage>> HolepunchMessage::parse(ByteView payload) {
    ByteReader reader(payload);
    const std::uint8_t type = reader.u8();
    const std::uint8_t family = reader.u8();
    if (!reader.ok()) return Errc::message_malformed;
    if (type > static_cast<std::uint8_t>(Type::error) || family > kV6)
        return std::optional<HolepunchMessage>();
    const std::size_t endpoint_size = (family == kV4 ? 4 : 16) + sizeof(std::uint16_t);
    const auto endpoint = Endpoint::from_compact(reader.take(endpoint_size));
    if (!endpoint) return Errc::message_malformed;
    HolepunchMessage message{.type = static_cast<Type>(type), .endpoint = *endpoint};
    if (message.type == Type::error) {
        message.failure = static_cast<Failure>(reader.u32());
        if (!reader.ok()) return Errc::message_malformed;
    }
    return std::optional(message);
}

}  // namespace btfs::wire
