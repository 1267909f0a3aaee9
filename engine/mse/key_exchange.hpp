// KeyExchange: the Diffie-Hellman exchange of Message Stream Encryption, over 768 bits.
#pragma once

#include <array>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/secret.hpp"

namespace btfs::mse {

/// Bytes of a public key and of the shared secret: big-endian, with leading zeros.
inline constexpr std::size_t kKeySize = 96;
using Key = std::array<std::byte, kKeySize>;

/// One side's key pair. The private key has 160 random bits.
class KeyExchange {
  public:
    explicit KeyExchange(const SecretSource& secrets);

    const Key& public_key() const { return public_; }
    /// The secret that both sides share. Errc::encryption_malformed for a key outside [2, p - 2], with which
    /// the secret would be one of very few.
    Result<Key> shared_secret(ByteView their_public_key) const;

  private:
    std::array<std::byte, 20> private_;
    Key public_;
};

}  // namespace btfs::mse
