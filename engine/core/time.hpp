// Time as the engine's machines see it: a value that is passed in, real or simulated.
#pragma once

#include <chrono>

namespace btfs {

using namespace std::chrono_literals;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// Later than every event: "no timeout pending".
inline constexpr TimePoint kNever = TimePoint::max();

constexpr double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

constexpr Duration from_seconds(double s) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(s));
}

}  // namespace btfs
