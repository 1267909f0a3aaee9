#include "engine/wire/requests_to_serve.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

using Verdict = RequestsToServe::Verdict;

BlockRef block(std::uint32_t piece, std::uint32_t n = 0) {
    return {PieceIndex(piece), n * kBlockSize, kBlockSize};
}

TEST(RequestsToServe, TakesEachRequestOnceWhileThePeerIsUnchoked) {
    RequestsToServe requests;
    EXPECT_EQ(requests.take(block(1), false), Verdict::taken);
    EXPECT_EQ(requests.take(block(1), false), Verdict::repeated);
    EXPECT_EQ(requests.take(block(2), true), Verdict::refused);
    EXPECT_TRUE(requests.remove(block(1)));
    EXPECT_FALSE(requests.remove(block(1)));
    EXPECT_EQ(requests.take(block(1), false), Verdict::taken);
}

TEST(RequestsToServe, KeepsGrantedPiecesThroughAChoke) {
    RequestsToServe requests;
    requests.grant({PieceIndex(7)});
    EXPECT_EQ(requests.take(block(7), true), Verdict::taken);
    EXPECT_EQ(requests.take(block(3), false), Verdict::taken);
    EXPECT_EQ(requests.take(block(4), false), Verdict::taken);
    EXPECT_EQ(requests.drop_choked(), (std::vector{block(3), block(4)}));
    EXPECT_EQ(requests.size(), 1u);
}

TEST(RequestsToServe, RefusesWhatIsBeyondItsBound) {
    RequestsToServe requests;
    for (std::uint32_t i = 0; i < RequestsToServe::kMaxWaiting; ++i)
        ASSERT_EQ(requests.take(block(i), false), Verdict::taken);
    EXPECT_EQ(requests.take(block(99'999), false), Verdict::refused);
    EXPECT_TRUE(requests.remove(block(5)));
    EXPECT_EQ(requests.take(block(99'999), false), Verdict::taken);
}

}  // namespace
}  // namespace btfs::wire
