#include "tests/year/virtual_clock.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace btfs::year {
namespace {

// Nanoseconds; 0: the kernel's clock counts.
std::atomic<std::int64_t> steady_ns = 0, wall_ns = 0;

std::int64_t kernel_clock(clockid_t clock) {
    timespec time{};
    syscall(SYS_clock_gettime, clock, &time);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

VirtualClock::VirtualClock() {
    steady_ns = kernel_clock(CLOCK_MONOTONIC);
    wall_ns = kernel_clock(CLOCK_REALTIME);
}

VirtualClock::~VirtualClock() {
    steady_ns = wall_ns = 0;
}

void VirtualClock::advance(Duration time) {
    steady_ns += time.count();
    wall_ns += time.count();
}

void VirtualClock::set_wall_clock_back(Duration time) {
    wall_ns -= time.count();
}

}  // namespace btfs::year

/// Replaces the C library's for the whole program, since the C++ library calls it by this name.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    using namespace btfs::year;
    const bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    const std::int64_t set = wall ? wall_ns.load() : clock == CLOCK_MONOTONIC ? steady_ns.load() : 0;
    if (set == 0) return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
    time->tv_sec = set / 1'000'000'000;
    time->tv_nsec = set % 1'000'000'000;
    return 0;
}
