#include "engine/net/host_places.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace btfs::net {
namespace {

TEST(HostPlacesTest, AreBoundedForEachHost) {
    HostPlaces places;
    std::vector<HostPlaces::Place> taken;
    for (std::size_t i = 0; i < HostPlaces::kMaxPerHost; ++i) {
        taken.push_back(places.take("h:80", [] { return false; }));
        EXPECT_TRUE(taken.back());
    }
    EXPECT_FALSE(places.take("h:80", [] { return false; }));
    EXPECT_TRUE(places.take("h:81", [] { return false; }));
    taken.pop_back();
    EXPECT_TRUE(places.take("h:80", [] { return false; }));
    taken.clear();
    EXPECT_EQ(places.taken("h:80"), 0u);
}

TEST(HostPlacesTest, AnIdleConnectionGivesItsPlaceUp) {
    HostPlaces places;
    std::vector<HostPlaces::Place> taken(HostPlaces::kMaxPerHost);
    int asked = 0;
    for (std::size_t i = 0; i < taken.size(); ++i)
        taken[i] = places.take("h:80", [&, i] {
            ++asked;
            if (i < 2) return false;
            taken[i].free();
            return true;
        });
    EXPECT_TRUE(places.take("h:80", [] { return false; }));
    EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace btfs::net
