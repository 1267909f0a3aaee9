// Clocks of the whole process, set by hand.
#pragma once

#include "engine/core/time.hpp"

namespace btfs::year {

/// While one exists, std::chrono's steady and system clocks stand still on all threads, but for what these
/// functions say. They begin at what the kernel's clocks show. The program defines clock_gettime() for that.
class VirtualClock {
  public:
    VirtualClock();
    ~VirtualClock();
    VirtualClock(const VirtualClock&) = delete;
    VirtualClock& operator=(const VirtualClock&) = delete;

    void advance(Duration time);
    /// Somebody sets the machine's clock; the steady clock does not notice.
    void set_wall_clock_back(Duration time);
};

}  // namespace btfs::year
