// Congestion window: LEDBAT (RFC 6817) with slow start and an answer to loss.
#pragma once

#include <cstddef>

#include "engine/core/time.hpp"

namespace btfs::utp {

/// Bytes that one connection may have in flight. It grows while the queue that its packets wait in is shorter
/// than kTarget, and shrinks while it is longer, so that TCP on the same line goes first.
///
/// After a loss it returns towards the window at which the loss happened, in steps of a quarter of what is
/// missing, as BIC does: a line that loses packets at random would otherwise never be filled at 3,000 bytes a
/// round trip.
class CongestionWindow {
  public:
    static constexpr Duration kTarget = std::chrono::milliseconds(100);
    /// Slow start ends at so much queueing: the window has doubled once more before we hear of it.
    static constexpr Duration kSlowStartTarget = std::chrono::milliseconds(25);
    static constexpr std::size_t kInitialPackets = 10;
    static constexpr std::size_t kLeastPackets = 2;
    static constexpr std::size_t kMost = 4 * 1024 * 1024;
    /// Growth in a round trip with an empty queue; libutp's and libtorrent's.
    static constexpr double kGain = 3000;

    explicit CongestionWindow(std::size_t packet_size);

    std::size_t bytes() const { return static_cast<std::size_t>(window_); }
    bool in_slow_start() const { return window_ < slow_start_until_; }
    /// Packets have become larger or smaller.
    void set_packet_size(std::size_t bytes) { packet_size_ = bytes; }

    /// `limited` says that the window, and not the application, kept us from sending more.
    void acknowledged(std::size_t bytes, Duration queueing, bool limited);
    /// A packet sent at this time is lost. One round trip's losses count once.
    void lost(TimePoint sent_at, TimePoint now);
    /// The last loss was none: the packet came late.
    void forgive_loss();
    void timed_out(bool again);
    /// Nothing was sent for `idle`, with that time-out: what the window says is out of date.
    void idled(Duration idle, Duration timeout);

  private:
    double least() const { return static_cast<double>(kLeastPackets * packet_size_); }
    void clamp();

    std::size_t packet_size_;
    double window_;
    double slow_start_until_ = kMost;
    double before_loss_ = 0;  ///< the window at which the last loss happened
    double forgiven_ = 0;     ///< what forgive_loss() restores; 0: nothing
    Duration queueing_{};
    TimePoint reduced_at_{};
};

}  // namespace btfs::utp
