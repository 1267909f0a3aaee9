// Downloaded bytes that no sequential reader has passed yet.
#pragma once

#include <mutex>

#include "cache/records/block_bitmap.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Ranges are of the torrent's bytes and are remembered in units of kBlockSize. From any thread.
class FirstPass {
  public:
    explicit FirstPass(std::uint64_t total_size);

    /// The range came from the swarm just now.
    void arrived(ByteRange range);
    /// A reader has passed the range. True for the first, if all of it has arrived.
    bool passed(ByteRange range);

  private:
    std::mutex mutex_;
    BlockBitmap ahead_;  // guarded by mutex_
};

}  // namespace btfs
