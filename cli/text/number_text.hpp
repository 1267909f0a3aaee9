// Numbers as the user writes them.
#pragma once

#include <optional>
#include <string>

namespace btfs::cli {

/// Returns nothing if `text` is not a number, or below 0. "inf" is a number.
std::optional<double> parse_number(const std::string& text);

}  // namespace btfs::cli
