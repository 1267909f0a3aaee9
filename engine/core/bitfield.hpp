// A set of pieces, in the bit order of BEP 3 (piece 0 is the highest bit of the first byte).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
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

    /// Reads BEP 3's bitfield payload. Nothing if its length is not exact. Spare bits are ignored.
    static std::optional<Bitfield> parse(ByteView payload, std::size_t size);
    /// The payload of a bitfield message.
    ByteView bytes() const { return std::as_bytes(std::span(bytes_)); }

    std::size_t size() const { return size_; }
    std::size_t count() const { return count_; }
    bool all() const { return count_ == size_; }
    bool none() const { return count_ == 0; }
    /// How many are set here and not in `other`, which has the same size.
    std::size_t count_without(const Bitfield& other) const;
    /// Calls f(PieceIndex) for each that is set here and not in `other`, in order. Runs of bytes without any
    /// are passed over eight at a time.
    template <class F>
    void for_each_without(const Bitfield& other, F f) const {
        visit([&](std::size_t at) { return word(at) & ~other.word(at); },
              [&](std::size_t at) { return bytes_[at] & ~unsigned{other.bytes_[at]}; }, f);
    }
    /// The same for all that are set here.
    template <class F>
    void for_each(F f) const {
        visit([&](std::size_t at) { return word(at); }, [&](std::size_t at) { return unsigned{bytes_[at]}; },
              f);
    }

    bool test(PieceIndex piece) const { return bytes_[piece.value() / 8] >> (7 - piece.value() % 8) & 1; }
    /// Return true if the bit changed.
    bool set(PieceIndex piece);
    bool clear(PieceIndex piece);

    bool operator==(const Bitfield&) const = default;

    /// Calls f(PieceIndex) for each that is not set, in order.
    template <class F>
    void for_each_clear(F f) const {
        std::size_t left = size_ - count_;
        for (std::size_t at = 0; left > 0;) {
            if (at + sizeof(std::uint64_t) <= bytes_.size() && word(at) == ~std::uint64_t{0}) {
                at += sizeof(std::uint64_t);
                continue;
            }
            const std::size_t rest = std::min<std::size_t>(8, size_ - at * 8);
            for (std::size_t bit = 0; bit < rest; ++bit) {
                if ((bytes_[at] >> (7 - bit) & 1) != 0) continue;
                f(PieceIndex(at * 8 + bit));
                --left;
            }
            ++at;
        }
    }

  private:
    /// Calls f(PieceIndex) for each bit of the bytes that `byte_at` gives; `word_at` gives eight of them.
    template <class WordAt, class ByteAt, class F>
    void visit(WordAt word_at, ByteAt byte_at, F f) const {
        std::size_t at = 0;
        while (at < bytes_.size()) {
            if (at + sizeof(std::uint64_t) <= bytes_.size() && word_at(at) == 0) {
                at += sizeof(std::uint64_t);
                continue;
            }
            for (unsigned rest = byte_at(at); rest != 0;) {
                const auto bit = static_cast<unsigned>(std::countl_zero(static_cast<std::uint8_t>(rest)));
                f(PieceIndex(at * 8 + bit));
                rest &= ~(0x80u >> bit);
            }
            ++at;
        }
    }
    std::uint64_t word(std::size_t at) const {
        std::uint64_t eight = 0;
        std::memcpy(&eight, bytes_.data() + at, sizeof eight);
        return eight;
    }

    std::vector<std::uint8_t> bytes_;
    std::size_t size_ = 0;
    std::size_t count_ = 0;
};

}  // namespace btfs
