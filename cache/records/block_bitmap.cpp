#include "cache/records/block_bitmap.hpp"

#include <algorithm>
#include <cassert>

#include "engine/core/types.hpp"

namespace btfs {
namespace {

/// Returns a word with the bits [from, to) set; 0 <= from < to <= 64.
std::uint64_t mask(std::size_t from, std::size_t to) {
    const std::uint64_t low = to == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << to) - 1;
    return low & ~((std::uint64_t{1} << from) - 1);
}

/// Calls f(word index, mask) for each word of [first, first + count), until f returns false.
template <class F>
bool each_word(std::size_t first, std::size_t count, F&& f) {
    for (std::size_t at = first, end = first + count; at < end;) {
        const std::size_t from = at % 64, to = std::min<std::size_t>(64, from + (end - at));
        if (!f(at / 64, mask(from, to))) return false;
        at += to - from;
    }
    return true;
}

}  // namespace

BlockBitmap::BlockBitmap(std::size_t size)
    : size_(size),
      chunk_count_(units_for(size, kChunkBits)),
      chunks_(new std::atomic<const Chunk*>[chunk_count_]) {
    for (std::size_t i = 0; i < chunk_count_; ++i) chunks_[i].store(nullptr, std::memory_order_relaxed);
}

const BlockBitmap::Chunk& BlockBitmap::full_chunk() {
    struct Full : Chunk {
        Full() {
            for (auto& word : words) word.store(~std::uint64_t{0}, std::memory_order_relaxed);
        }
    };
    static const Full full;
    return full;
}

std::uint64_t BlockBitmap::word(std::size_t index) const {
    constexpr std::size_t kWords = kChunkBits / 64;
    const Chunk* chunk = chunks_[index / kWords].load(std::memory_order_acquire);
    return chunk ? chunk->words[index % kWords].load(std::memory_order_acquire) : 0;
}

bool BlockBitmap::test(std::size_t index) const {
    assert(index < size_);
    return word(index / 64) >> index % 64 & 1;
}

bool BlockBitmap::all(std::size_t first, std::size_t count) const {
    assert(first + count <= size_);
    return each_word(first, count,
                     [&](std::size_t index, std::uint64_t bits) { return (word(index) & bits) == bits; });
}

std::byte BlockBitmap::byte(std::size_t index) const {
    assert(index * 8 < size_);
    return static_cast<std::byte>(word(index / 8) >> index % 8 * 8 & 0xff);
}

BlockBitmap::Chunk& BlockBitmap::writable(std::size_t chunk) {
    const Chunk* current = chunks_[chunk].load(std::memory_order_relaxed);
    if (current && current != &full_chunk()) return const_cast<Chunk&>(*current);  // one of owned_
    owned_.push_back(std::make_unique<Chunk>());
    if (current) {
        for (auto& word : owned_.back()->words) word.store(~std::uint64_t{0}, std::memory_order_relaxed);
    }
    chunks_[chunk].store(owned_.back().get(), std::memory_order_release);
    return *owned_.back();
}

void BlockBitmap::assign(std::size_t first, std::size_t count, bool value) {
    assert(first + count <= size_);
    for (std::size_t at = first, end = first + count; at < end;) {
        const std::size_t chunk = at / kChunkBits;
        const std::size_t stop = std::min(end, (chunk + 1) * kChunkBits);
        const Chunk* current = chunks_[chunk].load(std::memory_order_relaxed);
        const Chunk* uniform = value ? &full_chunk() : nullptr;
        if (stop - at == kChunkBits && (!current || current == &full_chunk())) {
            chunks_[chunk].store(uniform, std::memory_order_release);
        } else if (current != uniform) {
            Chunk& target = writable(chunk);
            each_word(at % kChunkBits, stop - at, [&](std::size_t index, std::uint64_t bits) {
                if (value) target.words[index].fetch_or(bits, std::memory_order_release);
                if (!value) target.words[index].fetch_and(~bits, std::memory_order_release);
                return true;
            });
        }
        at = stop;
    }
}

}  // namespace btfs
