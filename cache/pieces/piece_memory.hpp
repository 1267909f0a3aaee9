// Memory that pieces are received, verified and written in: one budget for all torrents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "cache/disk/task.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// Purpose of piece memory. `ahead` leaves part of the budget to `blocked`, reads that somebody waits for;
/// `proof`, pieces of earlier runs that are read back and hashed, has a budget of its own, because a proof
/// must not wait for memory that waits for peers.
enum class MemoryUse : std::uint8_t { ahead, blocked, proof };

/// Sizes, in bytes, by which large pieces are received and proven without as much memory. Tests take smaller
/// ones.
struct LargePieceSizes {
    std::size_t spill_from = 32 << 20;   ///< larger pieces spill: see SpillingPiece
    std::size_t spill_share = 24 << 20;  ///< of the budget that each takes: so much may wait for a slow disk
    std::size_t spill_job = 1 << 20;     ///< so much is waited for before writing it is worth a job
    std::size_t spill_room = 16 << 20;   ///< while so much waits to be written there is no room for more
    std::size_t streamed_proof = 8 << 20;  ///< larger pieces are proven as a stream
};

/// Admits buffers out of a budget; a buffer returns its bytes when its last owner lets go. Each use always
/// gets one buffer while it holds none, however large a piece is (`ahead`: while nothing else is held).
/// Freed buffers are kept for reuse, since the first touch of fresh memory costs ten times a later one: some
/// times what is held at that moment, or kIdleBytes, and never more than what the budget leaves. Called from
/// any thread. Buffers may outlive it.
class PieceMemory {
    class Budget;

  public:
    /// The right to hold some bytes of memory of one's own. May outlive the PieceMemory.
    class Share {
      public:
        Share(std::shared_ptr<Budget> budget, std::size_t bytes, MemoryUse use)
            : budget_(std::move(budget)), bytes_(bytes), use_(use) {}
        Share(Share&&) noexcept = default;
        Share& operator=(Share&&) = delete;
        ~Share();

      private:
        std::shared_ptr<Budget> budget_;
        std::size_t bytes_;
        MemoryUse use_;
    };

    static constexpr std::size_t kDefaultBudget = 64 << 20;
    /// Part of the budget that is kept for blocked reads.
    static constexpr std::size_t kBlockedReserve = 8 << 20;
    static constexpr std::size_t kProofBudget = 8 << 20;
    static constexpr std::size_t kIdleBytes = 4 << 20;

    explicit PieceMemory(std::size_t budget_bytes = kDefaultBudget, const LargePieceSizes& large_pieces = {});
    PieceMemory(const PieceMemory&) = delete;
    PieceMemory& operator=(const PieceMemory&) = delete;
    ~PieceMemory();

    const LargePieceSizes& large_pieces() const { return large_pieces_; }

    /// A page-aligned buffer of `size` bytes with any content, or null: not now.
    PieceBufferPtr acquire(std::size_t size, MemoryUse use);
    /// Reserves as acquire() does, without the memory.
    std::optional<Share> reserve(std::size_t size, MemoryUse use);
    /// Calls `task` once, as soon as such an acquire() may succeed: here and now, or on the thread that lets
    /// go of memory. The task has to be quick. It is dropped by forget(owner) or the end of this object.
    void when_free(std::size_t size, MemoryUse use, const void* owner, Task task);
    /// Calls `task` once, when memory for a blocked read is refused, on the thread that asked: `owner` holds
    /// memory that it can do without. The task has to be quick.
    void when_short(const void* owner, Task task);
    /// Drops the tasks of `owner` that were not called yet.
    void forget(const void* owner);

    std::size_t held_bytes() const;
    /// Free, kept for reuse.
    std::size_t idle_bytes() const;

  private:
    class Buffer;
    // Shared with the buffers, which engine, readers and jobs may hold longer than this object lives.
    std::shared_ptr<Budget> budget_;
    const LargePieceSizes large_pieces_;
};

}  // namespace btfs
