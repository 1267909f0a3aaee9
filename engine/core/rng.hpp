// A seeded source of random numbers, passed in, so that tests and simulations repeat.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <span>

#include "engine/core/bytes.hpp"

namespace btfs {

/// Random numbers that are not secret: whoever sees some of them can compute the others. 32 bytes, since each
/// torrent has several.
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
    /// The generator xoshiro256** of Blackman and Vigna, seeded by SplitMix64 as they advise.
    class Engine {
      public:
        using result_type = std::uint64_t;
        static constexpr result_type min() { return 0; }
        static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

        explicit Engine(std::uint64_t seed) {
            for (std::uint64_t& word : state_) {
                seed += 0x9e3779b97f4a7c15;
                std::uint64_t mixed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
                mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
                word = mixed ^ mixed >> 31;
            }
        }

        result_type operator()() {
            const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
            const std::uint64_t shifted = state_[1] << 17;
            state_[2] ^= state_[0];
            state_[3] ^= state_[1];
            state_[1] ^= state_[2];
            state_[0] ^= state_[3];
            state_[2] ^= shifted;
            state_[3] = std::rotl(state_[3], 45);
            return result;
        }

      private:
        std::array<std::uint64_t, 4> state_;
    };

    Engine engine_;
};

}  // namespace btfs
