// State of each piece of a torrent, for who looks at it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/bitfield.hpp"

namespace btfs {

struct PieceMap {
    static constexpr std::uint32_t kMaxAvailability = 255;

    std::uint32_t piece_length = 0;  ///< in bytes
    Bitfield had;
    Bitfield begun;    ///< being received or verified
    Bitfield earlier;  ///< of those had: verified in an earlier run, not yet in this one
    std::vector<std::uint8_t>
        availability;  ///< connected peers that have the piece, at most kMaxAvailability
};

}  // namespace btfs
