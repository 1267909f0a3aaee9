// Crowds of leechers with one seeder: everybody finishes, and the invariants hold.
#include "tests/sim/client_crowd.hpp"

#include <gtest/gtest.h>

#include "tests/support/sanitized.hpp"

namespace btfs::sim {
namespace {

CrowdOptions crowd_of(std::size_t clients) {
    CrowdOptions options;
    options.clients = clients;
    if (kSanitized) options.size = 4 << 20;
    return options;
}

void expect_sound(const CrowdResult& result) {
    for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
    EXPECT_EQ(result.unfinished(), 0u);
    EXPECT_GE(result.last_finish(), result.bound);
    EXPECT_GE(result.mean_finish() * 2, result.bound);
    // The seeder has sent each piece once at least; the others have traded.
    EXPECT_GE(result.seeder_sent, 1.0);
    EXPECT_LT(result.seeder_sent, 0.8 * static_cast<double>(result.members.size()));
}

TEST(ClientCrowd, OfEightOfOneSubnetFinishes) {
    CrowdOptions options = crowd_of(8);
    options.one_subnet = true;
    expect_sound(ClientCrowd(options, 1).run());
}

TEST(ClientCrowd, OfTenFinishes) {
    for (const std::uint64_t seed : {1, 2}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        expect_sound(ClientCrowd(crowd_of(10), seed).run());
    }
}

TEST(ClientCrowd, AmongLibtorrentsFinishes) {
    CrowdOptions options = crowd_of(4);
    options.libtorrents = 4;
    const CrowdResult result = ClientCrowd(options, 1).run();
    expect_sound(result);
    EXPECT_GT(result.mean_finish(false), 0s);
}

TEST(ClientCrowd, RepeatsExactly) {
    CrowdOptions options = crowd_of(6);
    options.libtorrents = 4;
    options.size = 4 << 20;
    EXPECT_EQ(ClientCrowd(options, 3).run().fingerprint(), ClientCrowd(options, 3).run().fingerprint());
}

}  // namespace
}  // namespace btfs::sim
