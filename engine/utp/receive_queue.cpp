#include "engine/utp/receive_queue.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace btfs::utp {
namespace {

/// Content that is kept is copied into chunks of this size at least; a packet of less than kSmallChunk, too.
constexpr std::size_t kChunk = 4096, kSmallChunk = 512;
/// A connection without a missing packet keeps no larger ring.
constexpr std::size_t kKeptReorderRing = 256;

}  // namespace

bool ReceiveQueue::has_memory_for(std::size_t bytes, std::size_t held) const {
    if (held + bytes <= kGuaranteed) return true;
    return held + bytes <= kMost && bytes <= budget_.free();
}

ReceiveQueue::Taken ReceiveQueue::take(SequenceIndex index, ByteView payload, bool fin) {
    if (index < next_) return Taken::duplicate;
    const std::size_t distance = index - next_;
    if (distance > kMaxReorder) return Taken::refused;
    if (fin_ && (index > *fin_ || (index == *fin_) != fin)) return Taken::refused;
    if (fin && !fin_ && past_ > index + 1) return Taken::refused;  // content behind its end
    if (fin) payload = {};
    if (distance > 0) {
        if (index < past_ && held(index).here) return Taken::duplicate;
        if (!has_memory_for(payload.size(), unread_ + reordered_)) return Taken::refused;
        grow_ring(distance);
        Held& place = held(index);
        if (!payload.empty()) {
            place.bytes = std::make_unique_for_overwrite<std::byte[]>(payload.size());
            std::memcpy(place.bytes.get(), payload.data(), payload.size());
        }
        place.size = payload.size();
        place.here = true;
        reordered_ += payload.size();
        budget_.take(payload.size());
        past_ = std::max(past_, index + 1);
        if (fin) fin_ = index;
        return Taken::out_of_order;
    }
    // A packet that fills the first hole is taken whatever is held behind it, which cannot be read before.
    if (!has_memory_for(payload.size(), unread_)) return Taken::refused;
    if (fin) fin_ = index;
    budget_.take(payload.size());
    advance(payload, nullptr);
    while (past_ > next_ && held(next_).here) {
        Held& place = held(next_);
        const ByteView content(place.bytes.get(), place.size);
        reordered_ -= place.size;
        place.here = false;
        place.size = 0;
        advance(content, std::move(place.bytes));
    }
    past_ = std::max(past_, next_);
    if (past_ == next_ && ring_.size() > kKeptReorderRing) ring_ = std::vector<Held>();
    return Taken::in_order;
}

/// The bytes are in the budget already.
void ReceiveQueue::advance(ByteView payload, std::unique_ptr<std::byte[]> owned) {
    ++next_;
    if (discards_) return budget_.give(payload.size());
    if (payload.empty()) return;
    unread_ += payload.size();
    chunks_.push_back({std::move(owned), payload, 0});
}

void ReceiveQueue::grow_ring(std::size_t distance) {
    if (distance < ring_.size()) return;
    std::vector<Held> grown(std::bit_ceil(std::max<std::size_t>(distance + 1, 16)));
    for (SequenceIndex i = next_; i < past_; ++i)
        if (!ring_.empty() && held(i).here) grown[i & (grown.size() - 1)] = std::move(held(i));
    ring_ = std::move(grown);
}

std::size_t ReceiveQueue::read(std::span<const iovec> into) {
    std::size_t total = 0;
    for (const iovec& buffer : into) {
        std::size_t done = 0;
        while (done < buffer.iov_len && first_chunk_ < chunks_.size()) {
            Chunk& chunk = chunks_[first_chunk_];
            const std::size_t n = std::min(buffer.iov_len - done, chunk.rest.size());
            std::memcpy(static_cast<std::byte*>(buffer.iov_base) + done, chunk.rest.data(), n);
            chunk.rest = chunk.rest.subspan(n);
            done += n;
            if (chunk.rest.empty()) {
                chunk.owned.reset();
                ++first_chunk_;
            }
        }
        total += done;
        if (done < buffer.iov_len) break;
    }
    if (first_chunk_ == chunks_.size()) {
        chunks_.clear();
        first_chunk_ = 0;
        kept_chunks_ = 0;
    }
    unread_ -= total;
    budget_.give(total);
    return total;
}

void ReceiveQueue::keep() {
    if (first_chunk_ > 0) {
        chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(first_chunk_));
        kept_chunks_ -= std::min(kept_chunks_, first_chunk_);
        first_chunk_ = 0;
    }
    // Parts of datagrams, and small packets, are copied together: small chunks would cost more than they
    // hold.
    const auto copied = [](const Chunk& chunk) { return !chunk.owned || chunk.rest.size() < kSmallChunk; };
    std::size_t out = kept_chunks_;
    for (std::size_t i = kept_chunks_; i < chunks_.size(); ++i) {
        Chunk chunk = std::move(chunks_[i]);
        if (!copied(chunk)) {
            chunks_[out++] = std::move(chunk);
            continue;
        }
        if (out == 0 || chunks_[out - 1].room < chunk.rest.size()) {
            std::size_t size = chunk.rest.size();
            for (std::size_t j = i + 1; j < chunks_.size() && copied(chunks_[j]); ++j)
                size += chunks_[j].rest.size();
            size = std::max(size, kChunk);
            Chunk& fresh = chunks_[out++];
            fresh.owned = std::make_unique_for_overwrite<std::byte[]>(size);
            fresh.rest = ByteView(fresh.owned.get(), std::size_t{0});
            fresh.room = size;
        }
        Chunk& last = chunks_[out - 1];
        std::memcpy(const_cast<std::byte*>(last.rest.data() + last.rest.size()), chunk.rest.data(),
                    chunk.rest.size());
        last.rest = ByteView(last.rest.data(), last.rest.size() + chunk.rest.size());
        last.room -= chunk.rest.size();
    }
    chunks_.resize(out);
    kept_chunks_ = out;
}

void ReceiveQueue::discard() {
    discards_ = true;
    budget_.give(unread_);
    unread_ = 0;
    chunks_.clear();
    first_chunk_ = kept_chunks_ = 0;
}

std::size_t ReceiveQueue::window() const {
    const std::size_t held = unread_ + reordered_;
    const std::size_t offered = std::max(std::min(kMost, budget_.free() / kBudgetPart), kGuaranteed);
    return offered > held ? offered - held : 0;
}

std::size_t ReceiveQueue::write_selective_ack(std::span<std::byte> out) const {
    if (!has_hole()) return 0;
    const std::size_t packets = past_ - next_ - 1;  // behind the missing one
    const std::size_t size = std::min((packets + 31) / 32 * 4, out.size() / 4 * 4);
    for (std::size_t byte = 0; byte < size; ++byte) {
        unsigned bits = 0;
        for (std::size_t bit = 0; bit < 8; ++bit) {
            const SequenceIndex index = next_ + 1 + byte * 8 + bit;
            if (index >= past_) break;
            if (held(index).here) bits |= 1u << bit;
        }
        out[byte] = static_cast<std::byte>(bits);
    }
    return size;
}

}  // namespace btfs::utp
