#include "cache/pieces/spilling_piece.hpp"

#include <algorithm>
#include <cassert>

#include "engine/core/types.hpp"

namespace btfs {

SpillingPiece::SpillingPiece(ByteRange place, DataFile& file, PieceMemory::Share memory, Owner owner)
    : place_(place),
      file_(file),
      memory_(std::move(memory)),
      sizes_(owner.sizes),
      pages_(AnonymousPages::whole_pages(place.size())),
      owner_(std::move(owner)),
      blocks_(units_for(place.size(), kBlockSize)) {}

void SpillingPiece::block_received(std::uint32_t block) {
    {
        std::lock_guard lock(mutex_);
        discard(block);  // the block may be received a second time
        blocks_[block].where = Where::in_memory;
        unwritten_bytes_ += in_torrent(block).size();
        if (working_ || failing_ || unwritten_bytes_ < sizes_.spill_job) return;
        working_ = true;
    }
    submit_job();
}

void SpillingPiece::block_discarded(std::uint32_t block) {
    std::lock_guard lock(mutex_);
    discard(block);
}

/// Forgets a block. mutex_ is held.
void SpillingPiece::discard(std::uint32_t block) {
    Block& known = blocks_[block];
    if (known.where == Where::missing) return;
    if (known.where == Where::in_memory) unwritten_bytes_ -= in_torrent(block).size();
    known.where = Where::missing;
    ++known.generation;
    rehash_ = rehash_ || block < hashed_;
}

void SpillingPiece::when_written(Task then) {
    {
        std::lock_guard lock(mutex_);
        assert(std::ranges::find(blocks_, Where::missing, &Block::where) == blocks_.end());
        then_ = std::move(then);
        if (std::exchange(working_, true)) return;
    }
    submit_job();
}

bool SpillingPiece::has_room() {
    std::lock_guard lock(mutex_);
    // If the disk fails, blocks have to be received into memory after all.
    const bool room = failing_ || unwritten_bytes_ < sizes_.spill_room;
    credit_wanted_ = credit_wanted_ || !room;
    return room;
}

bool SpillingPiece::give_up() {
    std::lock_guard lock(mutex_);
    given_up_ = true;
    credit_wanted_ = credit_wanted_ || working_;
    return !working_;
}

void SpillingPiece::close() {
    Owner dropped;  // destroyed after the unlock
    std::lock_guard lock(mutex_);
    std::swap(dropped.submit, owner_.submit);
    std::swap(dropped.credit, owner_.credit);
}

void SpillingPiece::submit_job() {
    std::function<void(Task)> submit;
    {
        std::lock_guard lock(mutex_);
        submit = owner_.submit;
    }
    if (submit) submit([self = shared_from_this()] { self->work(); });
}

// ---- the job ----

void SpillingPiece::work() {
    for (Work next = next_work(); !next.nothing(); next = next_work()) {
        write(next.to_write);
        if (next.then) next.then();
    }
}

/// Returns the job's next work; nothing if the job has to end.
SpillingPiece::Work SpillingPiece::next_work() {
    Work work;
    std::function<void()> credit;
    {
        std::lock_guard lock(mutex_);
        const bool worth_it = then_ || (!failing_ && unwritten_bytes_ >= sizes_.spill_job);
        working_ = worth_it && !given_up_;
        if (working_) {
            for (std::uint32_t i = 0; i < blocks_.size(); ++i)
                if (blocks_[i].where == Where::in_memory) work.to_write.push_back({i, blocks_[i].generation});
            // Takes `then_` only after a block that was replaced during a write has been written, too.
            if (work.to_write.empty() || failing_) work.then = std::exchange(then_, {});
        }
        const bool room = failing_ || unwritten_bytes_ < sizes_.spill_room;
        if (credit_wanted_ && (given_up_ ? !working_ : room)) {
            credit_wanted_ = false;
            credit = owner_.credit;
        }
    }
    if (credit) credit();
    return work;
}

/// Writes blocks, which are in ascending order; adjacent ones in one write. Meanwhile the engine may discard
/// a block and receive other bytes in its place. Such a block still counts as unwritten.
void SpillingPiece::write(std::span<const Found> blocks) {
    while (!blocks.empty()) {
        std::uint32_t count = 1;
        while (count < blocks.size() && blocks[count].index == blocks[0].index + count) ++count;
        const ByteRange range = in_torrent(blocks[0].index, count);
        const bool failed = bool(file_.write(range.begin, memory(range)));
        // Hashes while the blocks are still in memory. If reading back an earlier block fails, digest() will
        // report it.
        if (!failed) [[maybe_unused]]
            const Error later = advance_hash();
        {
            std::lock_guard lock(mutex_);
            failing_ = failed;
        }
        if (failed) return;
        mark_written(blocks.first(count));
        blocks = blocks.subspan(count);
    }
}

/// Marks blocks as written and frees their memory, under the lock, before other bytes can arrive in it.
void SpillingPiece::mark_written(std::span<const Found> blocks) {
    std::lock_guard lock(mutex_);
    const auto unchanged = [this](const Found& block) {
        return blocks_[block.index].generation == block.generation;
    };
    while (!blocks.empty()) {
        std::uint32_t count = 0;
        for (; count < blocks.size() && unchanged(blocks[count]); ++count)
            blocks_[blocks[count].index].where = Where::written;
        if (count > 0) {
            const ByteRange range = in_torrent(blocks[0].index, count);
            unwritten_bytes_ -= range.size();
            pages_.drop(memory(range));
        }
        blocks = blocks.subspan(std::max(count, 1u));
    }
}

/// Continues the hash up to the first missing block.
Error SpillingPiece::advance_hash() {
    Bytes read_back;
    while (const std::optional<ToHash> next = next_to_hash()) {
        const ByteRange range = in_torrent(next->block.index);
        if (next->where == Where::written) {
            read_back.resize(range.size());
            if (Error error = file_.read(range.begin, read_back)) return error;
        }
        prefix_.update(next->where == Where::written ? ByteView(read_back) : ByteView(memory(range)));
        on_hashed(next->block);
    }
    return {};
}

std::optional<SpillingPiece::ToHash> SpillingPiece::next_to_hash() {
    std::lock_guard lock(mutex_);
    if (std::exchange(rehash_, false)) {
        prefix_ = {};
        hashed_ = 0;
    }
    if (hashed_ == blocks_.size() || blocks_[hashed_].where == Where::missing) return std::nullopt;
    return ToHash{{hashed_, blocks_[hashed_].generation}, blocks_[hashed_].where};
}

void SpillingPiece::on_hashed(const Found& block) {
    std::lock_guard lock(mutex_);
    if (blocks_[block.index].generation == block.generation) {
        ++hashed_;
    } else {
        rehash_ = true;  // the hashed bytes may have been replaced
    }
}

bool SpillingPiece::all_written() {
    std::lock_guard lock(mutex_);
    return unwritten_bytes_ == 0;
}

Result<Sha1Digest> SpillingPiece::digest() {
    if (Error error = advance_hash()) return error;
    std::lock_guard lock(mutex_);
    assert(hashed_ == blocks_.size());
    hashed_ = 0;
    return prefix_.finish();
}

Result<std::vector<Sha1Digest>> SpillingPiece::block_digests() {
    std::vector<Sha1Digest> digests;
    Bytes content;
    for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
        const ByteRange range = in_torrent(i);
        content.resize(range.size());
        if (Error error = file_.read(range.begin, content)) return error;
        digests.push_back(sha1(content));
    }
    return digests;
}

Error SpillingPiece::bring_back() {
    for (std::uint32_t i = 0; i < blocks_.size(); ++i) {
        {
            std::lock_guard lock(mutex_);
            if (blocks_[i].where != Where::written) continue;
        }
        const ByteRange range = in_torrent(i);
        if (Error error = file_.read(range.begin, memory(range))) return error;
    }
    return {};
}

ByteRange SpillingPiece::in_torrent(std::uint32_t block, std::uint32_t count) const {
    const std::uint64_t begin = place_.begin + std::uint64_t{block} * kBlockSize;
    return {begin, std::min(begin + std::uint64_t{count} * kBlockSize, place_.end)};
}

std::span<std::byte> SpillingPiece::memory(ByteRange in_torrent) const {
    return pages_.first(place_.size()).subspan(in_torrent.begin - place_.begin, in_torrent.size());
}

}  // namespace btfs
