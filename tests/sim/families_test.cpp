// Every family of swarms, seed by seed: the invariants hold in each swarm, and all reads are answered.
#include <gtest/gtest.h>

#include "tests/sim/visit.hpp"
#include "tests/support/sanitized.hpp"

namespace btfs::sim {
namespace {

// Fewer seeds with sanitizers, which make a visit ten times as long. packaging/test-long.sh has more seeds.
constexpr std::uint64_t kSeeds = kSanitized ? 1 : 10;

std::vector<std::string_view> family_names() {
    std::vector<std::string_view> names;
    for (const Family& family : families()) names.push_back(family.name);
    return names;
}

class Swarms : public ::testing::TestWithParam<std::tuple<std::string_view, std::uint64_t>> {};

TEST_P(Swarms, KeepTheirInvariantsAndAnswerAllReads) {
    const auto [name, seed] = GetParam();
    Simulation simulation(family_named(name)->make(seed), seed);
    const VisitResult result = visit(simulation, seed);
    for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
    EXPECT_GT(result.film.played, 0s);
    EXPECT_GT(result.copy.bytes_per_second, 0);
}

INSTANTIATE_TEST_SUITE_P(Families, Swarms,
                         ::testing::Combine(::testing::ValuesIn(family_names()),
                                            ::testing::Range<std::uint64_t>(1, kSeeds + 1)),
                         [](const auto& param) {
                             return std::string(std::get<0>(param.param)) + "_" +
                                    std::to_string(std::get<1>(param.param));
                         });

TEST(Simulation, RepeatsExactly) {
    const auto run = [] {
        Simulation simulation(family_named("flash_crowd")->make(5), 5);
        return visit(simulation, 5).fingerprint();
    };
    EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace btfs::sim
