// The address families that a name is looked up for.
#pragma once

#include <cstdint>

namespace btfs::net {

enum class Families : std::uint8_t { v4, v6, both };

}  // namespace btfs::net
