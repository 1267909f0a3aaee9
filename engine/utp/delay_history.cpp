#include "engine/utp/delay_history.hpp"

#include <algorithm>

namespace btfs::utp {

void DelayHistory::add(std::uint32_t sample_us, TimePoint now) {
    if (!base_) {
        minima_.fill(sample_us);
        base_ = sample_us;
        minute_began_ = now;
    }
    latest_[samples_++ % kLatest] = sample_us;
    if (now >= minute_began_ + std::chrono::minutes(1)) {
        minute_began_ = now;
        minute_ = (minute_ + 1) % kMinutes;
        minima_[minute_] = sample_us;
        base_ = *std::ranges::min_element(minima_, wraps_below);
    }
    if (wraps_below(sample_us, minima_[minute_])) minima_[minute_] = sample_us;
    if (wraps_below(sample_us, *base_)) base_ = sample_us;
}

Duration DelayHistory::queueing() const {
    if (samples_ == 0) return {};
    std::uint32_t least = latest_[0] - *base_;
    for (std::size_t i = 1; i < std::min(samples_, kLatest); ++i)
        least = std::min(least, latest_[i] - *base_);
    // A sample from before the base was raised may lie below it.
    return std::chrono::microseconds(std::max<std::int32_t>(static_cast<std::int32_t>(least), 0));
}

void DelayHistory::raise(std::uint32_t by_us) {
    if (!base_) return;
    for (std::uint32_t& minimum : minima_) minimum += by_us;
    *base_ += by_us;
}

}  // namespace btfs::utp
