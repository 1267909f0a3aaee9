// StateHash: a number for values of which somebody wants to know whether they have changed.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace btfs::cli {

/// Hashes values in the order in which they are added. Within one process: nothing to keep on disk.
class StateHash {
  public:
    void add(std::uint64_t value) {
        hash_ = hash_ ^ (value + 0x9e37'79b9'7f4a'7c15 + (hash_ << 6) + (hash_ >> 2));
    }
    void add(std::string_view text) { add(std::hash<std::string_view>{}(text)); }

    std::uint64_t value() const { return hash_; }

  private:
    std::uint64_t hash_ = 0;
};

}  // namespace btfs::cli
