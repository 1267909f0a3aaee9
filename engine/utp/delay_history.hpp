// Lowest one-way delay of the last minutes: what is above it is queueing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/core/time.hpp"

namespace btfs::utp {

/// Of one direction of a connection. A sample is the receiver's clock at the arrival of a packet, minus the
/// sender's at its departure, in microseconds modulo 2^32: clocks of two machines have any offset, so samples
/// mean something in comparison with each other alone.
class DelayHistory {
  public:
    /// Minima are kept for so many minutes: the base must forget a route that has gone.
    static constexpr int kMinutes = 13;

    void add(std::uint32_t sample_us, TimePoint now);
    /// The lowest delay; nothing before the first sample.
    std::optional<std::uint32_t> base_us() const { return base_; }
    /// The lowest of the latest three samples, above the base. 0 before the first.
    Duration queueing() const;
    /// Raises all minima: clocks have drifted apart by so much.
    void raise(std::uint32_t by_us);

  private:
    static constexpr std::size_t kLatest = 3;

    std::array<std::uint32_t, kMinutes> minima_{};
    std::array<std::uint32_t, kLatest> latest_{};
    std::optional<std::uint32_t> base_;
    std::size_t minute_ = 0;  ///< index of the current one in minima_
    std::size_t samples_ = 0;
    TimePoint minute_began_{};
};

/// True if a is before b on the circle of 32 bits.
constexpr bool wraps_below(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace btfs::utp
