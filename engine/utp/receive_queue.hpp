// Receiving side of a connection: packets in any order in, a byte stream out.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/utp/memory_budget.hpp"
#include "engine/utp/sequence.hpp"

namespace btfs::utp {

/// Content that comes in order is not copied at first: a reader who reads in the same turn copies it from the
/// datagram straight to where it belongs. keep() copies what was not read then.
class ReceiveQueue {
  public:
    /// Bytes held for one connection, and so the window that the sender is told.
    static constexpr std::size_t kMost = 3 * 1024 * 1024;
    /// Held for a connection though the budget of all is spent.
    static constexpr std::size_t kGuaranteed = 32 * 1024;
    /// Part of the free budget that one connection is offered.
    static constexpr std::size_t kBudgetPart = 4;
    /// A packet so far past the first missing one is refused. The longest selective acknowledgement tells of
    /// as many.
    static constexpr std::size_t kMaxReorder = 2016;

    /// `first` is the packet that comes first.
    ReceiveQueue(MemoryBudget& budget, SequenceIndex first) : budget_(budget), next_(first), past_(first) {}
    ReceiveQueue(const ReceiveQueue&) = delete;
    ReceiveQueue& operator=(const ReceiveQueue&) = delete;
    ~ReceiveQueue() { budget_.give(unread_ + reordered_); }

    enum class Taken { in_order, out_of_order, duplicate, refused };
    /// The view must stay valid until keep().
    Taken take(SequenceIndex index, ByteView payload, bool fin);
    /// Returns the number of bytes.
    std::size_t read(std::span<const iovec> into);
    void keep();
    /// From now on content is acknowledged, but not kept: nobody will read it.
    void discard();

    SequenceIndex next() const { return next_; }
    std::size_t readable() const { return unread_; }
    /// All before the sender's FIN is here; when readable() is 0 the stream has ended.
    bool ended() const { return fin_ && next_ > *fin_; }
    /// A packet is missing before one that is here.
    bool has_hole() const { return past_ > next_; }
    /// Bytes that the sender may have under way.
    std::size_t window() const;
    /// Writes the selective acknowledgement for the packets behind the hole; returns its size.
    std::size_t write_selective_ack(std::span<std::byte> out) const;

  private:
    struct Held {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
        bool here = false;
    };
    struct Chunk {
        std::unique_ptr<std::byte[]> owned;  ///< null: a part of a datagram of this turn
        ByteView rest;
        std::size_t room = 0;  ///< bytes behind rest that are owned and free
    };
    bool has_memory_for(std::size_t bytes, std::size_t held) const;
    void advance(ByteView payload, std::unique_ptr<std::byte[]> owned);
    Held& held(SequenceIndex index) { return ring_[index & (ring_.size() - 1)]; }
    const Held& held(SequenceIndex index) const { return ring_[index & (ring_.size() - 1)]; }
    void grow_ring(std::size_t distance);

    MemoryBudget& budget_;
    SequenceIndex next_;
    SequenceIndex past_;  ///< behind the last packet that is here
    std::optional<SequenceIndex> fin_;
    std::vector<Held> ring_;  ///< by index modulo its size, a power of two; empty until a packet is missing
    std::vector<Chunk> chunks_;
    std::size_t first_chunk_ = 0;
    std::size_t kept_chunks_ = 0;  ///< of those, the first so many are owned
    std::size_t unread_ = 0, reordered_ = 0;
    bool discards_ = false;
};

}  // namespace btfs::utp
