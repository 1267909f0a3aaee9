// A set of pieces, in the bit order of BEP 3 (piece 0 is the highest bit of the first byte).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/types.hpp"

namespace btfs {

class Bitfield {
  public:
    Bitfield() = default;
    explicit Bitfield(std::size_t size, bool value = false);

    /// Reads BEP 3's bitfield payload. Nothing if its length is not exact or a spare bit is set.
    static std::optional<Bitfield> parse(ByteView payload, std::size_t size);
    /// The payload of a bitfield message.
    ByteView bytes() const { return std::as_bytes(std::span(bytes_)); }

    std::size_t size() const { return size_; }
    std::size_t count() const { return count_; }
    bool all() const { return count_ == size_; }
    /// True if all that is set in `other`, of the same size, is set here too.
    bool includes(const Bitfield& other) const;
    bool none() const { return count_ == 0; }

    bool test(PieceIndex piece) const { return bytes_[piece.value() / 8] >> (7 - piece.value() % 8) & 1; }
    /// Both give whether the bit changed.
    bool set(PieceIndex piece);
    bool clear(PieceIndex piece);

    bool operator==(const Bitfield&) const = default;

  private:
    std::vector<std::uint8_t> bytes_;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
};

}  // namespace btfs
