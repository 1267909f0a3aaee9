#include "engine/wire/requests_in_flight.hpp"

#include <gtest/gtest.h>

namespace btfs::wire {
namespace {

BlockRef block(std::uint32_t n) {
    return {PieceIndex(n), 0, kBlockSize};
}

TEST(RequestsInFlight, RemembersTheLatestThatAChokeDropped) {
    RequestsInFlight requests;
    const TimePoint now = TimePoint{} + 1h;
    constexpr std::uint32_t kMany = RequestsInFlight::kMaxForgotten + 10;
    for (std::uint32_t i = 0; i < kMany; ++i) requests.add(block(i), now);
    EXPECT_EQ(requests.drop_all().size(), kMany);
    EXPECT_TRUE(requests.empty());
    EXPECT_FALSE(requests.begin_block(block(9))) << "nobody remembers it";
    EXPECT_EQ(requests.begin_block(block(10)), RequestsInFlight::Answers::nothing);
    EXPECT_EQ(requests.end_block(), RequestsInFlight::Answers::nothing);
    EXPECT_FALSE(requests.begin_block(block(10))) << "it comes once";
}

TEST(RequestsInFlight, ACancelledRequestIsInFlightUntilItIsAnswered) {
    RequestsInFlight requests;
    TimePoint now = TimePoint{} + 1h;
    requests.add(block(1), now);
    EXPECT_EQ(requests.cancel(block(1), now), RequestsInFlight::Cancelled::to_tell);
    EXPECT_EQ(requests.cancel(block(1), now), RequestsInFlight::Cancelled::not_in_flight);
    EXPECT_EQ(requests.size(), 1u);
    EXPECT_FALSE(requests.oldest());
    now += RequestsInFlight::kCancelledFor;
    EXPECT_EQ(requests.next_timeout(), now);
    requests.handle_timeout(now);
    EXPECT_TRUE(requests.empty());
    EXPECT_EQ(requests.bytes(), 0u);
    EXPECT_EQ(requests.begin_block(block(1)), RequestsInFlight::Answers::nothing) << "late, but asked for";
}

TEST(RequestsInFlight, ABlockUnderWayIsNotExpectedAgainForTheRequestThatItAnswers) {
    RequestsInFlight requests;
    const TimePoint now = TimePoint{} + 1h;
    requests.add(block(1), now);
    requests.cancel(block(1), now);
    requests.add(block(1), now);
    requests.add(block(2), now);
    EXPECT_EQ(requests.begin_block(block(1)), RequestsInFlight::Answers::wanted);
    EXPECT_EQ(requests.expected(0), nullptr);
    EXPECT_EQ(requests.end_block(), RequestsInFlight::Answers::wanted);
}

TEST(RequestsInFlight, ABlockThatWasCancelledAndAskedForAgainDoesNotTellThatTheCancelsWereRead) {
    RequestsInFlight requests;
    TimePoint now = TimePoint{} + 1h;
    for (std::uint32_t i : {1, 2}) requests.add(block(i), now);
    for (std::uint32_t i : {1, 2}) requests.cancel(block(i), now += 1s);
    for (std::uint32_t i : {1, 2}) requests.add(block(i), now += 1s);
    ASSERT_EQ(requests.begin_block(block(1)), RequestsInFlight::Answers::wanted) << "to either of the two";
    requests.end_block();
    const auto rejected = requests.reject(block(2));
    ASSERT_TRUE(rejected);
    EXPECT_TRUE(rejected->cancelled) << "the Cancel is answered, the second request stands";
    EXPECT_EQ(requests.oldest(), now);
}

}  // namespace
}  // namespace btfs::wire
