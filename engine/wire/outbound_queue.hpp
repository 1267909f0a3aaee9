// Send queue of one peer: control messages first, blocks behind them.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/content_view.hpp"
#include "engine/core/types.hpp"
#include "engine/wire/messages.hpp"

namespace btfs::wire {

/// Queue of bytes in the order in which they leave. A block that has begun is finished first, then come all
/// control messages, then the next block, so that requests are never behind a queue of uploads. Blocks are
/// sent from the store's memory.
class OutboundQueue {
  public:
    /// Control bytes are appended here.
    Bytes& control() { return control_; }
    void push_block(const BlockRef& block, ContentView content);
    /// Takes a block that has not begun out again; false if it has, or is not here.
    bool drop_block(const BlockRef& block);
    /// Takes out all blocks that have not begun, except those for which `keep` is true. Returns those taken
    /// out.
    std::vector<BlockRef> drop_blocks_not_begun(const std::function<bool(const BlockRef&)>& keep);

    bool empty() const { return control_bytes() == 0 && blocks_.empty(); }
    std::size_t block_bytes() const { return block_bytes_; }
    std::size_t control_bytes() const { return control_.size() - control_sent_; }

    /// Fills `out` with the next bytes to send; gives how many entries it used.
    std::size_t send_buffers(std::span<iovec> out);
    /// Control bytes and block bytes (without headers) among the `size` that were sent.
    struct Sent {
        std::size_t control = 0;
        std::size_t content = 0;
    };
    Sent sent(std::size_t size);

  private:
    struct Block {
        BlockRef block;
        std::array<std::byte, kPieceHeaderSize> header;
        ContentView content;
        std::size_t sent = 0;  // of header and content together

        std::size_t size() const { return header.size() + content.bytes.size(); }
    };
    bool block_begun() const { return !blocks_.empty() && blocks_.front().sent > 0; }
    void compact_control();

    Bytes control_;
    std::size_t control_sent_ = 0;
    std::deque<Block> blocks_;
    std::size_t block_bytes_ = 0;
};

}  // namespace btfs::wire
