// Counters of a mount's READs: how long they took, and how many bytes they brought, of those that were
// answered at once and of those that waited.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/core/time.hpp"

namespace btfs {

/// Where a READ's bytes came from.
enum class ReadSource : std::uint8_t {
    cache,  ///< all were there
    swarm,  ///< some had to be fetched, or verified
};

/// A state of ReadTimes.
struct ReadTimesStatus {
    /// Upper bounds of the buckets, in seconds; one more bucket has what took longer.
    static constexpr std::array<double, 14> kBounds{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1,
                                                    0.3,    1,      3,     10,    30,   100,  300};
    struct Histogram {
        std::array<std::uint64_t, kBounds.size() + 1> counts{};  ///< of each bucket alone
        double seconds = 0;                                      ///< of all together
        std::uint64_t bytes = 0;                                 ///< that they brought
    };
    Histogram cache, swarm;
    std::uint64_t stalls = 0;  ///< READs that waited for kStall or longer, however they ended
};

/// Counts READs. From any thread.
class ReadTimes {
  public:
    /// A player's buffer outlasts shorter waits.
    static constexpr Duration kStall = 1s;

    /// A READ was answered with so many bytes.
    void count(ReadSource source, Duration took, std::uint64_t bytes);
    /// Bytes of the cache's own file were sent without a READ.
    void count_sent_file(std::uint64_t bytes) { cache_.bytes += bytes; }
    /// A READ that had to wait has ended.
    void count_wait(Duration took) { stalls_ += took >= kStall ? 1 : 0; }
    ReadTimesStatus status() const;

  private:
    struct Counts {
        std::array<std::atomic<std::uint64_t>, ReadTimesStatus::kBounds.size() + 1> buckets{};
        std::atomic<std::uint64_t> nanoseconds = 0;
        std::atomic<std::uint64_t> bytes = 0;

        ReadTimesStatus::Histogram status() const;
    };
    Counts cache_, swarm_;
    std::atomic<std::uint64_t> stalls_ = 0;
};

}  // namespace btfs
