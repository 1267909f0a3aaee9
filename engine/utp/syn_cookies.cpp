#include "engine/utp/syn_cookies.hpp"

namespace btfs::utp {
namespace {

std::uint64_t slot_of(TimePoint now) {
    return static_cast<std::uint64_t>(now.time_since_epoch() / SynCookies::kSlot);
}

}  // namespace

std::uint16_t SynCookies::mask(const Endpoint& from, std::uint16_t id, std::uint64_t slot) const {
    std::array<std::byte, 16 + 2 + 2 + 8> message{};
    const ByteView address = from.address.bytes();
    std::memcpy(message.data(), address.data(), address.size());
    store_big_endian(message.data() + 16, from.port);
    store_big_endian(message.data() + 18, id);
    store_big_endian(message.data() + 20, slot);
    return load_big_endian<std::uint16_t>(hmac_sha256(key_, message).bytes.data());
}

std::uint16_t SynCookies::first_number(const Endpoint& from, std::uint16_t id, std::uint16_t syn_number,
                                       TimePoint now) const {
    return mask(from, id, slot_of(now)) ^ syn_number;
}

std::optional<std::uint16_t> SynCookies::syn_number(const Endpoint& from, std::uint16_t id,
                                                    std::uint16_t content_number, std::uint16_t ack_number,
                                                    TimePoint now) const {
    // Our answer consumes no number: what is acknowledged is the one before it.
    const auto first = static_cast<std::uint16_t>(ack_number + 1);
    for (std::uint64_t age = 0; age < 2; ++age) {
        const auto number = static_cast<std::uint16_t>(first ^ mask(from, id, slot_of(now) - age));
        const auto ahead = static_cast<std::uint16_t>(content_number - number);
        if (ahead >= 1 && ahead <= kMostAhead) return number;
    }
    return std::nullopt;
}

}  // namespace btfs::utp
