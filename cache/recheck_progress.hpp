// Progress of a check that proves anew all that a store has.
#pragma once

#include <mutex>
#include <optional>

#include "engine/core/bitfield.hpp"

namespace btfs {

/// Counts the pieces that a recheck has to prove and those that it has passed: proven, by the check or by a
/// read, or found damaged. The store walks over its pieces from the first to the last; a recheck that is
/// asked for during a walk waits for the next one. From any thread.
class RecheckProgress {
  public:
    struct State {
        bool begun = false;  ///< false: it waits for its turn
        double done = 0;     ///< 0 to 1, of the pieces
    };

    /// A recheck is asked for, of these pieces, in place of an earlier one.
    void ask(Bitfield pieces) {
        std::lock_guard lock(mutex_);
        pieces_ = std::move(pieces);
        begun_ = false;
        passed_ = 0;
        next_ = PieceIndex(0);
    }
    /// A walk begins at the first piece.
    void begin_walk() {
        std::lock_guard lock(mutex_);
        begun_ = pieces_.has_value();
    }
    /// The walk has passed all pieces before `next`.
    void pass(PieceIndex next) {
        std::lock_guard lock(mutex_);
        if (!begun_) return;
        for (; next_ < next && next_.value() < pieces_->size(); next_ = next_.next())
            passed_ += pieces_->test(next_) ? 1 : 0;
    }
    /// The walk has ended, and none follows it.
    void end_walk() {
        std::lock_guard lock(mutex_);
        if (begun_) pieces_.reset();
        begun_ = false;
    }

    /// Nothing while no recheck is under way or waits.
    std::optional<State> get() const {
        std::lock_guard lock(mutex_);
        if (!pieces_) return std::nullopt;
        const auto count = static_cast<double>(pieces_->count());
        return State{begun_, count == 0 ? 1 : static_cast<double>(passed_) / count};
    }

  private:
    mutable std::mutex mutex_;  // guards what follows
    std::optional<Bitfield> pieces_;
    bool begun_ = false;
    std::size_t passed_ = 0;
    PieceIndex next_{0};
};

}  // namespace btfs
