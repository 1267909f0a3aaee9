// Families of swarms: each a function of a seed.
#pragma once

#include <span>
#include <string_view>

#include "tests/sim/simulation.hpp"

namespace btfs::sim {

struct Family {
    std::string_view name;
    std::string_view description;
    SwarmOptions (*make)(std::uint64_t seed);
};

/// Swarms that a visit() measures: most peers serve whoever asks.
std::span<const Family> families();
/// Swarms that watch_film() measures: most peers download, and choke.
std::span<const Family> leecher_families();
/// Of either kind; null if there is none of that name.
const Family* family_named(std::string_view name);

}  // namespace btfs::sim
