// How many bytes per second went by lately.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/core/time.hpp"

namespace btfs {

/// Rate of bytes, as a value that gets the time with each call and needs no tick. Older bytes count less:
/// after `memory` about a third of them is left.
class RateMeter {
  public:
    static constexpr Duration kMemory = 3s;

    explicit RateMeter(Duration memory = kMemory) : memory_(memory) {}

    void add(std::uint64_t bytes, TimePoint now) {
        bytes_ = left_at(now) + static_cast<double>(bytes);
        at_ = now;
    }
    double bytes_per_second(TimePoint now) const { return left_at(now) / seconds(memory_); }

  private:
    double left_at(TimePoint now) const { return bytes_ * std::exp(-seconds(now - at_) / seconds(memory_)); }

    Duration memory_;
    double bytes_ = 0;
    TimePoint at_{};
};

}  // namespace btfs
