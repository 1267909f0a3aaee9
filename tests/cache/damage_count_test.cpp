#include "cache/pieces/damage_count.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

TEST(DamageCount, APieceIsHealedSoOftenAndNoMore) {
    DamageCount damage;
    for (int i = 0; i < DamageCount::kMaxHealed; ++i)
        EXPECT_TRUE(damage.may_heal(PieceIndex(7), PieceIndex(7)));
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(damage.may_heal(PieceIndex(7), PieceIndex(7)));
    EXPECT_TRUE(damage.may_heal(PieceIndex(8), PieceIndex(8)));
    EXPECT_FALSE(damage.may_heal(PieceIndex(6), PieceIndex(9))) << "piece 7 is among them";
}

}  // namespace
}  // namespace btfs
