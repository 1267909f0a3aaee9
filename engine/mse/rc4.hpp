// Rc4: one direction of a connection that is encrypted with RC4.
#pragma once

#include <openssl/rc4.h>

#include <span>

#include "engine/core/bytes.hpp"

namespace btfs::mse {

/// The key stream of RC4 from some point on. Enciphering and deciphering are the same. A value: a copy goes
/// on from the same point. OpenSSL's low-level function, which needs no legacy provider.
class Rc4 {
  public:
    explicit Rc4(ByteView key);

    /// Steps over so many bytes of the key stream.
    void discard(std::size_t size);
    /// In place.
    void apply(std::span<std::byte> bytes) { apply(bytes, bytes.data()); }
    /// From `from` to as many bytes at `to`, which is either from's own place or does not overlap it.
    void apply(ByteView from, std::byte* to);

  private:
    RC4_KEY state_;
};

}  // namespace btfs::mse
