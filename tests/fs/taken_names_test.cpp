#include "fs/taken_names.hpp"

#include <gtest/gtest.h>

namespace btfs {
namespace {

using std::chrono::seconds;

constexpr pid_t kWriter = 7, kOther = 8, kHidden = 0;

struct Names {
    TimePoint now{};
    TakenNames taken{[this] { return now; }};

    void add(NodeId node, std::string name, pid_t process = kWriter) {
        taken.add({node, std::move(name), 5, 6, process});
    }
    NodeId node(std::string_view name, pid_t process = kWriter) {
        const auto found = taken.find(name, process);
        return found ? found->node : 0;
    }
};

TEST(TakenNames, ANameLastsForAWhileAndForTheProcessThatGaveIt) {
    Names names;
    names.add(1, "x.torrent");
    EXPECT_EQ(names.node("x.torrent"), 1u);
    EXPECT_EQ(names.node("x.torrent", kOther), 0u);
    EXPECT_EQ(names.node("x.torrent", kHidden), 1u) << "it may be the same process";
    EXPECT_EQ(names.node("y.torrent"), 0u);
    EXPECT_EQ(names.taken.find(NodeId{1})->size, 5u);
    names.now += TakenNames::kLifetime;
    EXPECT_EQ(names.node("x.torrent"), 0u);
    EXPECT_TRUE(names.taken.find(NodeId{1})) << "for a request that follows a lookup";
    names.now += TakenNames::kLifetime;
    EXPECT_FALSE(names.taken.find(NodeId{1}));
}

TEST(TakenNames, TheNewestOfANameCounts) {
    Names names;
    names.add(1, "x.torrent");
    names.add(2, "x.torrent", kOther);
    names.add(3, "x.torrent");
    EXPECT_EQ(names.node("x.torrent"), 3u);
    EXPECT_EQ(names.node("x.torrent", kOther), 2u);
    EXPECT_FALSE(names.taken.find(NodeId{1}));
    names.add(3, "y.torrent");
    EXPECT_EQ(names.node("x.torrent"), 0u) << "the file was renamed";
    names.taken.forget(3);
    EXPECT_EQ(names.node("y.torrent"), 0u);
    EXPECT_EQ(names.node("x.torrent", kOther), 2u);
}

TEST(TakenNames, AreBounded) {
    Names names;
    for (NodeId i = 0; i <= TakenNames::kMaxNames; ++i) names.add(i + 1, std::to_string(i));
    EXPECT_EQ(names.node("0"), 0u) << "the oldest";
    EXPECT_EQ(names.node("1"), 2u);
    EXPECT_EQ(names.node(std::to_string(TakenNames::kMaxNames)), TakenNames::kMaxNames + 1);
}

}  // namespace
}  // namespace btfs
