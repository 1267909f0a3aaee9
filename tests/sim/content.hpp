// A torrent's content that takes no memory of its own: one pattern, again and again.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/content_view.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/rng.hpp"

namespace btfs::sim {

/// The pattern's length is odd, so that no two blocks of a torrent are alike.
class Content {
  public:
    static constexpr std::size_t kPeriod = (1 << 20) + 16'411;
    static constexpr std::size_t kLongestView = 4 << 20;

    Content() : pattern_(kPeriod + kLongestView) {
        Rng rng(1);
        for (std::size_t i = 0; i < kPeriod; ++i) pattern_[i] = static_cast<std::byte>(rng.next() >> 56);
        for (std::size_t i = kPeriod; i < pattern_.size(); ++i) pattern_[i] = pattern_[i - kPeriod];
    }

    ByteView view(ByteRange range_in_torrent) const {
        return ByteView(pattern_).subspan(range_in_torrent.begin % kPeriod, range_in_torrent.size());
    }

    /// One for all simulations: it takes a while to make.
    static const Content& shared() {
        static const Content content;
        return content;
    }

  private:
    std::vector<std::byte> pattern_;
};

inline ByteRange range_of(const Layout& layout, const BlockRef& block) {
    const std::uint64_t begin = layout.piece_offset_in_torrent(block.piece) + block.offset_in_piece;
    return {begin, begin + block.size};
}

}  // namespace btfs::sim
