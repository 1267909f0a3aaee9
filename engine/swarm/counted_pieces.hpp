// Pieces of one peer as they are counted in the picker's availability.
#pragma once

#include <optional>

#include "engine/core/bitfield.hpp"
#include "engine/swarm/picker.hpp"

namespace btfs {

/// Pieces of one peer, with the number of those that we lack, so that "is the peer useful?" costs O(1). The
/// peer's session may already know more pieces, since its events are handled after all bytes of a turn were
/// read. Each call gets the picker of the torrent. O(1) unless stated otherwise.
class CountedPieces {
  public:
    /// The peer has all pieces, or just these; what was counted of it before is forgotten. O(pieces).
    void assign_seed(Picker& picker);
    void assign(const Bitfield& pieces, Picker& picker);
    /// The peer has none, or has gone. O(pieces), but for a seed.
    void clear(Picker& picker);
    /// One more, or one fewer; nothing if that is counted already. O(1), but for the first piece that a seed
    /// loses.
    void gain(PieceIndex piece, Picker& picker);
    void lose(PieceIndex piece, Picker& picker);
    /// We have the piece now, and did not before; or do not have it any more.
    void on_had(PieceIndex piece);
    void on_lost(PieceIndex piece);

    bool is_seed() const { return is_seed_; }
    /// True if the peer has a piece that we lack.
    bool useful(const Picker& picker) const { return is_seed_ ? picker.bytes_missing() > 0 : lacked_ > 0; }

  private:
    bool is_seed_ = false;
    std::optional<Bitfield> pieces_;  ///< all bits set, or absent, while it is a seed
    std::size_t lacked_ = 0;          ///< of pieces_, those that we lack; unless it is a seed
};

}  // namespace btfs
