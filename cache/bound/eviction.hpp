// Eviction: which pieces of the cache are worth least to their user. Computes only.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/core/reader_demand.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Worth of a piece that is on disk: what is worth less goes first.
struct Worth {
    /// From the least to the most.
    enum class Kind : std::uint8_t {
        left_behind,  ///< a reader that goes on has passed it
        unread,       ///< no reader is near
        just_passed,  ///< a reader has passed it, and may look back
        ahead,        ///< a reader will come to it, if it goes on
        pinned,
        waited_for,  ///< a read waits for it, or for its neighbour
    };
    Kind kind = Kind::unread;
    /// Among those of one kind the lesser goes first: left_behind, ahead: the further from the reader the
    /// less; waited_for: the later its reader stands among `readers`, and the read among the reader's, the
    /// less; else when it was last used, in seconds since 1970.
    std::uint64_t order = 0;

    auto operator<=>(const Worth&) const = default;
};

/// So much behind a reader counts as just passed. Less if the cache is small: see look_back_in().
inline constexpr std::uint64_t kLooksBack = std::uint64_t{16} << 20;
/// So much behind a reader counts as left behind; what lies further back has nothing to do with it.
inline constexpr std::uint64_t kLeftBehind = std::uint64_t{1} << 30;

/// How far back a reader may look in a cache of `limit` bytes.
std::uint64_t look_back_in(std::uint64_t limit);

/// A rare piece counts as if it had been used that much later, in seconds.
inline constexpr std::uint64_t kRareLasts = 600;

/// Worth of the piece with these bytes of a torrent. `last_used`: when it was last read, or else when it
/// came. `readers`: what the readers of this torrent demand; a reader is where its window begins.
Worth worth_of(ByteRange piece, std::uint64_t last_used, bool pinned, std::span<const ReaderDemand> readers,
               std::uint64_t looks_back);

/// Something that may be evicted: a piece, or the whole of a torrent.
struct EvictionCandidate {
    Worth worth;
    std::uint32_t owner = 0;  ///< the caller's name for its store
    std::uint32_t item = 0;   ///< the store's name for it
    std::uint64_t bytes_on_disk = 0;
};

/// Leaves those that have to go for `bytes` to become free, the least worthy first; all that may go, if that
/// is not enough. What readers will come to, and what is pinned, goes only as far as `urgent` of these bytes
/// need it, for a read that waits: else it would be fetched again at once. Then goes what reads wait for,
/// which they hold for each other; but one read's stays, so that one after the other is answered. Takes
/// linear time, but for sorting what goes.
void keep_least_worthy(std::vector<EvictionCandidate>& candidates, std::uint64_t bytes, std::uint64_t urgent);

}  // namespace btfs
