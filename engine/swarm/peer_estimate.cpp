#include "engine/swarm/peer_estimate.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/types.hpp"

namespace btfs {
namespace {

constexpr Duration kRateMemory = 10s;
constexpr Duration kRoundTripMemory = 60s;
constexpr double kInitialWindow = 14'500;
constexpr double kMaxWindow = 64.0 * 1024 * 1024;
constexpr Duration kIdleHalving = 250ms;
constexpr Duration kMinSlack = 20ms;
constexpr Duration kMinInterval = 20ms;
/// What a peer of unknown rate gets in flight beside the share of a blocked piece.
constexpr std::uint64_t kFirstTarget = 8 * kBlockSize;
constexpr double kMaxBoost = 4;

}  // namespace

void PeerEstimate::on_round_trip(Duration sample, TimePoint now) {
    while (!round_trips_.empty() && now - round_trips_.front().at > kRoundTripMemory)
        round_trips_.pop_front();
    while (!round_trips_.empty() && round_trips_.back().value >= sample) round_trips_.pop_back();
    round_trips_.push_back({now, sample});
    round_trip_ = round_trips_.front().value;
    const Duration deviation = sample > round_trip_ ? sample - round_trip_ : Duration{};
    jitter_ = jitter_ + (deviation - jitter_) / 8;
}

void PeerEstimate::on_asked(std::uint64_t in_flight, TimePoint now) {
    if (in_flight > 0) return;
    // Its queue was empty: the first byte that comes measures the round trip, and idling shrank its window.
    window_ = window(now);
    probe_sent_ = now;
    ran_dry_ = interval_bytes_ > 0;
    if (interval_bytes_ == 0) {
        interval_begin_ = now;
        interval_busy_ = true;
    } else {
        interval_busy_ = false;
    }
}

void PeerEstimate::on_received(std::uint64_t bytes, std::uint64_t in_flight, TimePoint now) {
    if (probe_sent_) {
        on_round_trip(now - *probe_sent_, now);
        probe_sent_.reset();
    }
    window_ = std::min(window_ + static_cast<double>(bytes), kMaxWindow);  // slow start: a byte for a byte
    last_received_ = now;
    interval_bytes_ += bytes;
    const Duration length = now - interval_begin_;
    if (length >= std::max(round_trip_, kMinInterval)) end_interval(in_flight, now);
}

void PeerEstimate::end_interval(std::uint64_t in_flight, TimePoint now) {
    const double measured = static_cast<double>(interval_bytes_) / seconds(now - interval_begin_);
    const double before = rate().value_or(0);
    while (!samples_.empty() && now - samples_.front().at > kRateMemory) samples_.pop_front();
    while (!samples_.empty() && samples_.back().bytes_per_second <= measured) samples_.pop_back();
    samples_.push_back({now, measured});

    // Faster than ever with a full queue: there may be more. No faster: the queue was long enough.
    const bool grows = measured > before * 1.1;
    if (!grows && interval_busy_) starting_ = false;
    if (ran_dry_ || (grows && interval_busy_)) {
        boost_ = std::min(boost_ * 1.25, kMaxBoost);
    } else {
        boost_ = std::max(1.0, boost_ / 1.1);
    }
    interval_begin_ = now;
    interval_bytes_ = 0;
    interval_busy_ = in_flight > 0;
    ran_dry_ = false;
}

std::optional<double> PeerEstimate::rate() const {
    if (samples_.empty()) return std::nullopt;
    return samples_.front().bytes_per_second;
}

double PeerEstimate::window(TimePoint now) const {
    const double halvings = std::floor(seconds(now - last_received_) / seconds(kIdleHalving));
    return std::max(kInitialWindow, halvings > 40 ? 0 : window_ / std::exp2(halvings));
}

Duration PeerEstimate::delivery_time(std::uint64_t bytes, TimePoint now) const {
    const double size = static_cast<double>(bytes), rtt = seconds(round_trip_);
    // Rounds of a window that doubles, then what the rate allows.
    const double rounds = std::max(1.0, std::log2(size / window(now) + 1));
    const double by_window = rounds * rtt;
    const double by_rate = rate() ? rtt + size / *rate() : 0;
    return from_seconds(std::max(by_window, by_rate));
}

std::uint64_t PeerEstimate::target_in_flight() const {
    const auto known = rate();
    if (!known) return kFirstTarget;
    const Duration slack = std::max<Duration>(4 * jitter_, kMinSlack);
    const double product = *known * seconds(round_trip_ + slack) * (starting_ ? 2 : boost_);
    return std::max<std::uint64_t>(static_cast<std::uint64_t>(product) + 2 * kBlockSize, kFirstTarget / 2);
}

}  // namespace btfs
