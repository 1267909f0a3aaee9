// Range of a data file to ask the kernel for, so that a reader in sequence does not wait for the disk.
#pragma once

#include <mutex>
#include <optional>

#include "cache/pieces/block_cache.hpp"
#include "cache/pieces/sequential_reads.hpp"
#include "engine/core/layout.hpp"

namespace btfs {

/// Called from any thread; never waits.
class ReadAhead {
  public:
    /// Both outlive this.
    ReadAhead(const Layout& layout, const BlockCache& cache) : layout_(layout), cache_(cache) {}

    /// A read of bytes on disk; `cold` if they were not in the page cache. Gives what to prefetch, if
    /// anything: only what is there, since to read a hole would fill the page cache with zeros.
    std::optional<ByteRange> on_read(ByteRange range, bool cold) {
        std::optional<ByteRange> ahead;
        {
            std::unique_lock lock(mutex_, std::try_to_lock);
            if (!lock) return std::nullopt;  // a hint: another read gives one soon
            ahead = streams_.on_read(range, cold);
        }
        if (!ahead) return std::nullopt;
        ByteRange there{ahead->begin, ahead->begin};
        while (there.end < std::min(ahead->end, layout_.total_size())) {
            const ByteRange piece = layout_.piece_range(layout_.piece_at(there.end));
            if (there.end >= piece.end || !cache_.on_disk({there.end, piece.end})) break;
            there.end = piece.end;
        }
        if (there.empty()) return std::nullopt;
        return there;
    }

  private:
    const Layout& layout_;
    const BlockCache& cache_;
    std::mutex mutex_;
    SequentialReads streams_;  // guarded by mutex_
};

}  // namespace btfs
