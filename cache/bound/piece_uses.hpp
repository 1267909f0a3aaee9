// When each piece of a torrent was last used.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"

namespace btfs {

/// Times in seconds since 1970, as they were when the process began and have gone on since: a clock that is
/// set meanwhile changes nothing. Takes memory from the first use on. Called from any thread, without a lock.
class PieceUses {
  public:
    /// `earlier_s`: when earlier runs have used the torrent last.
    PieceUses(std::size_t pieces, std::uint32_t earlier_s) : pieces_(pieces), earlier_s_(earlier_s) {}

    void touch(PieceIndex piece, TimePoint now) {
        std::call_once(made_, [this] {
            times_ = std::make_unique<std::atomic<std::uint32_t>[]>(pieces_);
            ready_.store(times_.get(), std::memory_order_release);
        });
        times_[piece.value()].store(seconds_since_1970(now), std::memory_order_relaxed);
    }
    std::uint32_t last(PieceIndex piece) const {
        const std::atomic<std::uint32_t>* const times = ready_.load(std::memory_order_acquire);
        const std::uint32_t used = times ? times[piece.value()].load(std::memory_order_relaxed) : 0;
        return used != 0 ? used : earlier_s_;
    }

  private:
    static std::uint32_t seconds_since_1970(TimePoint now) {
        static const auto begin = std::chrono::system_clock::now().time_since_epoch() -
                                  std::chrono::system_clock::duration(Clock::now().time_since_epoch());
        return static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::seconds>(begin + now.time_since_epoch()).count());
    }

    const std::size_t pieces_;
    const std::uint32_t earlier_s_;
    std::once_flag made_;
    std::unique_ptr<std::atomic<std::uint32_t>[]> times_;
    std::atomic<const std::atomic<std::uint32_t>*> ready_ = nullptr;
};

}  // namespace btfs
