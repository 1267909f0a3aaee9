#include "engine/swarm/demand.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

constexpr std::uint32_t kPiece = 100;

struct DemandTest : ::testing::Test {
    std::vector<std::uint32_t> open() const {
        std::vector<std::uint32_t> pieces;
        for (const Deadline& d : demand.open()) pieces.push_back(d.piece.value());
        return pieces;
    }
    static std::vector<std::uint32_t> pieces(std::initializer_list<std::uint32_t> list) { return list; }

    Layout layout{kPiece, {{0, 1000, false}}};
    std::set<std::uint32_t> had;
    Demand demand{layout,
                  [this](PieceIndex p) { return had.contains(p.value()) ? Offer::had : Offer::open; }};
    TimePoint now = TimePoint{} + 1h;
};

TEST_F(DemandTest, BlockedReadsGoBeforeReadahead) {
    demand.set_reader(1, {.blocked = {}, .window = {0, 300}}, now);
    demand.set_reader(2, {.blocked = {{700, 750}}, .window = {}}, now + 1s);
    EXPECT_EQ(open(), pieces({7, 0, 1, 2}));
    EXPECT_TRUE(demand.is_blocked_on(PieceIndex(7)));
    EXPECT_FALSE(demand.is_blocked_on(PieceIndex(0)));
}

TEST_F(DemandTest, TheLongestWaitingReadIsFirst) {
    demand.set_reader(1, {.blocked = {{500, 501}}, .window = {}}, now);
    demand.set_reader(2, {.blocked = {{200, 201}}, .window = {}}, now + 1ms);
    EXPECT_EQ(open(), pieces({5, 2}));
}

TEST_F(DemandTest, EdgesGoBetweenBlockedReadsAndReadahead) {
    demand.set_reader(1, {.blocked = {{200, 201}}, .edges = {{0, 1}, {999, 1000}}, .window = {200, 500}},
                      now);
    EXPECT_EQ(open(), pieces({2, 0, 9, 3, 4}));
    demand.set_reader(1, {.blocked = {}, .window = {900, 1000}}, now);
    EXPECT_EQ(open(), pieces({9}));
}

TEST_F(DemandTest, WhatIsWantedLaterGoesBehindAllWindows) {
    demand.set_reader(1, {.blocked = {}, .window = {200, 400}, .later = {{0, 50}, {900, 1000}}}, now);
    demand.set_reader(2, {.blocked = {}, .window = {500, 600}, .bytes_per_second = 1}, now + 1h);
    EXPECT_EQ(open(), pieces({2, 3, 5, 0, 9}));
    EXPECT_FALSE(demand.is_due_by(now + 2h, PieceIndex(0)));
    demand.set_reader(1, {.blocked = {{0, 1}}, .window = {200, 400}, .later = {{900, 1000}}}, now);
    EXPECT_EQ(open(), pieces({0, 2, 3, 5, 9}));
    demand.drop_reader(1);
    EXPECT_EQ(open(), pieces({5}));
}

TEST_F(DemandTest, AWindowThatMovesKeepsItsOrder) {
    demand.set_reader(1, {.blocked = {}, .window = {0, 300}, .bytes_per_second = 100}, now);
    demand.set_reader(1, {.blocked = {}, .window = {150, 500}, .bytes_per_second = 100000}, now + 1s);
    EXPECT_EQ(open(), pieces({1, 2, 3, 4}));
}

TEST_F(DemandTest, ReadersShareByDeadline) {
    demand.set_reader(1, {.blocked = {}, .window = {0, 300}, .bytes_per_second = 100}, now);
    demand.set_reader(2, {.blocked = {}, .window = {500, 800}, .bytes_per_second = 100}, now);
    EXPECT_EQ(open(), pieces({0, 5, 1, 6, 2, 7}));
}

TEST_F(DemandTest, APieceOfTwoReadersIsWantedUntilBothHaveGone) {
    demand.set_reader(1, {.blocked = {{0, 1}}, .window = {}}, now);
    demand.set_reader(2, {.blocked = {}, .window = {0, 100}}, now);
    demand.drop_reader(1);
    EXPECT_TRUE(demand.wants(PieceIndex(0)));
    EXPECT_FALSE(demand.is_blocked_on(PieceIndex(0)));
    demand.drop_reader(2);
    EXPECT_FALSE(demand.wants(PieceIndex(0)));
    EXPECT_EQ(demand.reader_count(), 0u);
}

TEST_F(DemandTest, WhatIsHadOrInFlightIsNotOffered) {
    had = {1};
    demand.set_reader(1, {.blocked = {{100, 101}}, .window = {0, 300}}, now);
    EXPECT_EQ(open(), pieces({0, 2}));
    EXPECT_TRUE(demand.blocked().empty());
    demand.set_offer(PieceIndex(0), Offer::in_flight);
    EXPECT_EQ(open(), pieces({2}));
    demand.set_offer(PieceIndex(1), Offer::open);  // the piece was lost
    EXPECT_EQ(open(), pieces({1, 2}));
}

TEST_F(DemandTest, OfWhatIsWaitedForTheReadersThatMayTradeAreKnown) {
    const auto traders = [&] {
        std::vector<std::pair<std::uint32_t, Duration>> waits;
        for (const Deadline& d : demand.blocked_traders()) waits.emplace_back(d.piece.value(), d.due - now);
        return waits;
    };
    using Waits = decltype(traders());
    ReaderDemand scan{.blocked = {{0, 1}, {200, 201}}, .window = {}, .may_trade = false};
    demand.set_reader(1, scan, now);
    EXPECT_EQ(demand.blocked().size(), 2u);
    EXPECT_EQ(traders(), Waits{});
    demand.set_reader(2, {.blocked = {{200, 201}}, .window = {}}, now + 1s);
    EXPECT_EQ(traders(), (Waits{{2, 1s}})) << "not since the scan waits for it";
    demand.set_offer(PieceIndex(2), Offer::had);
    EXPECT_EQ(traders(), Waits{});
    demand.set_offer(PieceIndex(2), Offer::open);
    demand.drop_reader(2);
    EXPECT_EQ(traders(), Waits{});
    scan.may_trade = true;  // it reads on
    demand.set_reader(1, scan, now + 2s);
    EXPECT_EQ(traders(), (Waits{{0, 0s}, {2, 0s}}));
    demand.drop_reader(1);
    EXPECT_EQ(traders(), Waits{});
}

TEST_F(DemandTest, RangesBeyondTheEndAreCut) {
    demand.set_reader(1, {.blocked = {}, .window = {900, 5000}}, now);
    EXPECT_EQ(open(), pieces({9}));
}

}  // namespace
}  // namespace btfs
