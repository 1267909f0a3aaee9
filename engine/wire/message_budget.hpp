// Budget of messages that move nothing forward, so that a flood of them ends the connection.
#pragma once

#include <cstdint>

#include "engine/core/time.hpp"

namespace btfs::wire {

/// Token bucket for the messages of one peer. A message that changes nothing, or that costs us much more work
/// than the peer, takes points; blocks, requests that are served and new pieces take none. Honest peers stay
/// far below the limit: their only useless messages are Cancels and Requests that crossed a block or a Choke,
/// at most a queue's length at once.
class MessageBudget {
  public:
    static constexpr std::int64_t kPerSecond = 2'000;
    static constexpr std::int64_t kBurst = 20'000;

    /// Takes `points`. False if more are taken than there are: the peer floods us.
    bool take(std::int64_t points, TimePoint now) {
        if (full_at_ < now) full_at_ = now;
        full_at_ += points * kPoint;
        return full_at_ - now <= kBurst * kPoint;
    }

  private:
    static constexpr Duration kPoint = Duration(std::chrono::seconds(1)) / kPerSecond;

    TimePoint full_at_{};  ///< when the bucket is full again
};

}  // namespace btfs::wire
