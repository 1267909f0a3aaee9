#include "engine/proxy/stand_ins.hpp"

#include <gtest/gtest.h>

#include <string>

namespace btfs::proxy {
namespace {

TEST(StandIns, EachNameHasOne) {
    StandIns names;
    const Address tracker = names.stand_in_of("tracker.example");
    EXPECT_TRUE(StandIns::is_stand_in(tracker));
    EXPECT_EQ(names.name_of(tracker), "tracker.example");
    EXPECT_EQ(names.stand_in_of("Tracker.EXAMPLE"), tracker);
    EXPECT_NE(names.stand_in_of("other.example"), tracker);
    EXPECT_EQ(names.name_of(*Address::parse("192.0.2.1")), std::nullopt);
    EXPECT_EQ(names.name_of(*Address::parse("245.0.0.1")), std::nullopt);
}

TEST(StandIns, AreNoPeersThatOthersCouldBeToldOf) {
    StandIns names;
    EXPECT_FALSE((Endpoint{names.stand_in_of("peer.example"), 6881}.is_dialable()));
}

TEST(StandIns, TheOneAskedForLeastRecentlyMakesRoom) {
    StandIns names;
    const Address first = names.stand_in_of("0");
    const Address second = names.stand_in_of("1");
    for (std::size_t i = 2; i < StandIns::kMaxNames; ++i) names.stand_in_of(std::to_string(i));
    names.stand_in_of("0");
    const Address late = names.stand_in_of("late");
    EXPECT_EQ(names.size(), StandIns::kMaxNames);
    EXPECT_EQ(names.name_of(first), "0");
    EXPECT_EQ(names.name_of(second), std::nullopt);
    EXPECT_EQ(names.name_of(late), "late");
}

}  // namespace
}  // namespace btfs::proxy
