// Cuts a peer's byte stream into the handshake, messages and blocks, and says where the next bytes go.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/error.hpp"
#include "engine/core/types.hpp"
#include "engine/wire/handshake.hpp"
#include "engine/wire/messages.hpp"

namespace btfs::wire {

/// Framing of what a peer sends. Blocks are received without a copy: the stream guesses that the peer
/// answers requests in their order, and lays the next headers and blocks out as one scatter list, so that
/// one readv fills many blocks in place. Where the guess was wrong (another message came between), the
/// bytes are taken out again and parsed one by one. Lengths are checked before memory is taken.
class InboundStream {
  public:
    /// The stream's owner: is told of messages and blocks, and asked for memory, while the stream parses.
    class Sink {
      public:
        /// A block that may come next, and the memory it belongs in.
        struct Guess {
            BlockRef block;
            std::span<std::byte> place;
        };

        virtual Error on_handshake(ByteView raw) = 0;
        /// A whole message but Piece: its body, empty for a keep-alive.
        virtual Error on_message(ByteView body) = 0;
        /// A Piece message begins; gives the memory for its block.size bytes.
        virtual Result<std::span<std::byte>> on_block_begin(const BlockRef& block) = 0;
        virtual void on_block_end(const BlockRef& block) = 0;
        /// The n-th block that is expected, if its bytes may be written in place before its header is seen.
        virtual std::optional<Guess> guess(std::size_t n) = 0;

      protected:
        ~Sink() = default;
    };

    /// `max_message_size` bounds the length of messages but Piece; both outlive the stream.
    InboundStream(Sink& sink, std::uint32_t max_message_size);

    /// Fills `out` with where the next bytes go, at most 256 KiB in all; gives how many entries it used.
    std::size_t receive_buffers(std::span<iovec> out);
    /// `size` bytes were put there, in order. An error ends the connection.
    Error received(std::size_t size);
    /// Bytes that came another way, as those a listener read to find the torrent.
    Error feed(ByteView bytes);

    /// Gives up the memory of the block under way: its further bytes are thrown away.
    void divert_block();
    /// Bytes of the block under way that have not come yet; 0 between blocks.
    std::size_t rest_of_block() const { return block_rest_.size(); }

    /// Messages and blocks that have come whole; and whether part of another one is here.
    std::uint64_t completed() const { return completed_; }
    bool in_part() const { return staged_ > 0 || block_; }
    /// The part of a handshake, message or header that is here.
    ByteView staged() const { return ByteView(staging_).first(staged_); }

  private:
    static constexpr std::size_t kMaxGuesses = 15;
    static constexpr std::size_t kMaxTurn = 256 * 1024;
    static constexpr std::size_t kStagingSize = 16 * 1024;

    enum class Target { block_rest, header, block, staging };
    struct Segment {
        Target target;
        std::byte* data;
        std::size_t size;
        BlockRef block{};
    };

    void plan();
    bool staged_could_be(const BlockRef& block) const;
    void plan_segment(Target target, std::byte* data, std::size_t size, const BlockRef& block = {});
    Result<std::size_t> parse(ByteView bytes);
    Result<std::size_t> parse_message_or_piece(ByteView bytes);
    Error begin_block(const BlockRef& block);
    void advance_block(std::size_t size);
    Error reparse_from(std::size_t segment, std::size_t size);

    Sink& sink_;
    const std::uint32_t max_message_size_;
    bool greeted_ = false;

    /// The block under way: its part that has not come yet.
    std::optional<BlockRef> block_;
    std::span<std::byte> block_rest_;
    bool discarding_ = false;
    std::uint64_t completed_ = 0;

    /// An incomplete message or header.
    Bytes staging_;
    std::size_t staged_ = 0;

    std::array<Segment, 2 * kMaxGuesses + 2> segments_;
    std::size_t segment_count_ = 0;
    std::array<std::array<std::byte, kPieceHeaderSize>, kMaxGuesses> headers_;
};

}  // namespace btfs::wire
