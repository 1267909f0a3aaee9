// Alarms for peers that owe blocks and send nothing.
#pragma once

#include <set>
#include <utility>

#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs {

/// Sets an alarm for each peer with requests in flight: the time at which the peer will have been silent for
/// too long. An alarm may ring early, and is then set anew. The dispatcher decides what follows from silence.
/// The patience is a multiple of the time that one block should take, so a slow peer is not taken for a dead
/// one.
class Silence {
  public:
    /// Patience: kBlocks times the delivery time of a block, between kShortest and kLongest.
    static constexpr Duration kShortest = std::chrono::seconds(1);
    static constexpr Duration kLongest = std::chrono::seconds(4);
    static constexpr int kBlocks = 4;
    /// Factor of the patience with a peer that sends parts of blocks, but no whole one.
    static constexpr int kTrickleFactor = 2;

    /// The table outlives this.
    explicit Silence(const PeerTable& peers) : peers_(peers) {}

    /// The time at which the peer will have been silent for too long; kNever if it owes nothing.
    static TimePoint silent_at(const Peer& peer, TimePoint now);
    /// Rings at `at`, or earlier if it was to ring earlier.
    void set_alarm(Peer& peer, TimePoint at);
    void on_peer_gone(const Peer& peer) { alarms_.erase({peer.alarm, peer.id}); }
    /// A peer whose alarm rings now, and has none from here on; null if none rings.
    Peer* take_due(TimePoint now);
    TimePoint next() const { return alarms_.empty() ? kNever : alarms_.begin()->first; }
    /// Returns true if no other peer can send blocks: there is no use in asking another for this peer's.
    bool is_alone(const Peer& peer) const;

  private:
    const PeerTable& peers_;
    std::set<std::pair<TimePoint, ConnectionId>> alarms_;
};

}  // namespace btfs
