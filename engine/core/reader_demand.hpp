// What one open file wants of the swarm right now. The file system says it, the engine obeys.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs {

/// Names one open file of one torrent, never reused.
using ReaderId = std::uint64_t;

/// A whole statement, not a change: the newest one replaces what was said before. Ranges are of the
/// torrent's bytes.
struct ReaderDemand {
    /// Reads that wait at this moment, oldest first. Due now.
    std::vector<ByteRange> blocked;
    /// What the reader is likely to jump to before it goes on: the end of a file, where containers keep their
    /// index.
    std::vector<ByteRange> edges = {};
    /// What will be read next if the reader goes on: [position, end of its readahead window).
    ByteRange window;
    /// How fast the reader consumes; 0 while that is not known (then the window is due at once, in order).
    std::uint64_t bytes_per_second = 0;

    bool idle() const { return blocked.empty() && edges.empty() && window.empty(); }
};

}  // namespace btfs
