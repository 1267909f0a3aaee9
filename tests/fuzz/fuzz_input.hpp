// Reader of the input of a fuzz target, and an assertion.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/core/bytes.hpp"

namespace btfs::fuzz {

/// Ends the target, as libFuzzer counts a crash, if the condition does not hold.
inline void require(bool condition) {
    if (!condition) std::abort();
}

/// Hands out the bytes of an input, from its front. At its end bytes are 0.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    bool empty() const { return size_ == 0; }
    std::uint8_t byte() {
        if (size_ == 0) return 0;
        --size_;
        return *data_++;
    }
    /// Of two bytes.
    std::uint32_t number() {
        const std::uint32_t high = byte();
        return high << 8 | byte();
    }
    /// So many bytes, or the rest.
    ByteView view(std::size_t size) {
        size = std::min(size, size_);
        const ByteView out(reinterpret_cast<const std::byte*>(data_), size);
        data_ += size;
        size_ -= size;
        return out;
    }
    /// Up to 39 bytes.
    std::string text() {
        const ByteView raw = view(byte() % 40);
        return {reinterpret_cast<const char*>(raw.data()), raw.size()};
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
};

}  // namespace btfs::fuzz
