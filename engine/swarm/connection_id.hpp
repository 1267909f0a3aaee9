// Name of one connection of a torrent.
#pragma once

#include <cstdint>

namespace btfs {

/// Never reused within a torrent. 0 is nobody.
using ConnectionId = std::uint64_t;
inline constexpr ConnectionId kNobody = 0;

}  // namespace btfs
