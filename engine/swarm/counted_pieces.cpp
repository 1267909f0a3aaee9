#include "engine/swarm/counted_pieces.hpp"

namespace btfs {

void CountedPieces::assign_seed(Picker& picker) {
    clear(picker);
    is_seed_ = true;
    picker.seed_joined();
}

void CountedPieces::assign(const Bitfield& pieces, Picker& picker) {
    clear(picker);
    pieces_ = pieces;
    lacked_ = pieces.count_without(picker.had());
    picker.pieces_joined(pieces);
}

void CountedPieces::clear(Picker& picker) {
    if (is_seed_)
        picker.seed_left();
    else if (pieces_)
        picker.pieces_left(*pieces_);
    is_seed_ = false;
    pieces_.reset();
    lacked_ = 0;
}

void CountedPieces::gain(PieceIndex piece, Picker& picker) {
    if (is_seed_) return;
    if (!pieces_) pieces_.emplace(picker.had().size());
    if (!pieces_->set(piece)) return;
    lacked_ += !picker.had().test(piece);
    picker.piece_gained(piece);
    if (!pieces_->all()) return;
    picker.completed();
    is_seed_ = true;
}

void CountedPieces::lose(PieceIndex piece, Picker& picker) {
    if (is_seed_) {
        picker.no_longer_complete();
        is_seed_ = false;
        if (!pieces_) pieces_.emplace(picker.had().size(), true);
        lacked_ = picker.had().size() - picker.had().count();
    }
    if (!pieces_ || !pieces_->clear(piece)) return;
    lacked_ -= !picker.had().test(piece);
    picker.piece_left(piece);
}

void CountedPieces::on_had(PieceIndex piece) {
    if (!is_seed_ && pieces_ && pieces_->test(piece)) --lacked_;
}

void CountedPieces::on_lost(PieceIndex piece) {
    if (!is_seed_ && pieces_ && pieces_->test(piece)) ++lacked_;
}

}  // namespace btfs
