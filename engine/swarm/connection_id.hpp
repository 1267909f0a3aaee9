// Name of one connection of a torrent.
#pragma once

#include <cstdint>

namespace btfs {

/// Id of a connection, never reused within a torrent. 0 means none.
using ConnectionId = std::uint64_t;
inline constexpr ConnectionId kNobody = 0;

}  // namespace btfs
