// Films in swarms of leechers, seed by seed: the invariants hold, the film is seen, and what is given counts.
#include <gtest/gtest.h>

#include "tests/sim/families.hpp"
#include "tests/sim/film_visit.hpp"
#include "tests/support/sanitized.hpp"

namespace btfs::sim {
namespace {

constexpr std::uint64_t kFilms = kSanitized ? 1 : 3;

FilmResult film_of(const SwarmOptions& options, std::uint64_t seed) {
    Simulation simulation(options, seed);
    return watch_film(simulation, seed, options.client_joins_at);
}

std::vector<std::string_view> leecher_family_names() {
    std::vector<std::string_view> names;
    for (const Family& family : leecher_families()) names.push_back(family.name);
    return names;
}

class Leechers : public ::testing::TestWithParam<std::tuple<std::string_view, std::uint64_t>> {};

TEST_P(Leechers, KeepTheInvariantsAndTheFilmIsSeen) {
    const auto [name, seed] = GetParam();
    const FilmResult result = film_of(family_named(name)->make(seed), seed);
    for (const std::string& violation : result.violations) ADD_FAILURE() << violation;
    EXPECT_EQ(result.jumps.size(), 3u);
    EXPECT_GE(result.played, 47s);
    EXPECT_GT(result.sent_to_us(), 40u << 20);  // 48 s of the film
    EXPECT_GT(result.sent_by_us(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Families, Leechers,
                         ::testing::Combine(::testing::ValuesIn(leecher_family_names()),
                                            ::testing::Range<std::uint64_t>(1, kFilms + 1)),
                         [](const auto& param) {
                             return std::string(std::get<0>(param.param)) + "_" +
                                    std::to_string(std::get<1>(param.param));
                         });

TEST(LeecherSwarms, RepeatExactly) {
    SwarmOptions options = family_named("leechers_mixed")->make(2);
    options.peers.erase(options.peers.begin(), options.peers.begin() + 10);  // the cheats come last
    EXPECT_EQ(film_of(options, 2).fingerprint(), film_of(options, 2).fingerprint());
}

TEST(LeecherSwarms, AClientWithoutUploadSlotsSendsNothingAndPlaysAllTheSame) {
    SwarmOptions stingy = family_named("leechers")->make(1);
    UploadSlots none(0);
    stingy.client.torrent.upload_slots = &none;
    const FilmResult taking = film_of(stingy, 1);
    EXPECT_EQ(taking.sent_by_us(), 0u);
    EXPECT_GT(taking.sent_to_us(), 16u << 20);
}

}  // namespace
}  // namespace btfs::sim
