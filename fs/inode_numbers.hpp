// Inode numbers: gives each node of the mount a number of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace btfs {

/// How large inode numbers may be. Programs that keep them in a signed 64-bit number fail beyond 2^63 - 1,
/// and 32-bit programs without large-file support get EOVERFLOW from stat beyond 2^32 - 1.
enum class InodeWidth : std::uint8_t { bits63, bits32 };

/// The numbers in use: an open-addressing hash table, so that a million files cost 16 MiB. From any thread.
class InodeNumbers {
  public:
    /// Smaller numbers are the mount's own: its root, and what is always in `.btfs`. Other virtual nodes have
    /// numbers below 2^32, which a node of a torrent may have, too; with 32 bits that is likely.
    static constexpr std::uint64_t kFirst = 256;

    explicit InodeNumbers(InodeWidth width = InodeWidth::bits63)
        : mask_(width == InodeWidth::bits63 ? ~std::uint64_t{0} >> 1 : ~std::uint64_t{0} >> 32) {}

    /// Gives a number that was not given before. It follows from `hash` alone, unless another node has it
    /// already; then the next free number is taken.
    std::uint64_t claim(std::uint64_t hash);
    /// The number may be given again.
    void release(std::uint64_t number);

  private:
    bool insert(std::uint64_t number);
    void grow();
    std::size_t place_of(std::uint64_t number) const { return number & (table_.size() - 1); }
    std::size_t next(std::size_t place) const { return (place + 1) & (table_.size() - 1); }

    const std::uint64_t mask_;
    std::mutex mutex_;                  // guards what follows
    std::vector<std::uint64_t> table_;  ///< its size is a power of two; 0: free
    std::size_t used_ = 0;
};

}  // namespace btfs
