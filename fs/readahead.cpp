#include "fs/readahead.hpp"

#include <algorithm>
#include <cmath>

namespace btfs {
namespace {

constexpr double kRateMemory = 10;      // seconds
constexpr double kRateIsKnown = 1;      // seconds of unblocked time
constexpr Duration kLongestPause = 5s;  // who reads nothing for longer has paused, and does not read slowly

}  // namespace

// The sequence that a READ continues, else a new one in place of the one that rested longest.
Readahead::Run& Readahead::run_for(ByteRange range) {
    Run* found = nullptr;
    for (std::size_t i = 0; i < run_count_; ++i) {
        if (!runs_[i].continues(range.begin)) continue;
        if (found == nullptr || runs_[i].last_used > found->last_used) found = &runs_[i];
    }
    if (found == nullptr) {
        found = run_count_ < runs_.size()
                    ? &runs_[run_count_++]
                    : &*std::ranges::min_element(runs_, {}, [](const Run& run) { return run.last_used; });
        *found = {.begin = range.begin, .head = range.begin, .left_until = range.begin};
    }
    found->last_used = ++uses_;
    return *found;
}

void Readahead::Run::note_overtaken(ByteRange range) {
    if (range.begin > head && length() > kReadaheadThreshold)
        overtaken = {overtaken.empty() ? head : overtaken.begin, range.begin};
    if (range.contains(overtaken.begin)) overtaken.begin = range.end;
    if (range.begin > overtaken.begin + kForwardTolerance) overtaken = {};
}

std::optional<ByteRange> Readahead::Run::leave_behind() {
    if (length() < kEstablishedRun || head < left_until + kRecentPast + kBehindStep) return std::nullopt;
    const ByteRange behind{left_until, head - kRecentPast};
    left_until = behind.end;
    return behind;
}

std::optional<ByteRange> Readahead::on_read(ByteRange range, TimePoint now) {
    let_time_pass(now);
    pause_ = {};
    Run& run = run_for(range);
    run.note_overtaken(range);
    if (range.end > run.head) {
        bytes_ += static_cast<double>(range.end - run.head);
        run.head = range.end;
    }
    run.begin = std::min(run.begin, range.begin);
    reads_in_sequence_ = reads_in_sequence_ || run.length() >= kEstablishedRun;
    window_ = {run.overtaken.empty() ? range.begin : std::min(range.begin, run.overtaken.begin),
               std::min(file_size_, run.head + ahead_of(run))};
    if (window_.end < range.end) window_.end = range.end;
    sequence_ = {run.begin, run.head};
    return run.leave_behind();
}

std::uint64_t Readahead::ahead_of(const Run& run) const {
    if (run.length() <= kReadaheadThreshold) return reads_in_sequence_ ? kJumpWindow : 0;
    const std::uint64_t rate = bytes_per_second();
    const std::uint64_t wanted = std::clamp(rate * static_cast<std::uint64_t>(seconds(kWindowTime)),
                                            kMinEstablishedWindow, kMaxWindow);
    const std::uint64_t limit = rate == 0 ? kMaxWindow : wanted;
    const std::uint64_t least = run.length() >= kEstablishedRun ? kMinEstablishedWindow
                                : reads_in_sequence_            ? kJumpWindow
                                                                : kFirstWindow;
    return std::min(limit, std::max(least, 2 * run.length()));
}

void Readahead::on_blocked(TimePoint now) {
    let_time_pass(now);
    blocked_ = true;
}

void Readahead::on_served(TimePoint now) {
    let_time_pass(now);
    blocked_ = false;
}

void Readahead::let_time_pass(TimePoint now) {
    if (!accounted_) accounted_ = now;
    now = std::max(now, *accounted_);
    const Duration passed = blocked_ ? Duration{} : now - *accounted_;
    accounted_ = now;
    const Duration counted = std::clamp(kLongestPause - pause_, Duration{}, passed);
    pause_ += counted;
    const double s = seconds(counted);
    const double fade = std::exp(-s / kRateMemory);
    bytes_ *= fade;
    unblocked_ = unblocked_ * fade + s;
}

std::uint64_t Readahead::bytes_per_second() const {
    return unblocked_ < kRateIsKnown ? 0 : static_cast<std::uint64_t>(bytes_ / unblocked_);
}

}  // namespace btfs
