// The process of the year: what all its torrents share, and the clock that they run by.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/core/rng.hpp"
#include "engine/dht/search_schedule.hpp"
#include "engine/lsd/discovery.hpp"
#include "engine/swarm/torrent.hpp"
#include "tests/sim/event_queue.hpp"

namespace btfs::year {

/// How often each thing has happened: a year in which nothing happens proves nothing.
struct Counts {
    std::uint64_t torrents = 0;
    std::uint64_t torrents_again = 0;  ///< of them, those with the info-hash of an earlier one
    std::uint64_t reads = 0;           ///< pieces that a reader waited for, and got
    std::uint64_t reads_given_up = 0;
    std::uint64_t dials = 0;
    std::uint64_t connections = 0;
    std::uint64_t mismatches = 0;
    std::uint64_t evictions = 0;  ///< pieces
    std::uint64_t uploads = 0;    ///< blocks that were read for a peer
    std::uint64_t metadata = 0;   ///< info dictionaries that came from peers
    std::uint64_t announces = 0;
    std::uint64_t announces_failed = 0;
    std::uint64_t searches = 0;
    std::uint64_t strangers = 0;     ///< queries of other nodes of the DHT
    std::uint64_t peers_stored = 0;  ///< for which our node has taken an announce
    std::uint64_t local_announcements = 0;
    std::uint64_t network_changes = 0;
};

/// Lives longer than all that runs in it.
struct Process {
    explicit Process(std::uint64_t seed) : rng(seed), lsd(rng) {}

    sim::EventQueue events;
    Rng rng;
    BanList bans;
    UploadSlots upload_slots;
    IdleInterest idle_interest;
    TransferLimits limits{std::nullopt, std::nullopt, false};
    dht::SearchSchedule searches;
    lsd::Discovery lsd;
    Counts counts;
    std::uint64_t next_reader = 1;
};

/// Calls a machine's owner when the machine's timeout is due. A stale event stays in the queue until its
/// time.
class Alarm {
  public:
    Alarm(sim::EventQueue& events, std::function<void()> ring) : events_(events), ring_(std::move(ring)) {}

    /// Called after each input of the machine.
    void set(TimePoint next_timeout) {
        if (next_timeout == kNever || next_timeout >= *armed_) return;
        const TimePoint due = std::max(next_timeout, events_.now());
        *armed_ = due;
        events_.at(due, [this, due, armed = std::weak_ptr(armed_)] {
            const auto still = armed.lock();
            if (!still || *still != due) return;  // the machine has gone, or was armed for an earlier time
            *still = kNever;
            ring_();
        });
    }

  private:
    sim::EventQueue& events_;
    const std::function<void()> ring_;
    std::shared_ptr<TimePoint> armed_ = std::make_shared<TimePoint>(kNever);
};

}  // namespace btfs::year
