// Write tokens: proof that a node receives what is sent to its source address (BEP 5).
#pragma once

#include <array>
#include <string>

#include "engine/core/secret.hpp"
#include "engine/core/time.hpp"
#include "engine/dht/node_id.hpp"

namespace btfs::dht {

/// Makes and checks tokens. A token is a hash of the address and the torrent, keyed with a secret that
/// changes every kSecretLife; it holds until the secret has changed twice. Nothing is kept for each token.
class Tokens {
  public:
    static constexpr Duration kSecretLife = 5min;

    Tokens(SecretSource secrets, TimePoint now);

    std::string make(const Address& address, const NodeId& info_hash, TimePoint now);
    bool holds(std::string_view token, const Address& address, const NodeId& info_hash, TimePoint now);

  private:
    using Secret = std::array<std::byte, 32>;
    static constexpr std::size_t kTokenSize = 8;

    void turn(TimePoint now);
    static std::string of(const Secret& secret, const Address& address, const NodeId& info_hash);

    const SecretSource fill_;
    Secret current_{}, previous_{};
    TimePoint turned_;
};

}  // namespace btfs::dht
