// Compares a piece's content with its hash.
#pragma once

#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/piece_hashes.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// A value: hashes on the calling thread, which should be one of the disk pool's.
class Verifier {
  public:
    explicit Verifier(PieceHashes hashes) : hashes_(std::move(hashes)) {}

    bool matches(PieceIndex piece, ByteView content) const { return matches(piece, sha1(content)); }
    bool matches(PieceIndex piece, const Sha1Digest& digest) const {
        return piece.value() < hashes_.size() && digest == hashes_.v1(piece);
    }

    /// The SHA-1 of each block; they tell which peer's blocks were wrong once the piece is right.
    static std::vector<Sha1Digest> block_digests(ByteView content) {
        std::vector<Sha1Digest> digests;
        digests.reserve(units_for(content.size(), kBlockSize));
        for (std::size_t at = 0; at < content.size(); at += kBlockSize)
            digests.push_back(
                sha1(content.subspan(at, std::min<std::size_t>(kBlockSize, content.size() - at))));
        return digests;
    }

  private:
    PieceHashes hashes_;
};

}  // namespace btfs
