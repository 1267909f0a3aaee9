// Alarms for peers that owe blocks and send nothing.
#pragma once

#include <set>
#include <utility>

#include "engine/core/time.hpp"
#include "engine/swarm/peer.hpp"

namespace btfs {

/// Sets one alarm for each peer that was asked for something: the moment at which it will have been silent
/// for too long, if it goes on so. An alarm may ring early, and is then set anew. What follows from silence
/// the dispatcher decides. Patience is some times what one block should take, so a slow peer is not taken for
/// a dead one.
class Silence {
  public:
    /// The least and the longest patience, and what lies between: so many times one block's delivery.
    static constexpr Duration kShortest = std::chrono::seconds(1);
    static constexpr Duration kLongest = std::chrono::seconds(4);
    static constexpr int kBlocks = 4;
    /// A peer that sends parts of a block, but no whole one, has so many times that.
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
    /// True if no other peer sends anything: what this one owes nobody else would bring.
    bool is_alone(const Peer& peer) const;

  private:
    const PeerTable& peers_;
    std::set<std::pair<TimePoint, ConnectionId>> alarms_;
};

}  // namespace btfs
