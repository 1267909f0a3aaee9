// Piece hashes of a torrent. Only a store uses them, to verify the content.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// The v1 piece hashes, one for each piece.
class PieceHashes {
  public:
    PieceHashes() = default;
    explicit PieceHashes(std::vector<Sha1Digest> v1) : v1_(std::move(v1)) {}

    std::size_t size() const { return v1_.size(); }
    const Sha1Digest& v1(PieceIndex piece) const { return v1_[piece.value()]; }

  private:
    std::vector<Sha1Digest> v1_;
};

}  // namespace btfs
