// A clock that also runs while the computer is suspended, as leases do.
#pragma once

#include <ctime>

#include "engine/core/time.hpp"

namespace btfs::portmap {

inline TimePoint boot_time() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return TimePoint{} + std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace btfs::portmap
