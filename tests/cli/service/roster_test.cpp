#include "cli/service/roster.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace btfs::cli {
namespace {

std::vector<std::string> names(const Roster& roster) {
    std::vector<std::string> all;
    for (const auto& [index, entry] : roster.all()) all.push_back(entry.name);
    return all;
}

TEST(Roster, KeepsTheOrderOfSources) {
    Roster roster;
    const auto first = roster.add({.name = "a"});
    const auto second = roster.add({.name = "b"});
    roster.add({.name = "c"});
    roster.remove(second);
    roster.add({.name = "d"});
    roster.update(first, [](RosterEntry& entry) { entry.name = "A"; });
    EXPECT_THAT(names(roster), testing::ElementsAre("A", "c", "d"));
}

TEST(Roster, KeepsWhyATorrentFailedForGood) {
    Roster roster;
    const auto index = roster.add({.name = "a"});
    EXPECT_THROW(roster.or_fail(index, [] { throw std::runtime_error("a: no disk"); }), std::runtime_error);
    EXPECT_EQ(roster.get(0).problem, "a: no disk");
    roster.or_fail(roster.add({.name = "b"}), [] {});
    EXPECT_EQ(roster.get(1).problem, "");
}

TEST(Roster, TellsWhenTheLastEntryIsSettledOrGone) {
    Roster roster;
    int told = 0;
    roster.on_settled([&] {
        ++told;
        EXPECT_TRUE(roster.is_shown(0)) << "it may be looked at";
    });
    const auto first = roster.add({.name = "a"}), second = roster.add({.name = "b"});
    const auto show = [](RosterEntry& entry) { entry.slot = 0; };
    roster.update(first, [](RosterEntry& entry) { entry.label = "c"; });
    roster.update(first, show);
    EXPECT_EQ(told, 0);
    roster.update(second, show);
    roster.update(second, [](RosterEntry& entry) { entry.label = "c"; });
    roster.remove(second);
    EXPECT_EQ(told, 1);
    const auto third = roster.add({.name = "d"});
    roster.remove(third);
    EXPECT_EQ(told, 2);
    roster.update(roster.add({.name = "e"}), [](RosterEntry& entry) { entry.problem = "no disk"; });
    EXPECT_EQ(told, 3);
}

TEST(Roster, AnEntryIsSettledWhenItIsVisibleOrHasFailed) {
    RosterEntry entry;
    EXPECT_FALSE(entry.visible() || entry.settled());
    entry.problem = "no";
    EXPECT_TRUE(entry.settled() && !entry.visible());
    entry = {.slot = 0};
    EXPECT_TRUE(entry.settled() && entry.visible());
}

TEST(Roster, FindsATorrentByItsInfoHashOnceThatIsKnown) {
    Roster roster;
    const auto index = roster.add({.name = "a"});
    EXPECT_FALSE(roster.find("aa") || roster.find(""));
    roster.update(index, [](RosterEntry& entry) { entry.info_hash = "aa"; });
    EXPECT_EQ(roster.find("aa"), index);
    const auto again = roster.add({.name = "b", .info_hash = "aa"});
    EXPECT_EQ(roster.find("aa"), again);
    roster.remove(index);
    EXPECT_EQ(roster.find("aa"), again);
    EXPECT_EQ(roster.info_hashes(), std::vector<std::string>{"aa"});
    roster.remove(again);
    EXPECT_FALSE(roster.find("aa"));
    EXPECT_FALSE(roster.get_if(again));
}

}  // namespace
}  // namespace btfs::cli
