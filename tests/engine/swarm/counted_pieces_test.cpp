#include "engine/swarm/counted_pieces.hpp"

#include <gtest/gtest.h>

#include <set>

#include "engine/core/rng.hpp"

namespace btfs {
namespace {

constexpr std::uint32_t kPieces = 37;

/// Model that counts by looking at all pieces.
struct Model {
    std::set<std::uint32_t> pieces;
    bool useful(const Picker& picker) const {
        for (std::uint32_t i : pieces)
            if (!picker.had().test(PieceIndex(i))) return true;
        return false;
    }
};

// Compares the rarest piece, too: it shows that the picker's order follows the counts.
TEST(CountedPieces, AgreeWithAFullCountWhateverHappens) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        Rng rng(seed);
        const Layout layout(kBlockSize, {{0, kPieces * std::uint64_t{kBlockSize}, false}});
        Picker picker(layout, Bitfield(kPieces));
        std::vector<CountedPieces> peers(4);
        std::vector<Model> models(peers.size());
        for (int step = 0; step < 400; ++step) {
            const std::size_t p = rng.below(peers.size());
            const PieceIndex piece(rng.below(kPieces));
            switch (rng.below(8)) {
                case 0:
                    peers[p].assign_seed(picker);
                    for (std::uint32_t i = 0; i < kPieces; ++i) models[p].pieces.insert(i);
                    break;
                case 1: {
                    Bitfield some(kPieces);
                    models[p].pieces.clear();
                    const std::uint64_t density = 1 + rng.below(3);
                    for (std::uint32_t i = 0; i < kPieces; ++i)
                        if (rng.below(density) == 0 && i != 5)
                            some.set(PieceIndex(i)), models[p].pieces.insert(i);
                    peers[p].assign(some, picker);
                    break;
                }
                case 2:
                    if (rng.below(4) == 0) peers[p].clear(picker), models[p].pieces.clear();
                    break;
                case 3: {
                    const bool is_new = !picker.had().test(piece);
                    picker.set_had(piece);
                    for (auto& peer : peers)
                        if (is_new) peer.on_had(piece);
                    break;
                }
                case 4: {
                    const bool was_had = picker.had().test(piece);
                    picker.set_lost(piece);
                    for (auto& peer : peers)
                        if (was_had) peer.on_lost(piece);
                    break;
                }
                case 5:
                    peers[p].lose(piece, picker);
                    models[p].pieces.erase(piece.value());
                    break;
                default:
                    for (std::uint32_t i = 0; i < 6; ++i) {
                        const PieceIndex more((piece.value() + i) % kPieces);
                        peers[p].gain(more, picker);
                        models[p].pieces.insert(more.value());
                    }
                    break;
            }
            std::uint32_t fewest = ~0u;
            for (std::uint32_t i = 0; i < kPieces; ++i) {
                std::uint32_t count = 0;
                for (const Model& model : models) count += static_cast<std::uint32_t>(model.pieces.count(i));
                ASSERT_EQ(picker.availability(PieceIndex(i)), count) << "seed " << seed << ", step " << step;
                if (!picker.had().test(PieceIndex(i))) fewest = std::min(fewest, count);
            }
            for (std::size_t i = 0; i < peers.size(); ++i) {
                ASSERT_EQ(peers[i].useful(picker), models[i].useful(picker))
                    << "seed " << seed << ", step " << step;
                ASSERT_TRUE(!peers[i].is_seed() || models[i].pieces.size() == kPieces);
            }
            const auto rarest = picker.rarest([](PieceIndex) { return true; }, 3);
            ASSERT_EQ(rarest.has_value(), fewest != ~0u);
            ASSERT_TRUE(!rarest || picker.availability(*rarest) == fewest)
                << "seed " << seed << ", step " << step;
        }
    }
}

}  // namespace
}  // namespace btfs
