// What a node has to show to be believed that it gets mail at its address (BEP 5).
#pragma once

#include <array>
#include <string>

#include "engine/core/time.hpp"
#include "engine/dht/node_id.hpp"

namespace btfs::dht {

/// Tokens are made of a secret that changes every five minutes, and hold for one more change.
class Tokens {
  public:
    static constexpr Duration kSecretLife = 5min;

    Tokens(Rng& rng, TimePoint now);

    std::string make(const Address& address, const NodeId& info_hash, TimePoint now);
    bool holds(std::string_view token, const Address& address, const NodeId& info_hash, TimePoint now);

  private:
    using Secret = std::array<std::byte, 16>;

    void turn(TimePoint now);
    static std::string of(const Secret& secret, const Address& address, const NodeId& info_hash);

    Rng& rng_;
    Secret current_{}, previous_{};
    TimePoint turned_;
};

}  // namespace btfs::dht
