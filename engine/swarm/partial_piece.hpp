// Piece that is being received: its blocks that have arrived, and the peers that were asked for the others.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "engine/core/layout.hpp"
#include "engine/core/time.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/connection_id.hpp"

namespace btfs {

enum class BlockState : std::uint8_t {
    free,      ///< no peer is asked
    asked,     ///< one or more peers are asked
    received,  ///< in the buffer (or padding, which needs no peer)
};

/// A peer that was asked for a block, and when it is expected to have sent it.
struct Asker {
    ConnectionId peer = kNobody;
    TimePoint asked;
    TimePoint expected;
    /// Hedging's: bytes that the peer owed up to and with this block, when it was last looked at.
    std::uint64_t bytes_until = 0;
};

/// The blocks of one piece and its memory. Knows no peers but by their ids, and decides nothing.
class PartialPiece {
  public:
    /// A block is asked of so many peers at most.
    static constexpr std::size_t kMaxAskers = 3;

    /// Is in `open`, which outlives it, as long as it has free blocks.
    PartialPiece(PieceIndex piece, const Layout& layout, PieceBufferPtr buffer, std::set<PieceIndex>& open);
    PartialPiece(const PartialPiece&) = delete;
    PartialPiece& operator=(const PartialPiece&) = delete;
    ~PartialPiece();

    PieceIndex piece() const { return piece_; }
    const PieceBufferPtr& buffer() const { return buffer_; }
    std::uint32_t block_count() const { return static_cast<std::uint32_t>(blocks_.size()); }
    std::uint32_t block_at(const BlockRef& ref) const { return ref.offset_in_piece / kBlockSize; }
    /// The bytes to request: the block without padding at its ends.
    const BlockRef& payload(std::uint32_t block) const { return blocks_[block].payload; }
    std::span<std::byte> place(std::uint32_t block) const;

    BlockState state(std::uint32_t block) const { return blocks_[block].state; }
    std::span<const Asker> askers(std::uint32_t block) const {
        return std::span(blocks_[block].askers).first(blocks_[block].asker_count);
    }
    /// The entry of that peer among the askers of a block; null if it was not asked.
    Asker* asker(std::uint32_t block, ConnectionId peer);
    bool asked_of(std::uint32_t block, ConnectionId peer) const;
    /// The sender of a received block; kNobody for padding.
    ConnectionId source(std::uint32_t block) const { return blocks_[block].source; }

    std::uint32_t free_count() const { return free_count_; }
    std::uint32_t received_count() const { return received_count_; }
    std::uint32_t asked_count() const { return block_count() - free_count_ - received_count_; }
    bool complete() const { return received_count_ == block_count(); }
    /// The first free block; block_count() if there is none.
    std::uint32_t first_free();

    /// The block is free or asked, has fewer than kMaxAskers, and the peer is not among them.
    void ask(std::uint32_t block, const Asker& asker);
    /// The peer will not send the block, which is free again if no other peer is asked.
    void unask(std::uint32_t block, ConnectionId peer);
    /// Gives the other peers that were asked for it, to be cancelled.
    std::vector<ConnectionId> receive(std::uint32_t block, ConnectionId from);
    /// Throws received bytes away: the block is wanted again.
    void discard(std::uint32_t block);

  private:
    struct Block {
        BlockRef payload;
        BlockState state = BlockState::free;
        std::uint8_t asker_count = 0;
        std::array<Asker, kMaxAskers> askers;
        ConnectionId source = kNobody;
    };
    void set_state(std::uint32_t block, BlockState state);

    PieceIndex piece_;
    std::set<PieceIndex>& open_;
    PieceBufferPtr buffer_;
    std::vector<Block> blocks_;
    std::uint32_t free_count_ = 0;
    std::uint32_t received_count_ = 0;
    std::uint32_t free_from_ = 0;  // no free block before it
};

}  // namespace btfs
