// Schedule of port mappings: when the gateway is asked again.
#pragma once

#include <chrono>

#include "engine/core/time.hpp"

namespace btfs::portmap {

/// A machine, told how each try ended. Its `now` goes on while the computer sleeps, as leases do.
class MappingSchedule {
  public:
    /// After a failure, doubled each time: the router may be one that cannot, or one that restarts.
    static constexpr Duration kFirstRetry = 1min;
    static constexpr Duration kLongestRetry = 30min;

    /// Time to the next renewal of a long lease: a router that restarts forgets its mappings, and may not
    /// tell.
    static constexpr Duration kLongestInterval = 15min;

    /// All ports are mapped, for so long at least: they are mapped again at half that time, or sooner.
    void handle_mapped(std::chrono::seconds lease, TimePoint now);
    /// A port is not mapped. The gateway may have said how long its refusal lasts: it is not asked sooner,
    /// but for so long that it cannot be true.
    void handle_failure(TimePoint now, std::chrono::seconds refusal_lasts = {});
    /// Handles a gateway that lost its mappings while it was asked for them.
    void handle_loss(TimePoint now) { due_ = now + kShortestInterval; }
    /// Handles a change of the router: forgets the failures of the last one.
    void handle_new_router();

    /// The next try; at the start, at once.
    TimePoint due() const { return due_; }

  private:
    /// A gateway that gives very short leases is not asked all the time.
    static constexpr Duration kShortestInterval = 10s;

    TimePoint due_{};
    Duration retry_ = kFirstRetry;
};

}  // namespace btfs::portmap
