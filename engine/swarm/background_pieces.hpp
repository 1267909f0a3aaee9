// Pieces that are fetched though no reader wants them.
#pragma once

#include <cstddef>
#include <utility>

#include "engine/core/bitfield.hpp"

namespace btfs {

/// Two sets: the background's, in which a piece that was evicted is not fetched again, and the user's pins,
/// in which it is. The pieces that are had are known to the caller, who tells of each change.
class BackgroundPieces {
  public:
    explicit BackgroundPieces(std::size_t piece_count) : wanted_(piece_count), pinned_(piece_count) {}

    /// `had`: what is there already.
    void set_wanted(Bitfield pieces, const Bitfield& had) {
        wanted_ = std::move(pieces);
        count(had);
    }
    void add_wanted(const Bitfield& pieces, const Bitfield& had) {
        pieces.for_each_without(had, [this](PieceIndex piece) { wanted_.set(piece); });
        count(had);
    }
    void set_pinned(Bitfield pieces, const Bitfield& had) {
        pinned_ = std::move(pieces);
        count(had);
    }

    bool contains(PieceIndex piece) const { return wanted_.test(piece) || pinned_.test(piece); }
    bool is_pinned(PieceIndex piece) const { return pinned_.test(piece); }
    /// Whether some are missing.
    bool any_missing() const { return missing_ > 0; }
    bool any_pinned_missing() const { return pinned_missing_ > 0; }

    /// The piece is had now, and was not before.
    void on_had(PieceIndex piece) {
        missing_ -= contains(piece);
        pinned_missing_ -= is_pinned(piece);
    }
    /// Takes a piece that is not had any more.
    void on_lost(PieceIndex piece) {
        missing_ += contains(piece);
        pinned_missing_ += is_pinned(piece);
    }
    /// It was evicted; on_lost() follows.
    void on_evicted(PieceIndex piece) { wanted_.clear(piece); }

  private:
    void count(const Bitfield& had) {
        pinned_missing_ = pinned_.count_without(had);
        missing_ = pinned_missing_;
        wanted_.for_each_without(had, [this](PieceIndex piece) { missing_ += !pinned_.test(piece); });
    }

    Bitfield wanted_, pinned_;
    std::size_t missing_ = 0, pinned_missing_ = 0;
};

}  // namespace btfs
