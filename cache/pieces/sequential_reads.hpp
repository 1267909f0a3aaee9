// Finds the streams among a file's reads, and what of them to prefetch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/core/types.hpp"

namespace btfs {

/// Watches reads of one file and knows the streams among them: reads that follow one another, perhaps out
/// of order by the kernel's readahead. Once a stream was seen to wait for the disk it is kept kWindow ahead;
/// scattered reads never are. A machine without a lock: callers take turns.
class SequentialReads {
  public:
    static constexpr std::uint64_t kWindow = 4 << 20;
    /// A stream is believed after this many bytes in a row.
    static constexpr std::uint64_t kProof = 256 << 10;
    /// How far a read may be from a stream's end and still belong to it.
    static constexpr std::uint64_t kSlack = 512 << 10;

    /// A read of bytes on disk; `cold` if they were not in the page cache. Gives what to read ahead, if
    /// anything: at least half a window at a time.
    std::optional<ByteRange> on_read(ByteRange range, bool cold);

  private:
    struct Stream {
        std::uint64_t end = 0;          ///< of what was read
        std::uint64_t read_bytes = 0;   ///< in a row
        std::uint64_t ahead_until = 0;  ///< of what was asked for
        std::uint64_t last_use = 0;
        bool cold = false;
    };

    Stream& stream_of(ByteRange range);

    std::array<Stream, 8> streams_{};
    std::uint64_t uses_ = 0;
};

}  // namespace btfs
