// Parses times that a user writes.
#pragma once

#include <optional>
#include <string_view>

#include "engine/core/time.hpp"

namespace btfs::cli {

/// "90", "90s", "30m", "1.5h" or "2d"; without a unit, seconds. Nothing for anything else, and beyond 100
/// years.
std::optional<Duration> parse_duration(std::string_view text);

}  // namespace btfs::cli
