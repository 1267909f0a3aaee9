// Memory of all uTP connections of the process: a budget for buffers, and a pool of packets.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <vector>

namespace btfs::utp {

/// Bytes that connections hold: sent or to be sent, out of order, or not yet read.
class MemoryBudget {
  public:
    explicit MemoryBudget(std::size_t limit) : limit_(limit) {}

    std::size_t used() const { return used_; }
    std::size_t free() const { return used_ < limit_ ? limit_ - used_ : 0; }
    /// A connection may go over the limit by what it is guaranteed, so this never fails.
    void take(std::size_t bytes) { used_ += bytes; }
    void give(std::size_t bytes) {
        assert(bytes <= used_);
        used_ -= bytes;
    }

  private:
    const std::size_t limit_;
    std::size_t used_ = 0;
};

/// Blocks of memory for one packet each. Keeps some that are free.
class PacketPool {
  public:
    /// The largest datagram that we send.
    static constexpr std::size_t kBlockSize = 1472;
    static constexpr std::size_t kMaxFree = 2048;
    using Block = std::unique_ptr<std::byte[]>;

    Block take() {
        if (free_.empty()) return std::make_unique_for_overwrite<std::byte[]>(kBlockSize);
        Block block = std::move(free_.back());
        free_.pop_back();
        return block;
    }
    void give(Block block) {
        if (block && free_.size() < kMaxFree) free_.push_back(std::move(block));
    }

  private:
    std::vector<Block> free_;
};

}  // namespace btfs::utp
