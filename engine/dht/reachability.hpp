// Reachability of this DHT node: can others ask it something (BEP 43)?
#pragma once

#include <unordered_map>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs::dht {

/// A node behind a NAT or a firewall hears only from those that it has spoken to itself. One that has taken
/// part for a while, and heard from nobody else, is not reachable; it says so, that nobody wastes time on it.
class Reachability {
  public:
    static constexpr Duration kProbation = 10min;
    /// The door that we open by speaking may stay open so long.
    static constexpr Duration kHoleLife = 5min;
    /// So many had to know of us before their silence means anything.
    static constexpr unsigned kEnoughReplies = 100;
    static constexpr std::size_t kMaxRemembered = 4096;

    explicit Reachability(TimePoint now) : begun_(now) {}

    void on_sent(const Endpoint& to, TimePoint now);
    void on_reply() { ++replies_; }
    void on_query(const Endpoint& from, TimePoint now);

    bool read_only(TimePoint now) const {
        return !visited_ && replies_ >= kEnoughReplies && now >= begun_ + kProbation;
    }

  private:
    TimePoint begun_;
    unsigned replies_ = 0;
    bool visited_ = false;  ///< by somebody we had not spoken to
    std::unordered_map<Endpoint, TimePoint> spoken_to_;
};

}  // namespace btfs::dht
