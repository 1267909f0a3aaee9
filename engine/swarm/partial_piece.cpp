#include "engine/swarm/partial_piece.hpp"

#include <algorithm>
#include <cassert>

namespace btfs {

PartialPiece::PartialPiece(PieceIndex piece, const Layout& layout, PieceBufferPtr buffer,
                           std::set<PieceIndex>& open)
    : piece_(piece), open_(open), buffer_(std::move(buffer)), blocks_(layout.block_count(piece)) {
    free_count_ = block_count();
    open_.insert(piece_);
    for (std::uint32_t i = 0; i < block_count(); ++i) {
        blocks_[i].payload = layout.payload(piece, i);
        if (blocks_[i].payload.size > 0) continue;
        set_state(i, BlockState::received);
        buffer_->block_received(i);
    }
}

PartialPiece::~PartialPiece() {
    if (free_count_ > 0) open_.erase(piece_);
}

std::span<std::byte> PartialPiece::place(std::uint32_t block) const {
    const BlockRef& p = blocks_[block].payload;
    return buffer_->bytes().subspan(p.offset_in_piece, p.size);
}

bool PartialPiece::asked_of(std::uint32_t block, ConnectionId peer) const {
    return std::ranges::find(askers(block), peer, &Asker::peer) != askers(block).end();
}

Asker* PartialPiece::asker(std::uint32_t block, ConnectionId peer) {
    Block& b = blocks_[block];
    for (std::size_t i = 0; i < b.asker_count; ++i)
        if (b.askers[i].peer == peer) return &b.askers[i];
    return nullptr;
}

std::uint32_t PartialPiece::first_free() {
    while (free_from_ < block_count() && blocks_[free_from_].state != BlockState::free) ++free_from_;
    return free_from_;
}

void PartialPiece::set_state(std::uint32_t block, BlockState state) {
    Block& b = blocks_[block];
    const bool was_open = free_count_ > 0;
    free_count_ -= b.state == BlockState::free;
    received_count_ -= b.state == BlockState::received;
    b.state = state;
    free_count_ += state == BlockState::free;
    received_count_ += state == BlockState::received;
    if (state == BlockState::free) free_from_ = std::min(free_from_, block);
    if (was_open && free_count_ == 0) open_.erase(piece_);
    if (!was_open && free_count_ > 0) open_.insert(piece_);
}

void PartialPiece::ask(std::uint32_t block, const Asker& asker) {
    Block& b = blocks_[block];
    assert(b.state != BlockState::received && b.asker_count < kMaxAskers && !asked_of(block, asker.peer));
    b.askers[b.asker_count++] = asker;
    set_state(block, BlockState::asked);
}

void PartialPiece::unask(std::uint32_t block, ConnectionId peer) {
    Block& b = blocks_[block];
    const auto end = b.askers.begin() + b.asker_count;
    const auto gone = std::remove_if(b.askers.begin(), end, [&](const Asker& a) { return a.peer == peer; });
    b.asker_count = static_cast<std::uint8_t>(gone - b.askers.begin());
    if (b.state == BlockState::asked && b.asker_count == 0) set_state(block, BlockState::free);
}

std::vector<ConnectionId> PartialPiece::receive(std::uint32_t block, ConnectionId from) {
    Block& b = blocks_[block];
    assert(b.state != BlockState::received);
    std::vector<ConnectionId> others;
    for (const Asker& a : askers(block))
        if (a.peer != from) others.push_back(a.peer);
    b.asker_count = 0;
    b.source = from;
    set_state(block, BlockState::received);
    buffer_->block_received(block);
    return others;
}

void PartialPiece::discard(std::uint32_t block) {
    assert(blocks_[block].state == BlockState::received && blocks_[block].payload.size > 0);
    blocks_[block].source = kNobody;
    buffer_->block_discarded(block);
    set_state(block, BlockState::free);
}

}  // namespace btfs
