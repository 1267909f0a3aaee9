// Big-endian numbers in byte strings: a reader that never runs over, and a writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace btfs {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class T>
requires std::is_unsigned_v<T>
constexpr T load_big_endian(const std::byte* from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | std::to_integer<std::uint8_t>(from[i]);
    return static_cast<T>(value);
}

template <class T>
requires std::is_unsigned_v<T>
constexpr void store_big_endian(std::byte* to, T value) {
    for (std::size_t i = sizeof(T); i-- > 0;) {
        to[i] = static_cast<std::byte>(value & 0xff);
        value = static_cast<T>(static_cast<std::uint64_t>(value) >> 8);
    }
}

/// Reads numbers and byte strings from the front of a view. Reading past the end gives zeros and makes
/// ok() false from then on, so that a parser may read all its fields and check once.
class ByteReader {
  public:
    explicit ByteReader(ByteView bytes) : rest_(bytes) {}

    std::uint8_t u8() { return number<std::uint8_t>(); }
    std::uint16_t u16() { return number<std::uint16_t>(); }
    std::uint32_t u32() { return number<std::uint32_t>(); }
    std::uint64_t u64() { return number<std::uint64_t>(); }

    ByteView take(std::size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        ByteView taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

    ByteView rest() const { return rest_; }
    bool ok() const { return ok_; }
    /// True when everything was read and nothing was missing.
    bool finished() const { return ok_ && rest_.empty(); }

  private:
    template <class T>
    T number() {
        ByteView raw = take(sizeof(T));
        return raw.empty() ? T{} : load_big_endian<T>(raw.data());
    }

    ByteView rest_;
    bool ok_ = true;
};

/// Appends numbers and byte strings to a vector that the caller owns.
class ByteWriter {
  public:
    explicit ByteWriter(Bytes& out) : out_(out) {}

    ByteWriter& u8(std::uint8_t v) { return number(v); }
    ByteWriter& u16(std::uint16_t v) { return number(v); }
    ByteWriter& u32(std::uint32_t v) { return number(v); }
    ByteWriter& u64(std::uint64_t v) { return number(v); }

    ByteWriter& bytes(ByteView v) {
        const std::size_t at = out_.size();
        out_.resize(at + v.size());
        if (!v.empty()) std::memcpy(out_.data() + at, v.data(), v.size());
        return *this;
    }
    ByteWriter& text(std::string_view v) { return bytes(as_bytes(v)); }

  private:
    template <class T>
    ByteWriter& number(T v) {
        std::byte raw[sizeof(T)];
        store_big_endian(raw, v);
        return bytes(raw);
    }

    Bytes& out_;
};

}  // namespace btfs
