// Pieces in the order of how many peers have them.
#pragma once

#include <cassert>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs {

/// A set of pieces, sorted by a count of each: groups of equal count, one behind the other in one array. A
/// count that changes by one, or a piece that comes or goes, moves one piece over each border between.
class Rarity {
  public:
    /// Contains the pieces for which contained(piece) is true, with count_of(piece) each.
    template <class CountOf, class Contained>
    Rarity(std::uint32_t pieces, CountOf count_of, Contained contained) : place_(pieces, kNowhere) {
        std::vector<std::uint32_t> sizes(1);
        for (std::uint32_t i = 0; i < pieces; ++i) {
            if (!contained(PieceIndex(i))) continue;
            const std::uint32_t count = count_of(PieceIndex(i));
            if (count >= sizes.size()) sizes.resize(count + 1u);
            ++sizes[count];
        }
        begins_.assign(1, 0);
        for (std::uint32_t size : sizes) begins_.push_back(begins_.back() + size);
        order_.resize(begins_.back());
        std::vector<std::uint32_t> next(begins_);
        for (std::uint32_t i = 0; i < pieces; ++i)
            if (contained(PieceIndex(i))) put(PieceIndex(i), next[count_of(PieceIndex(i))]++);
    }

    std::size_t size() const { return order_.size(); }
    /// How many pieces have that count.
    std::size_t size_of(std::size_t count) const {
        return count + 1 < begins_.size() ? begins_[count + 1] - begins_[count] : 0;
    }
    bool contains(PieceIndex piece) const { return place_[piece.value()] != kNowhere; }
    /// The piece is not contained.
    void add(PieceIndex piece, std::uint32_t count);
    /// Does nothing if the piece is not contained.
    void remove(PieceIndex piece);
    /// One peer more, or fewer, has the piece. Does nothing if it is not contained.
    void count_up(PieceIndex piece);
    void count_down(PieceIndex piece);
    /// One more, or one fewer, has all pieces. O(groups). Before count_all_down() no piece's count is 0.
    void count_all_up() { begins_.insert(begins_.begin(), 0); }
    void count_all_down() {
        assert(begins_[1] == 0);
        if (begins_.size() > 2) begins_.erase(begins_.begin());
    }

    /// The first piece with the least count that `eligible` accepts; of those with a count below `below`.
    /// Within a group the search begins at a place that follows from `salt`.
    template <class Eligible>
    std::optional<PieceIndex> first(std::uint64_t salt, Eligible eligible,
                                    std::size_t below = std::numeric_limits<std::size_t>::max()) const {
        for (std::size_t group = 0; group + 1 < begins_.size() && group < below; ++group) {
            const std::uint32_t size = begins_[group + 1] - begins_[group];
            for (std::uint32_t i = 0; i < size; ++i) {
                const PieceIndex piece = order_[begins_[group] + (salt + i) % size];
                if (eligible(piece)) return piece;
            }
        }
        return std::nullopt;
    }

  private:
    static constexpr std::uint32_t kNowhere = ~0u;

    std::size_t group_of(PieceIndex piece) const;
    void put(PieceIndex piece, std::uint32_t place) {
        order_[place] = piece;
        place_[piece.value()] = place;
    }
    void swap(std::uint32_t a, std::uint32_t b);

    std::vector<PieceIndex> order_;
    std::vector<std::uint32_t> place_;   // by piece
    std::vector<std::uint32_t> begins_;  // by count; the last one is the end of all
};

}  // namespace btfs
