#include "engine/mse/rc4.hpp"

#include <algorithm>
#include <array>

// OpenSSL 3 calls the low-level functions deprecated. Its other way to RC4 needs the legacy provider, which
// many systems lack.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace btfs::mse {

Rc4::Rc4(ByteView key) {
    RC4_set_key(&state_, static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(key.data()));
}

void Rc4::apply(ByteView from, std::byte* to) {
    RC4(&state_, from.size(), reinterpret_cast<const unsigned char*>(from.data()),
        reinterpret_cast<unsigned char*>(to));
}

void Rc4::discard(std::size_t size) {
    std::array<std::byte, 256> sink{};
    while (size > 0) {
        const std::size_t n = std::min(size, sink.size());
        apply(std::span(sink).first(n));
        size -= n;
    }
}

}  // namespace btfs::mse

#pragma GCC diagnostic pop
