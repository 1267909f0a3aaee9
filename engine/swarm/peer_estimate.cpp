#include "engine/swarm/peer_estimate.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/types.hpp"

namespace btfs {
namespace {

constexpr Duration kRateMemory = 1s;
constexpr Duration kRoundTripMemory = 60s;
constexpr double kInitialWindow = 14'500;
constexpr double kMaxWindow = 64.0 * 1024 * 1024;
/// A retransmission time-out is at least a round trip and this (RFC 6298, with Linux's value).
constexpr Duration kLeastTimeoutVariance = 200ms;
constexpr Duration kMinSlack = 20ms;
constexpr Duration kMinInterval = 20ms;
/// Bytes in flight at a peer of unknown rate, beside its share of a blocked piece.
constexpr std::uint64_t kFirstTarget = 8 * kBlockSize;
/// Factor while the peer's rate still grows: with the slack, about twice the bytes under way.
constexpr double kStartingBoost = 1.5;
constexpr double kMaxBoost = 64;
constexpr double kMaxFirstBoost = 8;
constexpr Duration kLongestQueue = 1s;
constexpr Duration kLeastPause = 50ms;
constexpr std::uint64_t kLeastPulse = 4 * kBlockSize;
constexpr double kRateSmoothing = 4;  // intervals
constexpr double kBurstiness = 1.5;
/// Least size of a burst that tells the rate although it ends before an interval has passed.
constexpr std::uint64_t kMinBurst = 4 * kBlockSize;
/// A peer's bytes flow while no pause is longer than kFlowPause, or than kFlowBlocks of its blocks take.
constexpr Duration kFlowPause = 50ms;
constexpr int kFlowBlocks = 3;

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
    most_in_flight_ = std::max(most_in_flight_, static_cast<double>(in_flight + kBlockSize));
    if (in_flight > 0) return;
    // The peer's queue was empty: the next byte measures the round trip, and its window has shrunk while it
    // was idle.
    window_ = window(now);
    most_in_flight_ = kBlockSize;
    probe_sent_ = now;
    asked_when_empty_ = now;
    interval_open_ = interval_busy_ = false;
}

/// Detects peers that send in pulses (Transmission: every half second) and send all requested blocks in each.
/// The size of their queue limits them, however short the round trip.
void PeerEstimate::watch_pulses(std::uint64_t bytes, std::uint64_t in_flight, TimePoint now) {
    const Duration pause = now - std::max(last_received_, asked_when_empty_);
    if (pause > std::max<Duration>(2 * round_trip_, kLeastPause) && in_flight + bytes >= kLeastPulse)
        pulse_ = Pulse{pause, now, in_flight + bytes, 0};
    if (!pulse_) return;
    pulse_->received += bytes;
    if (pulse_->received < pulse_->queue / 4 * 3) return;
    if (now - pulse_->begin < pulse_->pause / 4) boost_ = std::min(boost_ * 2, kMaxBoost);
    pulse_.reset();
}

void PeerEstimate::on_received(std::uint64_t bytes, std::uint64_t in_flight, TimePoint now) {
    watch_pulses(bytes, in_flight, now);
    if (probe_sent_) {
        on_round_trip(now - *probe_sent_, now);
        probe_sent_.reset();
    }
    most_in_flight_ = std::max(most_in_flight_, static_cast<double>(in_flight + bytes));
    // Slow start: the window grows by each byte received, but only while it is the window that limits.
    if (window_ < 2 * most_in_flight_) window_ = std::min(window_ + static_cast<double>(bytes), kMaxWindow);
    last_received_ = now;
    if (!interval_open_) {
        interval_open_ = true;
        interval_begin_ = now;
        interval_bytes_ = 0;
        interval_busy_ = in_flight > 0;
        return;
    }
    interval_bytes_ += bytes;
    const Duration length = now - interval_begin_;
    const bool burst_ends = in_flight == 0 && length >= kMinInterval && interval_bytes_ >= kMinBurst;
    if (burst_ends || length >= std::max(round_trip_, kMinInterval)) end_interval(in_flight, now);
}

void PeerEstimate::end_interval(std::uint64_t in_flight, TimePoint now) {
    const double measured = static_cast<double>(interval_bytes_) / seconds(now - interval_begin_);
    const double before = rate().value_or(0);
    worked_ += now - interval_begin_;
    last_rate_ = measured;
    typical_rate_ =
        typical_rate_ > 0 ? typical_rate_ + (measured - typical_rate_) / kRateSmoothing : measured;
    while (!samples_.empty() && worked_ - samples_.front().at > kRateMemory) samples_.pop_front();
    while (!samples_.empty() && samples_.back().bytes_per_second <= measured) samples_.pop_back();
    samples_.push_back({worked_, measured});

    // If the peer was faster than ever with a full queue, a longer queue may make it faster still, unless the
    // sender's window was the limit. If it was no faster, the queue was long enough.
    const bool grows = measured > before * 1.1;
    if (!grows && interval_busy_) starting_ = false;
    if (interval_busy_)  // the peer sent what its window allows: one window each round trip
        window_ = std::min(window_, std::max(kInitialWindow, 2 * measured * seconds(round_trip_)));
    if (grows && interval_busy_ && static_cast<double>(in_flight) < window_) {
        boost_ = std::min(boost_ * 1.25, kMaxBoost);
    } else {
        boost_ = std::max(1.0, boost_ / 1.1);
    }
    interval_begin_ = now;
    interval_bytes_ = 0;
    interval_busy_ = in_flight > 0;
}

std::optional<double> PeerEstimate::rate() const {
    if (samples_.empty()) return std::nullopt;
    // Single intervals do not measure a peer: there may be bursts and lost packets.
    return std::min(samples_.front().bytes_per_second, kBurstiness * typical_rate_);
}

Duration PeerEstimate::idle_halving() const {
    return round_trip_ + std::max<Duration>(kLeastTimeoutVariance, 4 * jitter_);
}

double PeerEstimate::window(TimePoint now) const {
    // The peer is idle from its last byte until the next request arrives there.
    const Duration idle = now - last_received_ + round_trip_, halving = idle_halving();
    if (idle < halving) return std::max(kInitialWindow, window_);
    const auto halvings = std::min<std::int64_t>(idle / halving, 60);
    return std::max(kInitialWindow, std::ldexp(window_, -static_cast<int>(halvings)));
}

PeerEstimate::Forecast PeerEstimate::forecast(TimePoint now) const {
    Forecast forecast;
    forecast.window_ = window(now);
    forecast.round_trip_ = seconds(round_trip_);
    const auto known = rate();
    forecast.rate_ = known.value_or(0);
    if (known) {
        const double product =
            *known * seconds(round_trip_ + kMinSlack) * std::max(starting_ ? kStartingBoost : 1.0, boost_);
        forecast.burst_in_flight_ =
            static_cast<std::uint64_t>(std::max(product, forecast.window_)) + kBlockSize;
    } else {
        forecast.burst_in_flight_ = std::max(kFirstTarget, static_cast<std::uint64_t>(2 * forecast.window_));
    }
    if (starting_) forecast.burst_in_flight_ = std::max(forecast.burst_in_flight_, first_target_);
    return forecast;
}

Duration PeerEstimate::Forecast::delivery_time(std::uint64_t bytes) const {
    const double size = static_cast<double>(bytes);
    const bool known = rate_ > 0;
    // Counts the round trips during which the window doubles, until it covers the bytes under way at the full
    // rate. From then on the bytes come without pauses.
    const double under_way = rate_ * round_trip_;
    double rounds = 1, before = 0, w = window_;
    for (; before + w < size && (!known || w < under_way); w *= 2, ++rounds) before += w;
    // If the rate is not known yet, a whole window is assumed to take half a round trip.
    const double last = known ? (size - before) / rate_ : (size - before) / w * round_trip_ / 2;
    return from_seconds(rounds * round_trip_ + last);
}

Duration PeerEstimate::remaining_time(std::uint64_t bytes, TimePoint silent_since, TimePoint now) const {
    const double block = rate() ? static_cast<double>(kBlockSize) / *rate() : 0;
    const double speed =
        last_rate_ > 0 ? last_rate_ : static_cast<double>(kInitialWindow) / seconds(round_trip_);
    const Duration sending = from_seconds(static_cast<double>(bytes) / speed);
    const Duration silence = now - silent_since;
    if (silence < std::max<Duration>(kFlowPause, from_seconds(kFlowBlocks * block))) return sending;
    // The longer a silence has lasted, the longer it is likely to go on.
    return std::max(silence, round_trip_) + sending;
}

std::uint64_t PeerEstimate::target_in_flight() const {
    const auto known = rate();
    const std::uint64_t least = starting_ ? first_target_ : 0;
    if (!known)
        return std::max(least, kFirstTarget * static_cast<std::uint64_t>(std::min(boost_, kMaxFirstBoost)));
    // The clamp keeps the delay of a retransmission from counting as jitter.
    const Duration slack = std::clamp<Duration>(4 * jitter_, kMinSlack, std::max(kMinSlack, round_trip_));
    const double product =
        *known * std::min(seconds(round_trip_ + slack) * std::max(starting_ ? kStartingBoost : 1.0, boost_),
                          seconds(std::max(kLongestQueue, 2 * round_trip_)));
    return std::max({static_cast<std::uint64_t>(product) + 2 * kBlockSize, kFirstTarget / 2, least});
}

}  // namespace btfs
