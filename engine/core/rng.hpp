// A seeded source of random numbers, passed in, so that tests and simulations repeat.
#pragma once

#include <cstdint>
#include <random>
#include <span>

#include "engine/core/bytes.hpp"

namespace btfs {

class Rng {
  public:
    explicit Rng(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t next() { return engine_(); }
    /// Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound) {
        return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
    }
    /// Uniform in [0, 1).
    double fraction() { return std::uniform_real_distribution<double>(0, 1)(engine_); }
    void fill(std::span<std::byte> out) {
        for (std::byte& b : out) b = static_cast<std::byte>(next() >> 56);
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace btfs
