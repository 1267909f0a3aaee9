// Finds who sent the bad block of a piece that failed, so that the innocent are not banned with it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/hash.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Remembers the blocks of failed attempts by their digests. When the piece verifies at last, every block
/// that differs from the good one convicts its sender. Bounded: the oldest failures are forgotten.
class SmartBan {
  public:
    /// A block of a failed attempt and who had sent it.
    struct Evidence {
        std::uint32_t block = 0;
        Sha1Digest digest;
        Address sender;
    };

    void on_failed(PieceIndex piece, std::vector<Evidence> blocks);
    bool knows(PieceIndex piece) const { return failures_.contains(piece); }
    std::size_t failures(PieceIndex piece) const;
    /// The piece verified with these digests: gives the senders of wrong blocks, and forgets the piece.
    std::set<Address> on_verified(PieceIndex piece, std::span<const Sha1Digest> block_digests);

    /// While a piece is fetched again, nothing of it is asked of its suspects.
    void suspect(PieceIndex piece, const Address& sender) { suspects_[piece].insert(sender); }
    bool is_suspect(PieceIndex piece, const Address& sender) const;
    /// Every suspicion ends, for want of others to ask.
    void clear_suspicions() { suspects_.clear(); }

  private:
    std::map<PieceIndex, std::vector<std::vector<Evidence>>> failures_;
    std::map<PieceIndex, std::set<Address>> suspects_;
};

}  // namespace btfs
