// One bit for each block of a torrent, read without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace btfs {

/// Readers on any thread; writers take turns (their owner's lock). Stretches that are all zeros or all ones
/// take no memory, so that an idle torrent, empty or full, costs next to nothing.
class BlockBitmap {
  public:
    explicit BlockBitmap(std::size_t size);
    BlockBitmap(const BlockBitmap&) = delete;
    BlockBitmap& operator=(const BlockBitmap&) = delete;

    std::size_t size() const { return size_; }
    bool test(std::size_t index) const;
    /// True if all of [first, first + count) are set.
    bool all(std::size_t first, std::size_t count) const;
    /// Bits [8 * index, 8 * index + 8), the lowest bit first; bits beyond the end are zeros.
    std::byte byte(std::size_t index) const;

    void assign(std::size_t first, std::size_t count, bool value);

  private:
    static constexpr std::size_t kChunkBits = 4096;
    struct Chunk {
        std::array<std::atomic<std::uint64_t>, kChunkBits / 64> words{};
    };
    static const Chunk& full_chunk();

    std::uint64_t word(std::size_t index) const;
    Chunk& writable(std::size_t chunk);

    std::size_t size_;
    std::size_t chunk_count_;
    /// Null: all zeros. A chunk once published stays until the end, as readers may be in it.
    std::unique_ptr<std::atomic<const Chunk*>[]> chunks_;
    std::vector<std::unique_ptr<Chunk>> owned_;  // writers only
};

}  // namespace btfs
