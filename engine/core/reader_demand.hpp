// Demand of one open file: the ranges that the file system asks the engine to fetch at present.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs {

/// Names one open file of one torrent, never reused.
using ReaderId = std::uint64_t;

/// Complete demand of a reader, not a change: each one replaces the one before. Ranges are in the torrent's
/// bytes.
struct ReaderDemand {
    /// Reads that wait at this moment, oldest first. Due now.
    std::vector<ByteRange> blocked;
    /// Ranges that the reader will probably jump to before it goes on: the end of a file, where containers
    /// keep their index.
    std::vector<ByteRange> edges = {};
    /// Range that will be read next if the reader goes on: [position, end of its readahead window).
    ByteRange window;
    /// Ranges that are wanted when nothing else is: the beginning of the file that will probably be opened
    /// after this one.
    std::vector<ByteRange> later = {};
    /// How fast the reader consumes; 0 while that is not known (then the window is due at once, in order).
    std::uint64_t bytes_per_second = 0;
    /// False: no content is fetched to be passed on so that peers serve this reader; see Trade.
    bool may_trade = true;

    bool idle() const { return blocked.empty() && edges.empty() && window.empty() && later.empty(); }
};

}  // namespace btfs
