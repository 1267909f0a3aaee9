// Allowed-fast set: the pieces that a peer may request while it is choked (BEP 6).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs::wire {

inline constexpr std::size_t kAllowedFastCount = 10;

/// BEP 6's canonical set of at most `count` pieces for a peer with this IPv4 address; empty for IPv6, for
/// which the BEP has none.
std::vector<PieceIndex> allowed_fast_set(const Address& peer, const Sha1Digest& info_hash,
                                         std::uint32_t piece_count, std::size_t count = kAllowedFastCount);

}  // namespace btfs::wire
