// Listens in on one direction of a connection: an account of the wire that owes nothing to the engine.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/core/types.hpp"

namespace btfs::sim {

/// Tells of each message that has passed in full: its id (BEP 3), and the block where it names one.
class WireTap {
  public:
    enum Id : std::uint8_t { choke = 0, unchoke = 1, request = 6, piece = 7, cancel = 8, reject = 16 };
    using OnMessage = std::function<void(Id, const BlockRef&)>;

    explicit WireTap(OnMessage on_message) : on_message_(std::move(on_message)) {}

    void feed(ByteView bytes) {
        while (!bytes.empty()) {
            std::uint64_t step = std::min<std::uint64_t>(skip_, bytes.size());
            skip_ -= step;
            bytes = bytes.subspan(step);
            if (skip_ == 0 && ends_) end();
            if (bytes.empty()) return;
            step = std::min<std::uint64_t>(wanted_ - have_, bytes.size());
            std::copy_n(bytes.begin(), step, head_.begin() + have_);
            have_ += step;
            bytes = bytes.subspan(step);
            if (have_ == wanted_) grow();
        }
    }

  private:
    std::uint32_t word(std::size_t at) const {
        std::uint32_t value = 0;
        for (std::size_t i = at; i < at + 4; ++i)
            value = value << 8 | std::to_integer<std::uint32_t>(head_[i]);
        return value;
    }
    // The length, then as much of the body as names a block, then the rest unseen.
    void grow() {
        if (wanted_ == 4) {
            have_ = word(0) == 0 ? 0 : have_;  // a keep-alive
            wanted_ = have_ == 0 ? 4 : 4 + std::min<std::size_t>(word(0), 13);
            return;
        }
        skip_ = 4 + std::uint64_t{word(0)} - have_;
        ends_ = true;
        if (skip_ == 0) end();
    }
    void end() {
        const auto id = static_cast<Id>(head_[4]);
        BlockRef block;
        if (have_ == 17) block = {PieceIndex(word(5)), word(9), id == piece ? word(0) - 9 : word(13)};
        ends_ = false;
        have_ = 0;
        wanted_ = 4;
        on_message_(id, block);
    }

    OnMessage on_message_;
    std::array<std::byte, 17> head_{};
    std::size_t have_ = 0;
    std::size_t wanted_ = 4;
    std::uint64_t skip_ = 68;  // the handshake
    bool ends_ = false;
};

}  // namespace btfs::sim
