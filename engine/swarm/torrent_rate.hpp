// Limits of the bytes per second of one torrent in one direction: its part in the process's, and its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "engine/swarm/rate_limit.hpp"

namespace btfs {

/// A torrent's share of the process's limit, and a limit of the torrent alone. Content passes if both let it.
/// Used as a RateLimit::Share is. Without a limit of its own, take() costs one comparison more than there. On
/// the engine thread.
class TorrentRate {
  public:
    /// Null: the process has no limit. It outlives this.
    explicit TorrentRate(RateLimit* of_process) : of_process_(of_process) {}

    /// Sets the torrent's own limit in bytes per second; nothing: none. All that was refused has to be tried
    /// again then.
    void set_own(std::optional<std::uint64_t> own, bool heeds_process, TimePoint now) {
        own_limit_.set_rate(own ? static_cast<double>(*own) : RateLimit::kUnlimited, now);
        heeds_process_ = heeds_process;
        if (!heeds_process) of_process_.withdraw();
        if (!own) own_.withdraw();
    }

    void set_priority(TransferPriority priority) { of_process_.set_priority(priority); }
    bool is_limited() const { return own_.is_limited() || (heeds_process_ && of_process_.is_limited()); }
    /// Nothing passes.
    bool is_zero() const { return own_.is_zero() || (heeds_process_ && of_process_.is_zero()); }
    bool is_held(Urgency urgency) const {
        return own_.is_held(urgency) || (heeds_process_ && of_process_.is_held(urgency));
    }
    bool take(std::size_t bytes, Urgency urgency, TimePoint now) {
        if (!own_.take(bytes, urgency, now)) return false;
        if (!heeds_process_ || of_process_.take(bytes, urgency, now)) return true;
        own_.undo(bytes);
        return false;
    }
    void give_back(std::uint64_t bytes) {
        own_.give_back(bytes);
        if (heeds_process_) of_process_.give_back(bytes);
    }
    void charge(std::uint64_t bytes) {
        own_.charge(bytes);
        if (heeds_process_) of_process_.charge(bytes);
    }
    bool begin_turn(TimePoint now) {
        const bool own = own_.begin_turn(now);
        return of_process_.begin_turn(now) || own;
    }
    void end_turn() {
        own_.end_turn();
        of_process_.end_turn();
    }
    TimePoint ready_at() const { return std::min(own_.ready_at(), of_process_.ready_at()); }
    /// Bytes that pass at once after idling; there is a limit.
    std::size_t burst() const {
        const bool of_process = heeds_process_ && of_process_.is_limited();
        if (!own_.is_limited()) return of_process_.burst();
        return of_process ? std::min(own_.burst(), of_process_.burst()) : own_.burst();
    }

  private:
    RateLimit own_limit_{RateLimit::kUnlimited, true};
    RateLimit::Share own_{&own_limit_};
    RateLimit::Share of_process_;
    bool heeds_process_ = true;
};

}  // namespace btfs
