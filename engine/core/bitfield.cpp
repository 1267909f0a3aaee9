#include "engine/core/bitfield.hpp"

#include <bit>

namespace btfs {

Bitfield::Bitfield(std::size_t size, bool value)
    : bytes_(units_for(size, 8), value ? 0xff : 0), size_(size), count_(value ? size : 0) {
    if (value && size % 8 != 0) bytes_.back() = static_cast<std::uint8_t>(0xff << (8 - size % 8));
}

std::optional<Bitfield> Bitfield::parse(ByteView payload, std::size_t size) {
    if (payload.size() != units_for(size, 8)) return std::nullopt;
    Bitfield result(size);
    for (std::size_t i = 0; i < payload.size(); ++i)
        result.bytes_[i] = std::to_integer<std::uint8_t>(payload[i]);
    if (size % 8 != 0) result.bytes_.back() &= static_cast<std::uint8_t>(0xff << (8 - size % 8));
    for (std::uint8_t byte : result.bytes_) result.count_ += static_cast<std::size_t>(std::popcount(byte));
    return result;
}

bool Bitfield::set(PieceIndex piece) {
    if (test(piece)) return false;
    bytes_[piece.value() / 8] |= static_cast<std::uint8_t>(0x80 >> piece.value() % 8);
    ++count_;
    return true;
}

bool Bitfield::clear(PieceIndex piece) {
    if (!test(piece)) return false;
    bytes_[piece.value() / 8] &= static_cast<std::uint8_t>(~(0x80 >> piece.value() % 8));
    --count_;
    return true;
}

std::size_t Bitfield::count_without(const Bitfield& other) const {
    std::size_t count = 0, at = 0;
    for (; at + sizeof(std::uint64_t) <= bytes_.size(); at += sizeof(std::uint64_t))
        count += static_cast<std::size_t>(std::popcount(word(at) & ~other.word(at)));
    for (; at < bytes_.size(); ++at)
        count += static_cast<std::size_t>(
            std::popcount(static_cast<std::uint8_t>(bytes_[at] & ~unsigned{other.bytes_[at]})));
    return count;
}

}  // namespace btfs
