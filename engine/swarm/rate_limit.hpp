// Limit of the bytes per second of the process, or of one torrent, in one direction: a token bucket, and a
// queue for it.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <set>

#include "engine/core/time.hpp"
#include "engine/core/types.hpp"
#include "engine/storage.hpp"
#include "engine/swarm/own_limits.hpp"

namespace btfs {

/// Token bucket that all torrents of the process share. Each torrent has a Share of it. Shares that were
/// refused wait in a queue: the more urgent first, then the one that has waited longest. Each turn is short,
/// so that no torrent takes everything; torrents of high priority have longer turns, and those of low
/// priority rarer ones. Credit that comes while a share waits is kept, so that a late caller costs no
/// bandwidth. On the engine thread.
class RateLimit {
  public:
    /// Credit that is left after idling, a block at least; and credit beyond a turn that is kept for a caller
    /// that is late.
    static constexpr Duration kBurst = std::chrono::milliseconds(20);
    static constexpr Duration kCatchUp = std::chrono::milliseconds(100);
    /// A turn is so long, or a block if that takes longer: the time between two looks at a torrent.
    static constexpr Duration kTurn = std::chrono::milliseconds(5);
    /// A share that leaves its turn unused for so long goes behind all others until it comes.
    static constexpr Duration kPatience = std::chrono::milliseconds(50);
    /// Bytes that are given back pass at once up to kBurst, and the rest over time: this share of the rate is
    /// added to it.
    static constexpr double kReturnedShare = 0.05;
    /// The most that charge() runs into debt, and that waits to be given back.
    static constexpr Duration kLongestDebt = std::chrono::seconds(1);

    /// A torrent of high priority gets so many times what one of normal priority gets that is as urgent, and
    /// that so many times what one of low priority gets.
    static constexpr int kPriorityStep = 4;

    class Share;

    static constexpr double kUnlimited = std::numeric_limits<double>::infinity();

    /// 0: nothing passes; kUnlimited: everything does. `keeps_credit`: also while no share waits, as much
    /// credit is kept as for a late caller: what this limit lets pass may have to wait for another one.
    explicit RateLimit(double bytes_per_second, bool keeps_credit = false)
        : keeps_credit_(keeps_credit), rate_(bytes_per_second) {}
    RateLimit(const RateLimit&) = delete;
    RateLimit& operator=(const RateLimit&) = delete;

    /// Another rate from now on. Without a limit now, all that waits may go on.
    void set_rate(double bytes_per_second, TimePoint now);
    bool is_unlimited() const { return rate_ == kUnlimited; }
    bool is_zero() const { return rate_ == 0; }
    std::size_t waiting() const { return queue_.size(); }

  private:
    struct Place {
        std::uint8_t rank;  ///< an Urgency, or kAbsent
        std::uint64_t ticket;
        Share* share;
        auto operator<=>(const Place&) const = default;
    };

    /// Rank of shares that did not come when it was their turn.
    static constexpr std::uint8_t kAbsent = static_cast<std::uint8_t>(Urgency::background) + 1;

    void advance(TimePoint now);
    bool take(Share& share, std::size_t bytes, Urgency urgency, TimePoint now);
    void enqueue(Share& share, Urgency urgency, bool absent = false);
    void leave(Share& share);
    bool is_turn(Share& share, TimePoint now);
    TimePoint ready_at(const Share& share) const;
    void give_back(double bytes);
    void charge(double bytes);
    double bytes_in(Duration time) const;
    double bytes_of_turn() const { return bytes_in(kTurn); }
    double bytes_of_turn(const Share& share) const;
    double most_kept() const { return bytes_of_turn() + rate_ * seconds(kCatchUp); }
    Duration time_for(double bytes) const;

    const bool keeps_credit_;
    double rate_;
    double credit_ = 0;    ///< bytes; negative: debt
    double returned_ = 0;  ///< bytes that were given back, and are not part of credit_ yet
    TimePoint at_{};       ///< when both were right
    std::set<Place> queue_;
    std::uint64_t next_ticket_ = 1;
    /// When somebody else found that the first in the queue could go on.
    TimePoint unused_since_ = kNever;
};

/// One torrent's part in a limit, or in none. While it is held back, take() refuses at once; the owner looks
/// at all that was refused when begin_turn() returns true, which is at ready_at() or later.
class RateLimit::Share {
  public:
    /// Null: no limit. The limit outlives the share.
    explicit Share(RateLimit* limit) : limit_(limit) {}
    ~Share() {
        if (queued_) limit_->leave(*this);
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    bool is_limited() const { return limit_ && !limit_->is_unlimited(); }
    /// Nothing passes.
    bool is_zero() const { return limit_ && limit_->is_zero(); }
    /// From the next turn on.
    void set_priority(TransferPriority priority) { priority_ = priority; }
    /// Something was refused, and it is not our turn yet.
    bool is_held() const { return held_; }
    /// True if take() would refuse at once. What is more urgent than all that waits may be tried.
    bool is_held(Urgency urgency) const { return held_ && !(queued_ && urgency < urgency_); }
    /// Lets `bytes`, a block at most, pass. If it returns false, they have to wait. A request that is more
    /// urgent than all that waits is looked at although the share is held back.
    bool take(std::size_t bytes, Urgency urgency, TimePoint now) {
        return !is_limited() || try_take(bytes, urgency, now);
    }
    /// Bytes that were taken and will not be transferred.
    void give_back(std::uint64_t bytes);
    /// Takes back what take() has let pass just now.
    void undo(std::size_t bytes);
    /// Leaves the queue: what was refused is not waited for any more.
    void withdraw();
    /// Bytes that were transferred without asking.
    void charge(std::uint64_t bytes);

    /// Returns true if the share waits and may go on. Then all that was refused has to be tried again before
    /// end_turn().
    bool begin_turn(TimePoint now);
    /// If nothing was refused since begin_turn(), the share does not wait any more.
    void end_turn();
    /// When to call begin_turn(); kNever if nothing waits.
    TimePoint ready_at() const { return queued_ ? limit_->ready_at(*this) : kNever; }

    /// Bytes that pass at once after idling.
    std::size_t burst() const { return static_cast<std::size_t>(limit_->bytes_in(kBurst)); }

  private:
    friend class RateLimit;
    bool try_take(std::size_t bytes, Urgency urgency, TimePoint now);

    RateLimit* const limit_;
    TransferPriority priority_ = TransferPriority::normal;
    bool held_ = false;
    bool in_turn_ = false;
    // The limit's:
    bool queued_ = false;
    Urgency urgency_{};
    std::uint8_t rank_ = 0;
    std::uint64_t ticket_ = 0;
    double taken_ = 0;  ///< of this turn
};

}  // namespace btfs
