// State and availability of each piece.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "engine/swarm/partial_piece.hpp"
#include "engine/swarm/rarity.hpp"

namespace btfs {

enum class PieceState : std::uint8_t { missing, receiving, verifying, had };

/// Every piece is in exactly one state; a piece that was had may become missing again. Counts
/// availability; seeds are counted once for all pieces, so that one joining costs nothing.
class Picker {
  public:
    Picker(const Layout& layout, Bitfield had);

    PieceState state(PieceIndex piece) const;
    const Bitfield& had() const { return had_; }
    std::uint64_t bytes_missing() const { return bytes_missing_; }

    /// Null unless the piece is being received.
    PartialPiece* partial(PieceIndex piece);
    /// All pieces that are being received, in order.
    const std::map<PieceIndex, std::unique_ptr<PartialPiece>>& partials() const { return partials_; }

    /// Pieces that are being received or verified.
    Bitfield begun() const;

    bool nothing_unverified() const { return partials_.empty() && verifying_.empty(); }

    /// missing -> receiving, with memory to receive into.
    PartialPiece& begin(PieceIndex piece, PieceBufferPtr buffer);
    /// receiving -> missing; its memory goes.
    void abandon(PieceIndex piece);
    /// receiving -> verifying; the piece's blocks are remembered in case it fails.
    PieceBufferPtr start_verifying(PieceIndex piece);
    /// verifying -> receiving, with all its blocks received.
    PartialPiece& reopen(PieceIndex piece);
    /// verifying (or missing: had since an earlier run) -> had. Gives who sent its blocks.
    std::unique_ptr<PartialPiece> set_had(PieceIndex piece);
    /// had -> missing, or verifying -> missing.
    void set_lost(PieceIndex piece);

    // ---- availability ----
    void seed_joined() { ++seeds_; }
    void seed_left() { --seeds_; }
    void pieces_joined(const Bitfield& pieces);
    void pieces_left(const Bitfield& pieces);
    void piece_gained(PieceIndex piece);
    void piece_left(PieceIndex piece);
    /// A peer of which all pieces were counted one by one is counted as a seed from now on; or the reverse.
    /// O(1): the order of the pieces stays.
    void completed();
    void no_longer_complete();
    /// How many connected peers have the piece; and how many of them are no seeds.
    std::uint32_t availability(PieceIndex piece) const;
    std::uint32_t leechers_with(PieceIndex piece) const { return count_of(piece); }

    /// No piece is left to begin, and no block of a begun one to ask for; false before anybody asked for the
    /// rarest.
    bool all_under_way() const { return rarity_ && rarity_->size() == 0 && open_.empty(); }
    /// How many missing pieces, of which nothing was asked yet, some peer has that is no seed; 0 before
    /// anybody asked for the rarest.
    std::size_t missing_that_leechers_have() const {
        return rarity_ ? rarity_->size() - rarity_->size_of(0) : 0;
    }
    /// A missing piece that `eligible` accepts and the fewest peers have; pieces that are being received and
    /// have free blocks come before it. Equally rare pieces are tried in an order that depends on `salt`.
    /// Takes as long as it finds pieces that are not eligible.
    std::optional<PieceIndex> rarest(const std::function<bool(PieceIndex)>& eligible, std::uint64_t salt);

  private:
    /// How many peers that are not seeds have the piece.
    std::uint32_t count_of(PieceIndex piece) const {
        const std::int32_t count = all_counted_ + (counts_.empty() ? 0 : counts_[piece.value()]);
        return static_cast<std::uint32_t>(count);
    }

    const Layout& layout_;
    Bitfield had_;
    std::uint64_t bytes_missing_ = 0;
    std::set<PieceIndex> open_;  // partial pieces with free blocks
    std::map<PieceIndex, std::unique_ptr<PartialPiece>> partials_;
    std::map<PieceIndex, std::unique_ptr<PartialPiece>> verifying_;
    std::uint32_t seeds_ = 0;
    // How many peers that are no seeds have each piece: these numbers, each with all_counted_ added.
    std::vector<std::int16_t> counts_;  // empty until a peer with some pieces joins
    std::int32_t all_counted_ = 0;
    std::optional<Rarity> rarity_;  // of the missing pieces, since somebody asked for the rarest
};

}  // namespace btfs
