// Filter of a remote peer's stream: takes out AllowedFast messages that its client would not send.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/types.hpp"

namespace btfs::sim {

/// A PeerSession offers ten pieces (BEP 6). libtorrent offers five of them, Transmission none. A peer that is
/// not offered a piece does not ask for it while it is choked.
class AllowedFastFilter {
  public:
    /// Lets AllowedFast of `kept` pieces through.
    explicit AllowedFastFilter(std::vector<PieceIndex> kept) : kept_(std::move(kept)) {}

    void pass(ByteView bytes, Bytes& out) {
        while (!bytes.empty()) {
            const std::uint64_t size = std::min<std::uint64_t>(rest_, bytes.size());
            out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
            rest_ -= size;
            bytes = bytes.subspan(size);
            if (bytes.empty()) return;
            head_.push_back(bytes.front());
            bytes = bytes.subspan(1);
            decide(out);
        }
    }

  private:
    static constexpr std::size_t kLength = 4;
    static constexpr std::byte kAllowedFast{17};

    void decide(Bytes& out) {
        if (head_.size() < kLength) return;
        const auto length = load_big_endian<std::uint32_t>(head_.data());
        const std::size_t needed = kLength + std::min<std::size_t>(length, is_allowed_fast() ? 5 : 1);
        if (head_.size() < needed) return;
        const bool drops =
            is_allowed_fast() && length == 5 &&
            std::ranges::find(kept_, PieceIndex(load_big_endian<std::uint32_t>(head_.data() + 5))) ==
                kept_.end();
        if (!drops) out.insert(out.end(), head_.begin(), head_.end());
        rest_ = kLength + length - head_.size();
        head_.clear();
    }
    bool is_allowed_fast() const { return head_.size() > kLength && head_[kLength] == kAllowedFast; }

    const std::vector<PieceIndex> kept_;
    Bytes head_;
    std::uint64_t rest_ = 68;  ///< bytes that pass as they are; the handshake first
};

}  // namespace btfs::sim
