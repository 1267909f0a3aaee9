#include "engine/core/crc32c.hpp"

#include <array>

namespace btfs {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        table[i] = crc;
    }
    return table;
}

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
    static constexpr auto kTable = make_table();
    std::uint32_t crc = 0xffffffff;
    for (std::byte b : bytes) crc = crc >> 8 ^ kTable[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
    return ~crc;
}

}  // namespace btfs
