#include "engine/session/connection_budget.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <memory>
#include <vector>

namespace btfs {
namespace {

using net::DialUrgency;

/// Torrent that refuses to give up its last `kept` connections.
struct FakeTorrent final : ConnectionBudget::Holder {
    FakeTorrent(ConnectionBudget& the_budget, DialUrgency how_urgent)
        : budget(the_budget), its_urgency(how_urgent) {
        budget.add(*this);
    }
    ~FakeTorrent() override {
        slots.clear();
        budget.remove(*this);
    }
    DialUrgency urgency() const override { return its_urgency; }
    std::size_t give_up_connections(std::size_t count) override {
        std::size_t given = 0;
        for (; given < count && slots.size() > kept; ++given) slots.pop_back();
        return given;
    }
    bool connect() {
        if (!budget.make_room(*this)) return false;
        slots.push_back(budget.take(*this));
        return true;
    }
    void connect(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) connect();
    }

    ConnectionBudget& budget;
    DialUrgency its_urgency;
    std::size_t kept = 0;
    std::vector<ConnectionBudget::Slot> slots;
};

struct ConnectionBudgetTest : ::testing::Test {
    int told = 0;
    ConnectionBudget budget{10, [this] { ++told; }};
};

TEST_F(ConnectionBudgetTest, BoundsTheConnectionsOfAllTorrentsTogether) {
    FakeTorrent first(budget, DialUrgency::active), second(budget, DialUrgency::active);
    first.connect(5);
    second.connect(100);
    EXPECT_EQ(budget.used(), 10u);
    EXPECT_EQ(first.slots.size(), 5u);
}

TEST_F(ConnectionBudgetTest, AnIdleTorrentGivesItsConnectionsToOneWithReaders) {
    FakeTorrent idle(budget, DialUrgency::idle), small(budget, DialUrgency::idle),
        reader(budget, DialUrgency::reader_waits);
    idle.connect(7);
    small.connect(3);
    EXPECT_TRUE(budget.may_dial(DialUrgency::reader_waits, 0));
    reader.connect(100);
    EXPECT_EQ(reader.slots.size(), 10u);
    EXPECT_EQ(idle.slots.size() + small.slots.size(), 0u);
}

TEST_F(ConnectionBudgetTest, WhoHasReadersGivesNothingToTheIdle) {
    FakeTorrent reader(budget, DialUrgency::reader_waits), idle(budget, DialUrgency::idle);
    reader.connect(10);
    EXPECT_FALSE(idle.connect());
    EXPECT_FALSE(budget.may_dial(DialUrgency::idle, 0));
    EXPECT_EQ(reader.slots.size(), 10u);
}

TEST_F(ConnectionBudgetTest, EquallyUrgentTorrentsEndUpWithEqualShares) {
    FakeTorrent first(budget, DialUrgency::active), second(budget, DialUrgency::active);
    first.connect(10);
    second.connect(100);
    EXPECT_EQ(first.slots.size(), 5u);
    EXPECT_EQ(second.slots.size(), 5u);
}

TEST_F(ConnectionBudgetTest, ConnectionsThatAreNeededStay) {
    FakeTorrent idle(budget, DialUrgency::idle), reader(budget, DialUrgency::reader_waits);
    idle.kept = 8;
    idle.connect(10);
    reader.connect(100);
    EXPECT_EQ(idle.slots.size(), 8u);
    EXPECT_EQ(reader.slots.size(), 2u);
}

TEST_F(ConnectionBudgetTest, HalfOpenConnectionsOfIdleTorrentsCount) {
    FakeTorrent idle(budget, DialUrgency::idle);
    idle.connect(6);
    EXPECT_TRUE(budget.may_dial(DialUrgency::idle, 3));
    EXPECT_FALSE(budget.may_dial(DialUrgency::idle, 4));
}

TEST_F(ConnectionBudgetTest, AnIdleTorrentDialsNobodyBeyondItsShare) {
    FakeTorrent first(budget, DialUrgency::idle), second(budget, DialUrgency::idle);
    first.connect(4);
    EXPECT_FALSE(budget.is_beyond_share(first));
    first.connect(1);
    EXPECT_TRUE(budget.is_beyond_share(first));
    EXPECT_FALSE(budget.is_beyond_share(second));
}

TEST_F(ConnectionBudgetTest, TellsWhenThereIsRoomAgain) {
    FakeTorrent torrent(budget, DialUrgency::active);
    torrent.connect(10);
    torrent.slots.pop_back();
    EXPECT_EQ(told, 1);
    torrent.slots.pop_back();
    EXPECT_EQ(told, 1);
}

TEST(DefaultMaxConnections, LeavesHalfOfTheDescriptors) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const std::vector<std::pair<rlim_t, std::size_t>> cases{{256, 128}, {4096, 500}};
    for (const auto& [files, expected] : cases) {
        rlimit limit{std::min(files, before.rlim_max), before.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (limit.rlim_cur == files) {
            EXPECT_EQ(default_max_connections(), expected);
        }
    }
    setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace btfs
