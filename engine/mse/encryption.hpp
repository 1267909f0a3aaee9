// Encryption: the user's rule for Message Stream Encryption, and what follows from it.
#pragma once

#include <cstdint>

namespace btfs {

/// Rule of `--encryption`.
enum class Encryption : std::uint8_t {
    off,      ///< plain connections alone, both ways
    allow,    ///< peers are dialled plain first, encrypted next; both kinds come in
    prefer,   ///< encrypted first, plain next; both kinds come in
    require,  ///< encrypted by RC4 alone, both ways
};

constexpr bool takes_plain(Encryption rule) {
    return rule != Encryption::require;
}

constexpr bool takes_encrypted(Encryption rule) {
    return rule != Encryption::off;
}

namespace mse {

/// Ways to send what follows the encryption handshake; or-ed together, the ways that a side offers.
enum Method : std::uint32_t {
    kPlaintext = 1,  ///< only the handshake is encrypted ("header-only")
    kRc4 = 2,
};
using Methods = std::uint32_t;

/// The methods that we offer and accept.
constexpr Methods methods_of(Encryption rule) {
    if (rule == Encryption::off) return 0;
    return rule == Encryption::require ? Methods{kRc4} : Methods{kPlaintext} | Methods{kRc4};
}

}  // namespace mse
}  // namespace btfs
