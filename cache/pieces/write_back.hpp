// Verified pieces that the disk did not take, and what is tried while it does not.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/core/time.hpp"
#include "engine/storage.hpp"

namespace btfs {

/// The disk fails from a failed write until one works when none has failed for kRetryAfter: a short last
/// piece fits onto a full disk, and means nothing. Meanwhile what was not written is kept, nothing is fetched
/// ahead, and every kRetryAfter, as long as it fails, the oldest kept piece is written again or, with none
/// kept, one piece may be fetched, to find out. Writes nothing itself and has no clock: it says what follows.
/// Called from any thread.
class WriteBack {
  public:
    static constexpr Duration kRetryAfter = 3s;
    /// Limit of what is kept, so that a piece that is read in small reads is not fetched for each of them;
    /// the newest piece is kept always.
    static constexpr std::size_t kKeptBytes = 16 << 20;

    /// A verified piece in memory.
    struct Piece {
        PieceIndex index{0};
        PieceBufferPtr buffer;
    };
    /// Work that the caller does next.
    struct Actions {
        std::vector<Piece> write;  ///< write them, and call on_failed() or on_written()
        std::vector<Piece> lost;   ///< there is no room for them
        bool credit = false;       ///< tell the engine to ask for memory again
        bool began_to_fail = false;
        bool recovered = false;
        std::optional<TimePoint> wake;  ///< call handle_timeout() then
    };

    /// The disk did not take the piece.
    Actions on_failed(Piece piece, TimePoint now);
    /// The disk took a piece.
    Actions on_written(TimePoint now);
    Actions handle_timeout(TimePoint now);
    /// Drops the oldest piece, since memory is short.
    Actions drop_oldest();
    /// Writes all kept pieces once more. A piece that fails from now on is lost.
    Actions close();

    bool failing() const;
    bool keeps_some() const;
    /// Returns true if a piece that no read waits for may be fetched. Otherwise `credit` follows.
    bool admits_ahead();

  private:
    Piece take_oldest();
    void drop_beyond(std::size_t bytes, std::size_t count, Actions& actions);
    void write_all(Actions& actions);
    void arm(TimePoint at, Actions& actions);

    mutable std::mutex mutex_;
    // Guarded by mutex_:
    std::deque<Piece> kept_;  ///< oldest first
    std::size_t kept_bytes_ = 0;
    bool failing_ = false;
    TimePoint last_failure_{};
    bool armed_ = false;          ///< handle_timeout() will be called
    bool probe_ = false;          ///< one piece may be fetched ahead
    bool credit_wanted_ = false;  ///< admits_ahead() was false
    bool closed_ = false;
};

}  // namespace btfs
