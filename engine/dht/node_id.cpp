#include "engine/dht/node_id.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "engine/core/crc32c.hpp"

namespace btfs::dht {
namespace {

constexpr std::array<std::uint8_t, 4> kMaskV4{0x03, 0x0f, 0x3f, 0xff};
constexpr std::array<std::uint8_t, 8> kMaskV6{0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
constexpr std::uint32_t kSecureBits = 0xfffff800;  // the first 21 of the hash

std::uint32_t hash_of(const Address& address, std::uint8_t selector) {
    const std::span<const std::uint8_t> mask =
        address.is_v4() ? std::span<const std::uint8_t>(kMaskV4) : std::span<const std::uint8_t>(kMaskV6);
    std::array<std::byte, 8> masked{};
    for (std::size_t i = 0; i < mask.size(); ++i) masked[i] = address.bytes()[i] & std::byte{mask[i]};
    masked[0] |= static_cast<std::byte>((selector & 7) << 5);
    return crc32c(ByteView(masked).first(mask.size()));
}

}  // namespace

NodeId random_id(Rng& rng) {
    NodeId id;
    rng.fill(id.bytes);
    return id;
}

NodeId random_id_near(const NodeId& id, int bits, Rng& rng) {
    NodeId near = random_id(rng);
    const auto whole = static_cast<std::size_t>(bits / 8);
    std::copy_n(id.bytes.begin(), whole, near.bytes.begin());
    const auto same = static_cast<std::byte>(0xff00 >> (bits % 8));  // mask in the byte where the ids part
    const auto differs = static_cast<std::byte>(0x80 >> (bits % 8));
    const std::byte flipped = id.bytes[whole] ^ differs;
    const std::byte given = same | differs;
    near.bytes[whole] = (flipped & given) | (near.bytes[whole] & ~given);
    return near;
}

NodeId secure_id(const Address& address, Rng& rng) {
    NodeId id = random_id(rng);
    const std::uint32_t hash = hash_of(address, std::to_integer<std::uint8_t>(id.bytes[19]));
    const auto own = load_big_endian<std::uint32_t>(id.bytes.data());
    store_big_endian(id.bytes.data(), (hash & kSecureBits) | (own & ~kSecureBits));
    return id;
}

int common_bits(const NodeId& a, const NodeId& b) {
    for (std::size_t i = 0; i < NodeId::kSize; ++i) {
        const auto differ = std::to_integer<std::uint8_t>(a.bytes[i] ^ b.bytes[i]);
        if (differ != 0) return static_cast<int>(8 * i) + std::countl_zero(differ);
    }
    return 8 * static_cast<int>(NodeId::kSize);
}

bool is_nearer(const NodeId& a, const NodeId& b, const NodeId& target) {
    for (std::size_t i = 0; i < NodeId::kSize; ++i) {
        const std::byte to_a = a.bytes[i] ^ target.bytes[i], to_b = b.bytes[i] ^ target.bytes[i];
        if (to_a != to_b) return to_a < to_b;
    }
    return false;
}

bool is_secure(const NodeId& id, const Address& address) {
    if (address.is_private() || address.is_loopback()) return true;
    const std::uint32_t hash = hash_of(address, std::to_integer<std::uint8_t>(id.bytes[19]));
    return ((hash ^ load_big_endian<std::uint32_t>(id.bytes.data())) & kSecureBits) == 0;
}

}  // namespace btfs::dht
