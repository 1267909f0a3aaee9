// The engine's vocabulary of numbers: indices that do not mix, and ranges of bytes.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace btfs {

/// Block: the largest part of a piece that peers exchange in one message (BEP 3), and the unit in which the
/// cache keeps content. In bytes.
inline constexpr std::uint32_t kBlockSize = 16 * 1024;

/// A 0-based index of one kind of thing. Kinds do not convert into each other.
template <class Tag>
class Index {
  public:
    using Value = std::uint32_t;

    constexpr Index() = default;
    constexpr explicit Index(std::uint64_t value) : value_(static_cast<Value>(value)) {}

    constexpr Value value() const { return value_; }
    constexpr Index next() const { return Index(value_ + 1); }
    constexpr auto operator<=>(const Index&) const = default;

  private:
    Value value_ = 0;
};

using PieceIndex = Index<struct PieceTag>;
using FileIndex = Index<struct FileTag>;

/// Bytes [begin, end) of a torrent or of a file; the name of the variable says of which.
struct ByteRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;

    constexpr std::uint64_t size() const { return end > begin ? end - begin : 0; }
    constexpr bool empty() const { return end <= begin; }
    constexpr bool contains(std::uint64_t offset) const { return offset >= begin && offset < end; }
    constexpr ByteRange intersection(ByteRange other) const {
        return {std::max(begin, other.begin), std::min(end, other.end)};
    }
    constexpr bool operator==(const ByteRange&) const = default;
};

/// Range that a request names: at most kBlockSize bytes of one piece (BEP 3's index, begin, length).
struct BlockRef {
    PieceIndex piece;
    std::uint32_t offset_in_piece = 0;
    std::uint32_t size = 0;

    constexpr auto operator<=>(const BlockRef&) const = default;
};

/// How many units of `unit` bytes hold `size` bytes.
constexpr std::uint64_t units_for(std::uint64_t size, std::uint64_t unit) {
    return size / unit + (size % unit != 0);
}

}  // namespace btfs

template <class Tag>
struct std::hash<btfs::Index<Tag>> {
    std::size_t operator()(btfs::Index<Tag> index) const noexcept { return index.value(); }
};
