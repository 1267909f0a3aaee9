// Requests of one peer that are not answered yet, and the pieces that it may request while we choke it.
#pragma once

#include <span>
#include <vector>

#include "engine/core/types.hpp"

namespace btfs::wire {

/// The counterpart of RequestsInFlight: there our requests, here the peer's. Each request that is taken is
/// answered once, by a block or a reject; the caller sends that.
class RequestsToServe {
  public:
    /// Requests that wait for an answer; we say so in our extended handshake (BEP 10 reqq).
    static constexpr std::size_t kMaxWaiting = 1024;

    enum class Verdict : std::uint8_t {
        taken,
        repeated,  ///< it waits already: one answer serves both
        refused,   ///< the peer is choked, or too many wait
    };

    /// The peer may request these pieces while it is choked (BEP 6).
    void grant(std::vector<PieceIndex> pieces) { granted_ = std::move(pieces); }
    std::span<const PieceIndex> granted() const { return granted_; }
    bool is_granted(PieceIndex piece) const;

    Verdict take(const BlockRef& block, bool choking);
    /// The request is answered, or cancelled. False if it does not wait.
    bool remove(const BlockRef& block);
    /// The peer is choked: its requests are dropped but for pieces that are granted. Gives what was dropped.
    std::vector<BlockRef> drop_choked();
    std::size_t size() const { return waiting_.size(); }

  private:
    std::vector<PieceIndex> granted_;
    std::vector<BlockRef> waiting_;  ///< in the order in which they came
};

}  // namespace btfs::wire
