// Bloom filter by which many nodes together count peers (BEP 33).
#pragma once

#include <array>
#include <cstdint>

#include "engine/core/endpoint.hpp"

namespace btfs::dht {

/// A Bloom filter of addresses: two bits of 2,048 for each.
class PeerFilter {
  public:
    static constexpr std::size_t kSize = 256;  ///< bytes

    PeerFilter() = default;
    /// From exactly kSize bytes.
    static PeerFilter from(ByteView raw);

    /// The bits of one address, to be kept where it is inserted more than once.
    using Bits = std::array<std::uint16_t, 2>;
    static Bits bits_of(const Address& address);

    void insert(const Bits& bits);
    void insert(const Address& address) { insert(bits_of(address)); }
    /// The union with another node's.
    void merge(const PeerFilter& other);
    /// About how many were inserted; breaks down at 8,000.
    double estimate() const;
    ByteView view() const { return bits_; }

  private:
    std::array<std::byte, kSize> bits_{};
};

}  // namespace btfs::dht
