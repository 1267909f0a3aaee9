#include "engine/wire/outbound_queue.hpp"

#include <algorithm>
#include <cassert>

namespace btfs::wire {
namespace {

iovec view(ByteView bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

void OutboundQueue::push_block(const BlockRef& block, ContentView content) {
    assert(content.bytes.size() == block.size);
    Block& added = blocks_.emplace_back(Block{block, {}, std::move(content)});
    write_piece_header(added.header, block);
    block_bytes_ += added.size();
}

bool OutboundQueue::drop_block(const BlockRef& block) {
    auto found = std::ranges::find(blocks_, block, &Block::block);
    if (found == blocks_.end() || found->sent > 0) return false;
    block_bytes_ -= found->size();
    blocks_.erase(found);
    return true;
}

std::vector<BlockRef> OutboundQueue::drop_blocks_not_begun(const std::function<bool(const BlockRef&)>& keep) {
    std::vector<BlockRef> dropped;
    std::erase_if(blocks_, [&](const Block& b) {
        if (b.sent > 0 || keep(b.block)) return false;
        dropped.push_back(b.block);
        block_bytes_ -= b.size();
        return true;
    });
    return dropped;
}

std::size_t OutboundQueue::send_buffers(std::span<iovec> out) {
    std::size_t used = 0;
    const auto add_block = [&](const Block& b) {
        if (used + 2 > out.size()) return false;
        if (b.sent < b.header.size()) out[used++] = view(ByteView(b.header).subspan(b.sent));
        const std::size_t content_sent = b.sent > b.header.size() ? b.sent - b.header.size() : 0;
        out[used++] = view(b.content.bytes.subspan(content_sent));
        return true;
    };
    auto next = blocks_.begin();
    if (block_begun()) {
        add_block(*next);
        ++next;
    }
    if (control_sent_ < control_.size() && used < out.size())
        out[used++] = view(ByteView(control_).subspan(control_sent_));
    while (next != blocks_.end() && add_block(*next)) ++next;
    return used;
}

OutboundQueue::Sent OutboundQueue::sent(std::size_t size) {
    Sent total;
    const auto from_block = [&] {
        Block& b = blocks_.front();
        const std::size_t here = std::min(size, b.size() - b.sent);
        const std::size_t header_rest = b.header.size() - std::min(b.sent, b.header.size());
        total.content += here - std::min(here, header_rest);
        total.control += std::min(here, header_rest);
        b.sent += here;
        size -= here;
        block_bytes_ -= here;
        if (b.sent == b.size()) blocks_.pop_front();
    };
    if (size > 0 && block_begun()) from_block();
    const std::size_t control = std::min(size, control_.size() - control_sent_);
    control_sent_ += control;
    total.control += control;
    size -= control;
    while (size > 0) {
        assert(!blocks_.empty());
        from_block();
    }
    compact_control();
    return total;
}

void OutboundQueue::compact_control() {
    if (control_sent_ < control_.size()) return;
    control_.clear();
    control_sent_ = 0;
    if (control_.capacity() > 64 * 1024) control_ = Bytes();
}

}  // namespace btfs::wire
