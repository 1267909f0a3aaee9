// Formats sizes for people.
#pragma once

#include <cstdint>
#include <string>

namespace btfs::cli {

/// "1.5 GiB".
std::string human_size(std::uint64_t bytes);

}  // namespace btfs::cli
