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

std::span<const Family> families();
const Family* family_named(std::string_view name);

}  // namespace btfs::sim
