#include "fs/read_times.hpp"

#include <algorithm>

namespace btfs {

void ReadTimes::count(ReadSource source, Duration took, std::uint64_t bytes) {
    Counts& counts = source == ReadSource::cache ? cache_ : swarm_;
    const auto bucket = std::ranges::lower_bound(ReadTimesStatus::kBounds, seconds(took));
    ++counts.buckets[static_cast<std::size_t>(bucket - ReadTimesStatus::kBounds.begin())];
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count();
    counts.nanoseconds += static_cast<std::uint64_t>(std::max<std::int64_t>(0, nanoseconds));
    counts.bytes += bytes;
}

ReadTimesStatus::Histogram ReadTimes::Counts::status() const {
    ReadTimesStatus::Histogram histogram;
    std::ranges::copy(buckets, histogram.counts.begin());
    histogram.seconds = static_cast<double>(nanoseconds) * 1e-9;
    histogram.bytes = bytes;
    return histogram;
}

ReadTimesStatus ReadTimes::status() const {
    return {.cache = cache_.status(), .swarm = swarm_.status(), .stalls = stalls_};
}

}  // namespace btfs
