// Picker of a remote peer: chooses the block to ask of a connection, the rarest piece first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "engine/core/bitfield.hpp"
#include "engine/core/layout.hpp"
#include "engine/core/rng.hpp"

namespace btfs::sim {

/// Each block is asked of one connection at a time. A piece that has begun is finished first.
class RemotePicker {
  public:
    using Id = std::size_t;

    /// `have` and `layout` outlive the picker.
    RemotePicker(const Layout& layout, const Bitfield& have) : layout_(layout), have_(have) {}

    /// A block to ask of `connection`, which counts as asked for now. `may_ask(piece)`: the connection has
    /// the piece and serves it. `availability(piece)`: how many connections have it.
    template <class MayAsk, class Availability>
    std::optional<BlockRef> pick(Id connection, const MayAsk& may_ask, const Availability& availability,
                                 Rng& rng) {
        for (auto& [piece, partial] : partials_)
            if (partial.free > 0 && may_ask(piece)) return take(connection, piece, partial);
        std::optional<PieceIndex> rarest;
        std::size_t fewest = std::numeric_limits<std::size_t>::max();
        const auto from = static_cast<std::uint32_t>(rng.below(have_.size()));
        for (std::uint32_t i = 0; i < have_.size(); ++i) {
            const PieceIndex piece((from + i) % have_.size());
            if (have_.test(piece) || partials_.contains(piece) || !may_ask(piece)) continue;
            const std::size_t count = availability(piece);
            if (count >= fewest) continue;
            fewest = count;
            rarest = piece;
        }
        if (!rarest) return std::nullopt;
        const std::uint32_t blocks = layout_.block_count(*rarest);
        return take(connection, *rarest,
                    partials_.emplace(*rarest, Partial{std::vector<Id>(blocks, kFree), blocks, blocks})
                        .first->second);
    }

    /// The block will not come from that connection.
    void release(Id connection, const BlockRef& block) {
        const auto partial = partials_.find(block.piece);
        if (partial == partials_.end()) return;
        Id& state = partial->second.blocks[block.offset_in_piece / kBlockSize];
        if (state != connection) return;
        state = kFree;
        ++partial->second.free;
    }
    void release_all(Id connection) {
        for (auto& [piece, partial] : partials_) {
            partial.free += static_cast<std::uint32_t>(std::ranges::count(partial.blocks, connection));
            std::ranges::replace(partial.blocks, connection, kFree);
        }
    }
    /// True if the piece is complete with this block. The caller then has it.
    bool receive(const BlockRef& block) {
        const auto partial = partials_.find(block.piece);
        if (partial == partials_.end()) return false;
        Id& state = partial->second.blocks[block.offset_in_piece / kBlockSize];
        if (state == kReceived) return false;
        if (state == kFree) --partial->second.free;
        state = kReceived;
        if (--partial->second.missing > 0) return false;
        partials_.erase(partial);
        return true;
    }

  private:
    static constexpr Id kFree = std::numeric_limits<Id>::max();
    static constexpr Id kReceived = kFree - 1;
    struct Partial {
        std::vector<Id> blocks;  ///< the connection that is asked, kFree or kReceived
        std::uint32_t free;
        std::uint32_t missing;
    };

    BlockRef take(Id connection, PieceIndex piece, Partial& partial) {
        const auto block = std::ranges::find(partial.blocks, kFree);
        *block = connection;
        --partial.free;
        return layout_.payload(piece, static_cast<std::uint32_t>(block - partial.blocks.begin()));
    }

    const Layout& layout_;
    const Bitfield& have_;
    std::map<PieceIndex, Partial> partials_;
};

}  // namespace btfs::sim
