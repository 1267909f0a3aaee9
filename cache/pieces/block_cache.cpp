#include "cache/pieces/block_cache.hpp"

#include <algorithm>
#include <cassert>

namespace btfs {

BlockCache::BlockCache(const Layout& layout)
    : layout_(layout),
      stored_(block_total(layout)),
      proven_(block_total(layout)),
      doubtful_(block_total(layout)),
      adopted_(layout.piece_count()),
      adopted_doubtful_(layout.piece_count()) {}

/// Calls f(piece, its part of the range, the blocks of that part) in order, until f returns false.
template <class F>
bool BlockCache::each_piece(ByteRange range, F&& f) const {
    for (std::uint64_t at = range.begin; at < range.end;) {
        const PieceIndex piece = layout_.piece_at(at);
        const ByteRange whole_piece = layout_.piece_range(piece);
        const ByteRange part = whole_piece.intersection({at, range.end});
        assert(!part.empty());  // a read within one file never touches the gaps of PieceCut::each_file
        const auto first = static_cast<std::uint32_t>((part.begin - whole_piece.begin) / kBlockSize);
        const auto last = static_cast<std::uint32_t>((part.end - 1 - whole_piece.begin) / kBlockSize);
        if (!f(part, BlockSpan{piece, first, last - first + 1})) return false;
        at = part.end;
    }
    return true;
}

const BlockCache::MemoryPiece* BlockCache::in_memory(PieceIndex piece) const {
    auto found = memory_.find(piece);
    return found == memory_.end() ? nullptr : &found->second;
}

BlockCache::BlockState BlockCache::state(PieceIndex piece, std::uint32_t block,
                                         const MemoryPiece* memory) const {
    if (memory && memory->verified[block]) return BlockState::in_memory;
    const std::size_t index = block_index(piece, block);
    if (proven_.test(index)) return BlockState::on_disk;
    return stored_.test(index) || is_adopted(piece) ? BlockState::claimed : BlockState::missing;
}

std::uint64_t BlockCache::bytes_of(BlockSpan blocks) const {
    const std::uint64_t begin = std::uint64_t{blocks.first} * kBlockSize;
    const std::uint64_t end = std::uint64_t{blocks.first + blocks.count} * kBlockSize;
    return std::min<std::uint64_t>(end, layout_.piece_size(blocks.piece)) - begin;
}

// ---- states ----

void BlockCache::claim(BlockSpan blocks, bool doubtful) {
    const std::size_t first = block_index(blocks.piece, blocks.first);
    std::lock_guard lock(mutex_);
    stored_.assign(first, blocks.count, true);
    if (doubtful) doubtful_.assign(first, blocks.count, true);
    bytes_had_ += bytes_of(blocks);
}

bool BlockCache::adopt(PieceIndex piece, bool doubtful, CacheActions& actions) {
    const BlockSpan blocks = whole(piece);
    std::lock_guard lock(mutex_);
    if (!all_missing(blocks)) return false;
    adopted_.assign(piece.value(), 1, true);
    adopted_doubtful_.assign(piece.value(), 1, doubtful);
    bytes_had_ += bytes_of(blocks);
    wake(piece, actions);
    return true;
}

void BlockCache::unprove_adopted(PieceIndex piece) {
    const BlockSpan blocks = whole(piece);
    std::lock_guard lock(mutex_);
    if (is_adopted(piece)) proven_.assign(block_index(piece, 0), blocks.count, false);
    losses_of(piece).fetch_add(1);
}

bool BlockCache::lose_adopted(PieceIndex piece, CacheActions& actions) {
    const BlockSpan blocks = whole(piece);
    std::lock_guard lock(mutex_);
    if (!is_adopted(piece)) return false;
    lose_bits(blocks);
    bytes_had_ -= bytes_of(blocks);
    wake(piece, actions);
    return true;
}

/// Verified content is at hand, which is better than an adopted piece that was not proven yet.
bool BlockCache::drop_unproven_adoption(PieceIndex piece) {
    if (!is_adopted(piece) || proven_.test(block_index(piece, 0))) return false;
    lose_bits(whole(piece));
    bytes_had_ -= bytes_of(whole(piece));
    return true;
}

bool BlockCache::publish(BlockSpan blocks, PieceBufferPtr buffer, CacheActions& actions) {
    std::lock_guard lock(mutex_);
    actions.was_adopted = drop_unproven_adoption(blocks.piece);
    if (!all_missing(blocks)) return false;
    MemoryPiece& memory = memory_[blocks.piece];
    if (!memory.buffer) memory = {std::move(buffer), std::vector<bool>(layout_.block_count(blocks.piece))};
    for (std::uint32_t i = 0; i < blocks.count; ++i) memory.verified[blocks.first + i] = true;
    bytes_had_ += bytes_of(blocks);
    wake(blocks.piece, actions);
    return true;
}

bool BlockCache::publish_written(BlockSpan blocks, CacheActions& actions) {
    std::lock_guard lock(mutex_);
    actions.was_adopted = drop_unproven_adoption(blocks.piece);
    if (!all_missing(blocks)) return false;
    set_on_disk(blocks);
    bytes_had_ += bytes_of(blocks);
    wake(blocks.piece, actions);
    return true;
}

bool BlockCache::all_missing(BlockSpan blocks) const {
    const MemoryPiece* known = in_memory(blocks.piece);
    for (std::uint32_t i = 0; i < blocks.count; ++i) {
        if (state(blocks.piece, blocks.first + i, known) != BlockState::missing) return false;
    }
    return true;
}

void BlockCache::set_on_disk(BlockSpan blocks) {
    const std::size_t first = block_index(blocks.piece, blocks.first);
    stored_.assign(first, blocks.count, true);
    proven_.assign(first, blocks.count, true);
}

void BlockCache::on_written(BlockSpan blocks) {
    PieceBufferPtr released;  // freed after the unlock: its budget may call others
    std::lock_guard lock(mutex_);
    auto memory = memory_.find(blocks.piece);
    if (memory == memory_.end()) return;  // the piece was lost meanwhile
    set_on_disk(blocks);
    std::vector<bool>& verified = memory->second.verified;
    std::fill_n(verified.begin() + blocks.first, blocks.count, false);
    if (std::ranges::find(verified, true) != verified.end()) return;
    released = std::move(memory->second.buffer);
    memory_.erase(memory);
}

BlockCache::Proof BlockCache::proved(BlockSpan blocks, const PieceBufferPtr& buffer, std::uint64_t losses,
                                     CacheActions& actions) {
    std::lock_guard lock(mutex_);
    const std::size_t first = block_index(blocks.piece, blocks.first);
    proving_.erase(blocks.piece);
    if (this->losses(layout_.piece_range(blocks.piece)) != losses) {
        wake(blocks.piece, actions);  // the loss may be another piece's: begins a new proof
        return Proof::stale;
    }
    const bool was_doubtful = is_doubtful(blocks.piece);
    doubtful_.assign(first, blocks.count, false);
    adopted_doubtful_.assign(blocks.piece.value(), 1, false);
    assert(!memory_.contains(blocks.piece));
    if (buffer) {
        // Keeps the buffer in memory_ while the reads wake, so that they pin it instead of reading the disk
        // again.
        MemoryPiece memory{buffer, std::vector<bool>(layout_.block_count(blocks.piece))};
        std::fill_n(memory.verified.begin() + blocks.first, blocks.count, true);
        memory_.emplace(blocks.piece, std::move(memory));
        wake(blocks.piece, actions);
        memory_.erase(blocks.piece);  // the caller still holds the buffer
        proven_.assign(first, blocks.count, true);
    } else {
        proven_.assign(first, blocks.count, true);
        wake(blocks.piece, actions);
    }
    return was_doubtful ? Proof::of_doubtful : Proof::of_trusted;
}

void BlockCache::proof_failed(PieceIndex piece, Error error, CacheActions& actions) {
    std::lock_guard lock(mutex_);
    proving_.erase(piece);
    auto waiting = waiters_.find(piece);
    if (waiting == waiters_.end()) return;
    for (Waiter& waiter : waiting->second) {
        actions.failed.push_back({std::move(waiter.reply), error});
        if (waiter.id) parked_by_id_.erase(*waiter.id);
        --parked_count_;
    }
    waiters_.erase(waiting);
}

void BlockCache::unprove_all() {
    std::lock_guard lock(mutex_);
    for (PieceIndex piece(0); piece.value() < layout_.piece_count(); piece = piece.next()) {
        const BlockSpan blocks = whole(piece);
        const std::size_t first = block_index(piece, 0);
        if (memory_.contains(piece) || !claimed_whole(piece)) continue;
        if (is_adopted(piece)) {
            adopted_doubtful_.assign(piece.value(), 1, true);
        } else {
            doubtful_.assign(first, blocks.count, true);
        }
        proven_.assign(first, blocks.count, false);
    }
}

void BlockCache::doubt_all() {
    std::lock_guard lock(mutex_);
    for (PieceIndex piece(0); piece.value() < layout_.piece_count(); piece = piece.next()) {
        const std::size_t first = block_index(piece, 0);
        for (std::uint32_t i = 0; i < layout_.block_count(piece); ++i)
            if (stored_.test(first + i)) doubtful_.assign(first + i, 1, true);
    }
}

bool BlockCache::lose(BlockSpan blocks, CacheActions& actions) {
    PieceBufferPtr released;
    std::lock_guard lock(mutex_);
    auto memory = memory_.find(blocks.piece);
    std::uint64_t lost = 0;
    for (std::uint32_t i = 0; i < blocks.count; ++i) {
        const std::uint32_t block = blocks.first + i;
        const MemoryPiece* known = memory == memory_.end() ? nullptr : &memory->second;
        if (state(blocks.piece, block, known) != BlockState::missing)
            lost += bytes_of({blocks.piece, block, 1});
        if (known) memory->second.verified[block] = false;
    }
    lose_bits(blocks);
    bytes_had_ -= lost;
    if (memory != memory_.end() &&
        std::ranges::find(memory->second.verified, true) == memory->second.verified.end()) {
        released = std::move(memory->second.buffer);
        memory_.erase(memory);
    }
    wake(blocks.piece, actions);
    return lost > 0;
}

void BlockCache::lose_bits(BlockSpan blocks) {
    const std::size_t first = block_index(blocks.piece, blocks.first);
    proven_.assign(first, blocks.count, false);
    doubtful_.assign(first, blocks.count, false);
    stored_.assign(first, blocks.count, false);
    adopted_.assign(blocks.piece.value(), 1, false);
    adopted_doubtful_.assign(blocks.piece.value(), 1, false);
    losses_of(blocks.piece).fetch_add(1);
    proving_.erase(blocks.piece);
}

bool BlockCache::claimed_whole(PieceIndex piece) const {
    return is_adopted(piece) || stored_.all(block_index(piece, 0), layout_.block_count(piece));
}

bool BlockCache::is_doubtful(PieceIndex piece) const {
    return doubtful_.test(block_index(piece, 0)) || adopted_doubtful_.test(piece.value());
}

// ---- reads ----

bool BlockCache::on_disk(ByteRange range) const {
    return each_piece(range, [&](ByteRange, BlockSpan blocks) {
        return proven_.all(block_index(blocks.piece, blocks.first), blocks.count);
    });
}

std::uint64_t BlockCache::losses(ByteRange range) const {
    // The caller has read the disk before: the fence keeps that read from moving behind the loads below.
    std::atomic_thread_fence(std::memory_order_acquire);
    std::uint64_t sum = 0;  // no counter decreases: equal sums mean equal counters
    each_piece(range, [&](ByteRange, BlockSpan blocks) {
        sum += losses_[blocks.piece.value() % kLossCounters].load();
        return true;
    });
    return sum;
}

void BlockCache::expect(ByteRange range, CacheActions& actions) {
    if (on_disk(range)) return;
    std::lock_guard lock(mutex_);
    each_piece(range, [&](ByteRange, BlockSpan part) {
        const BlockSpan blocks = whole(part.piece);
        const std::size_t first = block_index(blocks.piece, blocks.first);
        const bool claimed = claimed_whole(blocks.piece) && !proven_.all(first, blocks.count);
        if (claimed && proving_.insert(blocks.piece).second) actions.to_prove.push_back(blocks.piece);
        return true;
    });
}

BlockCache::Found BlockCache::look(ByteRange range, CacheActions& actions) {
    Found found;
    each_piece(range, [&](ByteRange part, BlockSpan blocks) {
        const MemoryPiece* memory = in_memory(blocks.piece);
        const std::uint64_t piece_begin = layout_.piece_offset_in_torrent(blocks.piece);
        bool claimed = false;
        for (std::uint32_t block = blocks.first; block < blocks.first + blocks.count; ++block) {
            const BlockState where = state(blocks.piece, block, memory);
            claimed = claimed || where == BlockState::claimed;
            found.missing = found.missing || where == BlockState::missing;
            if (where == BlockState::claimed || where == BlockState::missing) {
                if (!found.wait_for) found.wait_for = blocks.piece;
                continue;
            }
            const std::uint64_t begin = piece_begin + std::uint64_t{block} * kBlockSize;
            const ByteRange bytes = part.intersection({begin, begin + kBlockSize});
            const PieceBufferPtr source = where == BlockState::in_memory ? memory->buffer : nullptr;
            if (!found.segments.empty() && found.segments.back().memory == source) {
                found.segments.back().range.end = bytes.end;
            } else {
                const std::byte* from =
                    source ? source->bytes().data() + (bytes.begin - piece_begin) : nullptr;
                found.segments.push_back({bytes, source, from});
            }
        }
        if (claimed && proving_.insert(blocks.piece).second) actions.to_prove.push_back(blocks.piece);
        return true;
    });
    return found;
}

bool BlockCache::read(std::optional<ReadId> id, ByteRange range, std::unique_ptr<ReadReply> reply,
                      Patience patience, CacheActions& actions) {
    std::lock_guard lock(mutex_);
    Found found = look(range, actions);
    if (!found.wait_for) {
        actions.ready.push_back({range, std::move(reply), std::move(found.segments), losses(range)});
        return false;
    }
    std::optional<Error> refused = closed_;
    if (!refused && (parked_count_ >= kMaxParked || (found.missing && patience == Patience::until_proven)))
        refused = Errc::storage_failed;
    if (refused) {
        actions.failed.push_back({std::move(reply), *refused});
        return false;
    }
    Waiters one;
    one.push_back({id, range, std::move(reply), patience});
    ++parked_count_;
    park(one, one.begin(), *found.wait_for);
    return true;
}

void BlockCache::park(Waiters& from, Waiters::iterator waiter, PieceIndex piece) {
    Waiters& to = waiters_[piece];
    to.splice(to.end(), from, waiter);
    if (waiter->id) parked_by_id_.insert_or_assign(*waiter->id, Parked{piece, waiter});
}

/// Checks all reads that wait for the piece once more.
void BlockCache::wake(PieceIndex piece, CacheActions& actions) {
    auto waiting = waiters_.find(piece);
    if (waiting == waiters_.end()) return;
    Waiters woken = std::move(waiting->second);
    waiters_.erase(waiting);
    while (!woken.empty()) {
        const auto waiter = woken.begin();
        Found found = look(waiter->range, actions);
        const bool fails = found.missing && waiter->patience == Patience::until_proven;
        if (found.wait_for && !fails) {
            park(woken, waiter, *found.wait_for);
            continue;
        }
        if (fails) {
            actions.failed.push_back({std::move(waiter->reply), Errc::storage_corrupt});
        } else {
            actions.ready.push_back(
                {waiter->range, std::move(waiter->reply), std::move(found.segments), losses(waiter->range)});
        }
        if (waiter->id) parked_by_id_.erase(*waiter->id);
        --parked_count_;
        woken.erase(waiter);
    }
}

std::unique_ptr<ReadReply> BlockCache::cancel(ReadId id) {
    std::lock_guard lock(mutex_);
    auto parked = parked_by_id_.find(id);
    if (parked == parked_by_id_.end()) return nullptr;
    const auto [piece, position] = parked->second;
    std::unique_ptr<ReadReply> reply = std::move(position->reply);
    parked_by_id_.erase(parked);
    auto waiting = waiters_.find(piece);
    waiting->second.erase(position);
    if (waiting->second.empty()) waiters_.erase(waiting);
    --parked_count_;
    return reply;
}

std::vector<FailedRead> BlockCache::close(Error error) {
    std::vector<FailedRead> failed;
    std::lock_guard lock(mutex_);
    if (!closed_) closed_ = error;
    failed.reserve(parked_count_);
    for (auto& [piece, waiters] : waiters_) {
        for (Waiter& waiter : waiters) failed.push_back({std::move(waiter.reply), error});
    }
    waiters_.clear();
    parked_by_id_.clear();
    parked_count_ = 0;
    return failed;
}

// ---- questions ----

bool BlockCache::has(ByteRange range) const {
    if (on_disk(range)) return true;
    std::lock_guard lock(mutex_);
    return each_piece(range, [&](ByteRange, BlockSpan blocks) {
        const MemoryPiece* memory = in_memory(blocks.piece);
        for (std::uint32_t i = 0; i < blocks.count; ++i) {
            if (state(blocks.piece, blocks.first + i, memory) == BlockState::missing) return false;
        }
        return true;
    });
}

Bitfield BlockCache::available() const {
    Bitfield pieces(layout_.piece_count());
    std::lock_guard lock(mutex_);
    for (PieceIndex piece(0); piece.value() < layout_.piece_count(); piece = piece.next()) {
        if (claimed_whole(piece) && !is_doubtful(piece)) pieces.set(piece);
    }
    for (const auto& [piece, memory] : memory_) {
        bool whole_piece = true;
        for (std::uint32_t block = 0; block < layout_.block_count(piece); ++block)
            whole_piece = whole_piece && state(piece, block, &memory) != BlockState::missing;
        if (whole_piece) pieces.set(piece);
    }
    return pieces;
}

Bitfield BlockCache::doubtful_pieces() const {
    Bitfield pieces(layout_.piece_count());
    std::lock_guard lock(mutex_);
    for (PieceIndex piece(0); piece.value() < layout_.piece_count(); piece = piece.next()) {
        if (is_doubtful(piece)) pieces.set(piece);
    }
    return pieces;
}

bool BlockCache::is_claimed(PieceIndex piece) const {
    std::lock_guard lock(mutex_);
    return claimed_whole(piece) && !proven_.all(block_index(piece, 0), layout_.block_count(piece));
}

Bitfield BlockCache::claimed_pieces() const {
    Bitfield pieces(layout_.piece_count());
    for (PieceIndex piece(0); piece.value() < layout_.piece_count(); piece = piece.next()) {
        if (claimed_whole(piece) && !proven_.all(block_index(piece, 0), layout_.block_count(piece)))
            pieces.set(piece);
    }
    return pieces;
}

std::optional<PieceIndex> BlockCache::next_doubtful(PieceIndex from) const {
    for (PieceIndex piece = from; piece.value() < layout_.piece_count(); piece = piece.next())
        if (is_doubtful(piece)) return piece;
    return std::nullopt;
}

std::size_t BlockCache::parked_count() const {
    std::lock_guard lock(mutex_);
    return parked_count_;
}

}  // namespace btfs
