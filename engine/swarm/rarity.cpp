#include "engine/swarm/rarity.hpp"

#include <algorithm>
#include <cassert>

namespace btfs {

std::size_t Rarity::group_of(PieceIndex piece) const {
    const auto above = std::ranges::upper_bound(begins_, place_[piece.value()]);
    return static_cast<std::size_t>(above - begins_.begin()) - 1;
}

void Rarity::swap(std::uint32_t a, std::uint32_t b) {
    const PieceIndex first = order_[a], second = order_[b];
    put(first, b);
    put(second, a);
}

void Rarity::add(PieceIndex piece, std::uint32_t count) {
    assert(!contains(piece));
    while (begins_.size() < count + 2u) begins_.push_back(begins_.back());
    // Opens a gap at the end. Each group above `count` moves its first piece into the gap, so the gap moves
    // down to the end of the piece's own group.
    order_.push_back(piece);
    auto gap = static_cast<std::uint32_t>(order_.size() - 1);
    ++begins_.back();
    for (std::size_t group = begins_.size() - 2; group > count; --group) {
        const std::uint32_t begin = begins_[group]++;
        if (begin == gap) continue;
        put(order_[begin], gap);
        gap = begin;
    }
    put(piece, gap);
}

void Rarity::remove(PieceIndex piece) {
    if (!contains(piece)) return;
    std::uint32_t gap = place_[piece.value()];
    for (std::size_t group = group_of(piece); group + 1 < begins_.size(); ++group) {
        const std::uint32_t last = --begins_[group + 1];
        if (last == gap) continue;
        put(order_[last], gap);
        gap = last;
    }
    order_.pop_back();
    place_[piece.value()] = kNowhere;
}

void Rarity::count_up(PieceIndex piece) {
    if (!contains(piece)) return;
    const std::size_t group = group_of(piece);
    if (group + 2 == begins_.size()) begins_.push_back(begins_.back());
    swap(place_[piece.value()], --begins_[group + 1]);
}

void Rarity::count_down(PieceIndex piece) {
    if (!contains(piece)) return;
    const std::size_t group = group_of(piece);
    assert(group > 0);
    swap(place_[piece.value()], begins_[group]++);
}

}  // namespace btfs
