// Fetching: what the user wants of files that nobody reads.
#pragma once

#include <cstdint>

namespace btfs::cli {

/// How files are fetched that nobody reads.
enum class Fetching : std::uint8_t {
    pinned,    ///< and kept, also by later mounts
    unpinned,  ///< not at all
    once,      ///< and kept as what was read is
};

}  // namespace btfs::cli
