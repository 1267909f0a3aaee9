// Tests of the rule that calls a figure of a long run growing.
#include "tests/year/growth.hpp"

#include <gtest/gtest.h>

namespace btfs::year {
namespace {

TEST(Growth, IsFoundInWhatRisesByMoreThanTheMarginFromTheSecondQuarterToTheLast) {
    Growth growth;
    for (int i = 0; i < 52; ++i) growth.note("leak", i, 20);
    ASSERT_EQ(growth.complaints().size(), 1u);
    EXPECT_EQ(growth.complaints().front(), "leak grows: 19 in the second quarter, 45 in the last, margin 20");
}

TEST(Growth, IsNotFoundInWhatFillsInTheFirstQuarterOrPeaksOnceOrStaysWithinTheMargin) {
    Growth growth;
    for (int i = 0; i < 52; ++i) {
        growth.note("fills", std::min(i, 12), 0);
        growth.note("peaks", i == 45 ? 1000 : 5, 0);
        growth.note("creeps", i, 26);
        growth.note("falls", -i, 0);
    }
    EXPECT_TRUE(growth.complaints().empty()) << growth.complaints().front();
}

TEST(Growth, HeapInUseFollowsWhatIsAllocated) {
    const double before = heap_in_use();
    const std::vector<char> bytes(300'000, 'x');
    EXPECT_GE(heap_in_use(), before + 300'000);
    EXPECT_LT(heap_in_use(), before + 400'000);
}

}  // namespace
}  // namespace btfs::year
