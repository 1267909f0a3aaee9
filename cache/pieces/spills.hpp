// Registry of a torrent's pieces that spill.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "cache/pieces/spilling_piece.hpp"

namespace btfs {

/// Knows the pieces that are being received, and those that were given up while a job of theirs was at work.
/// Called from any thread.
class Spills {
  public:
    /// Null: the piece is in memory, or not received.
    std::shared_ptr<SpillingPiece> find(PieceIndex piece) {
        std::lock_guard lock(mutex_);
        const auto found = pieces_.find(piece);
        return found == pieces_.end() ? nullptr : found->second.lock();
    }
    /// False while the job of an earlier try may still write to the same place; credit follows.
    bool may_begin(PieceIndex piece) {
        const std::shared_ptr<SpillingPiece> earlier = find(piece);
        return !earlier || earlier->give_up();
    }
    void add(PieceIndex piece, const std::shared_ptr<SpillingPiece>& received) {
        std::lock_guard lock(mutex_);
        std::erase_if(pieces_, [](const auto& known) { return known.second.expired(); });
        pieces_[piece] = received;
    }
    void forget(PieceIndex piece) {
        std::lock_guard lock(mutex_);
        pieces_.erase(piece);
    }
    /// None of them submits a job any more.
    void close() {
        std::lock_guard lock(mutex_);
        for (auto& [piece, known] : pieces_)
            if (const auto received = known.lock()) received->close();
    }

  private:
    std::mutex mutex_;
    std::unordered_map<PieceIndex, std::weak_ptr<SpillingPiece>> pieces_;  // guarded by mutex_
};

}  // namespace btfs
