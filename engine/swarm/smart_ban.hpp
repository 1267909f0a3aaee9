// Evidence about pieces that failed: finds who sent the bad block, so that the innocent are not banned with
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Remembers the digests of blocks that were thrown away after their piece failed. When the piece verifies at
/// last, every block that differs from the good one convicts its sender. Bounded: the pieces that failed
/// first are forgotten.
class SmartBan {
  public:
    static constexpr std::size_t kMaxPieces = 256;
    /// Blocks that are remembered, of all pieces together.
    static constexpr std::size_t kMaxEvidence = 16'384;

    /// A block that was thrown away, and its sender.
    struct Evidence {
        std::uint32_t block = 0;
        Sha1Digest digest;
        Address sender;
    };

    /// The piece failed once more; `blocks` are those that are fetched again.
    void on_failed(PieceIndex piece, const std::vector<Evidence>& blocks);
    bool knows(PieceIndex piece) const { return cases_.contains(piece); }
    std::size_t failures(PieceIndex piece) const;
    std::size_t evidence() const { return evidence_; }
    /// The piece verified with these digests: gives the senders of wrong blocks, and forgets the piece.
    std::set<Address> on_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests);

    /// While a piece is fetched again, nothing of it is asked of its suspects.
    void suspect(PieceIndex piece, const Address& sender);
    bool is_suspect(PieceIndex piece, const Address& sender) const;
    /// The suspicions about this piece end, for want of others to ask.
    void acquit(PieceIndex piece);
    /// Calls `f(piece)` for each piece that has suspects.
    template <class F>
    void for_each_suspected(F&& f) const {
        for (const auto& [piece, one] : cases_)
            if (!one.suspects.empty()) f(piece);
    }

  private:
    struct Case {
        std::size_t failures = 0;
        std::set<std::pair<std::uint32_t, std::pair<Sha1Digest, Address>>> blocks;  ///< once each
        std::set<Address> suspects;
    };
    Case& case_of(PieceIndex piece);
    void forget(PieceIndex piece);

    std::map<PieceIndex, Case> cases_;
    std::deque<PieceIndex> in_order_;
    std::size_t evidence_ = 0;
};

}  // namespace btfs
