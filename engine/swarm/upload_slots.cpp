#include "engine/swarm/upload_slots.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace btfs {
namespace {

/// How much of the measured uplink is still believed after a window in which less was sent.
constexpr double kRemembered = 0.9;
/// A slot more is worth it if it brings this part of what the others have on average.
constexpr double kWorth = 0.5;
/// Windows after which a slot is tried again that was not worth it.
constexpr int kRest = 6;

std::size_t slots_for(double bytes_per_second) {
    const double root = std::sqrt(0.03 * bytes_per_second / 1000);
    return std::clamp(static_cast<std::size_t>(root), UploadSlots::kLeast, UploadSlots::kMost);
}

}  // namespace

void UploadSlots::Share::want(std::size_t peers, bool has_readers) {
    const bool was_there = std::exchange(wanted_, peers) > 0;
    has_readers_ = has_readers;
    if (!was_there && peers > 0) slots_.members_.push_back(this);
    if (was_there && peers == 0) std::erase(slots_.members_, this);
}

std::size_t UploadSlots::Share::allowed() const {
    const std::size_t with_readers = slots_.wanted_by(true), without = slots_.wanted_by(false);
    const std::size_t kept = std::min(without, slots_.total() / kOthersShare);
    const std::size_t readers = std::min(with_readers, slots_.total() - kept);
    return slots_.fair_share(*this, has_readers_ ? readers : slots_.total() - readers);
}

std::size_t UploadSlots::total() const {
    const bool trades = !fixed_ && std::ranges::any_of(members_, [](const Share* s) { return s->trades_; });
    return trades ? std::max(total_, kToTrade) : total_;
}

std::size_t UploadSlots::wanted_by(bool readers) const {
    std::size_t sum = 0;
    for (const Share* share : members_)
        if (share->has_readers_ == readers) sum += share->wanted_;
    return sum;
}

/// Returns how many of `slots` one torrent gets when those of its kind share them evenly: each as many as it
/// wants, up to a level that is the same for all. What is left then goes round.
std::size_t UploadSlots::fair_share(const Share& of, std::size_t slots) const {
    for (std::size_t level = 0;;) {
        std::size_t above = 0, reached = 0, place = 0;
        for (const Share* share : members_) {
            if (share->has_readers_ != of.has_readers_) continue;
            if (share == &of) place = above;
            above += share->wanted_ > level;
            reached += std::min(share->wanted_, level);
        }
        if (of.wanted_ <= level) return of.wanted_;
        const std::size_t left = slots - reached;
        if (left < above) return level + ((place + above - turn_ % above) % above < left);
        level += left / above;
    }
}

void UploadSlots::on_sent(std::uint64_t bytes, TimePoint now) {
    measure(now);
    sent_ += bytes;
}

void UploadSlots::measure(TimePoint now) {
    if (now < window_end_) return;
    const bool continuous = now < window_end_ + kWindow;
    const double rate = continuous ? static_cast<double>(sent_) / seconds(kWindow) : 0;
    window_end_ = now + kWindow;
    turn_ += total_;
    sent_ = 0;
    uplink_ = std::max(rate, uplink_ * kRemembered);
    if (fixed_) return;
    if (continuous) try_more(rate);
    const std::size_t by_rule = uplink_ > 0 ? slots_for(uplink_) : kAtFirst;
    total_ = std::min(by_rule + more_, kMost);
}

void UploadSlots::try_more(double rate) {
    if (std::exchange(trying_, false)) {
        if (rate < rate_before_ * (1 + kWorth / static_cast<double>(total_))) {
            --more_;
            rest_ = kRest;
        }
        return;
    }
    if (wanted_by(true) + wanted_by(false) <= total()) {
        more_ = 0;
        return;
    }
    if (rest_ > 0 && --rest_ > 0) return;
    trying_ = true;
    rate_before_ = rate;
    ++more_;
}

}  // namespace btfs
