#include "engine/dht/peer_filter.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/core/hash.hpp"

namespace btfs::dht {
namespace {

constexpr unsigned kBits = 8 * PeerFilter::kSize;

}  // namespace

PeerFilter PeerFilter::from(ByteView raw) {
    PeerFilter filter;
    std::ranges::copy(raw, filter.bits_.begin());
    return filter;
}

PeerFilter::Bits PeerFilter::bits_of(const Address& address) {
    const Sha1Digest digest = sha1(address.bytes());
    const auto bit = [&](std::size_t i) {
        return static_cast<std::uint16_t>((std::to_integer<unsigned>(digest.bytes[i]) |
                                           std::to_integer<unsigned>(digest.bytes[i + 1]) << 8) %
                                          kBits);
    };
    return {bit(0), bit(2)};
}

void PeerFilter::insert(const Bits& bits) {
    for (const std::uint16_t bit : bits) bits_[bit / 8] |= static_cast<std::byte>(1 << (bit % 8));
}

void PeerFilter::merge(const PeerFilter& other) {
    for (std::size_t i = 0; i < kSize; ++i) bits_[i] |= other.bits_[i];
}

double PeerFilter::estimate() const {
    unsigned zeros = kBits;
    for (std::byte b : bits_) zeros -= static_cast<unsigned>(std::popcount(std::to_integer<unsigned>(b)));
    const double share = std::clamp(zeros, 1u, kBits - 1) / static_cast<double>(kBits);
    if (zeros == kBits) return 0;
    return std::log(share) / (2 * std::log(1 - 1.0 / kBits));
}

}  // namespace btfs::dht
