#include "engine/swarm/picker.hpp"

#include <cassert>

namespace btfs {

Picker::Picker(const Layout& layout, Bitfield had) : layout_(layout), had_(std::move(had)) {
    assert(had_.size() == layout.piece_count());
    for (std::uint32_t i = 0; i < layout.piece_count(); ++i)
        if (!had_.test(PieceIndex(i))) bytes_missing_ += layout.piece_size(PieceIndex(i));
}

PieceState Picker::state(PieceIndex piece) const {
    if (had_.test(piece)) return PieceState::had;
    if (partials_.contains(piece)) return PieceState::receiving;
    if (verifying_.contains(piece)) return PieceState::verifying;
    return PieceState::missing;
}

Bitfield Picker::begun() const {
    Bitfield pieces(layout_.piece_count());
    for (const auto& [piece, partial] : partials_) pieces.set(piece);
    for (const auto& [piece, partial] : verifying_) pieces.set(piece);
    return pieces;
}

PartialPiece* Picker::partial(PieceIndex piece) {
    auto found = partials_.find(piece);
    return found == partials_.end() ? nullptr : found->second.get();
}

PartialPiece& Picker::begin(PieceIndex piece, PieceBufferPtr buffer) {
    assert(state(piece) == PieceState::missing && buffer);
    auto [at, added] =
        partials_.emplace(piece, std::make_unique<PartialPiece>(piece, layout_, std::move(buffer), open_));
    if (rarity_) rarity_->remove(piece);
    return *at->second;
}

void Picker::abandon(PieceIndex piece) {
    assert(partials_.contains(piece));
    partials_.erase(piece);
    if (rarity_) rarity_->add(piece, count_of(piece));
}

PieceBufferPtr Picker::start_verifying(PieceIndex piece) {
    auto node = partials_.extract(piece);
    assert(!node.empty() && node.mapped()->complete());
    PieceBufferPtr buffer = node.mapped()->buffer();
    verifying_.insert(std::move(node));
    return buffer;
}

PartialPiece& Picker::reopen(PieceIndex piece) {
    auto node = verifying_.extract(piece);
    assert(!node.empty());
    return *partials_.insert(std::move(node)).position->second;
}

std::unique_ptr<PartialPiece> Picker::set_had(PieceIndex piece) {
    assert(!partials_.contains(piece));
    if (had_.set(piece)) bytes_missing_ -= layout_.piece_size(piece);
    if (rarity_) rarity_->remove(piece);
    auto node = verifying_.extract(piece);
    return node.empty() ? nullptr : std::move(node.mapped());
}

void Picker::set_lost(PieceIndex piece) {
    verifying_.erase(piece);
    if (had_.clear(piece)) bytes_missing_ += layout_.piece_size(piece);
    if (rarity_ && state(piece) == PieceState::missing && !rarity_->contains(piece))
        rarity_->add(piece, count_of(piece));
}

void Picker::pieces_joined(const Bitfield& pieces) {
    rarity_.reset();  // sorted anew when needed, which is as fast
    if (counts_.empty()) counts_.resize(layout_.piece_count());
    pieces.for_each_without(Bitfield(pieces.size()), [&](PieceIndex piece) { ++counts_[piece.value()]; });
}

void Picker::pieces_left(const Bitfield& pieces) {
    rarity_.reset();
    if (counts_.empty()) counts_.resize(layout_.piece_count());
    pieces.for_each_without(Bitfield(pieces.size()), [&](PieceIndex piece) { --counts_[piece.value()]; });
}

void Picker::piece_gained(PieceIndex piece) {
    if (counts_.empty()) counts_.resize(layout_.piece_count());
    ++counts_[piece.value()];
    if (rarity_) rarity_->count_up(piece);
}

void Picker::piece_left(PieceIndex piece) {
    assert(count_of(piece) > 0);
    if (counts_.empty()) counts_.resize(layout_.piece_count());
    --counts_[piece.value()];
    if (rarity_) rarity_->count_down(piece);
}

void Picker::completed() {
    ++seeds_;
    --all_counted_;
    if (rarity_) rarity_->count_all_down();
}

void Picker::no_longer_complete() {
    assert(seeds_ > 0);
    --seeds_;
    ++all_counted_;
    if (rarity_) rarity_->count_all_up();
}

std::uint32_t Picker::availability(PieceIndex piece) const {
    return seeds_ + count_of(piece);
}

std::optional<PieceIndex> Picker::rarest(const std::function<bool(PieceIndex)>& eligible,
                                         std::uint64_t salt) {
    for (PieceIndex piece : open_)
        if (eligible(piece)) return piece;
    if (!rarity_)
        rarity_.emplace(
            layout_.piece_count(), [&](PieceIndex piece) { return count_of(piece); },
            [&](PieceIndex piece) { return state(piece) == PieceState::missing; });
    return rarity_->first(salt, eligible);
}

}  // namespace btfs
