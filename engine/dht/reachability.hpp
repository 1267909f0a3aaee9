// Reachability of this DHT node: can others ask it something (BEP 43)?
#pragma once

#include <unordered_map>

#include "engine/core/endpoint.hpp"
#include "engine/core/time.hpp"

namespace btfs::dht {

/// Decides whether our node is reachable. A node behind a NAT or a firewall hears only from nodes that it has
/// sent to. A node that has taken part for a while, and has heard from no other, is not reachable. It says so
/// (BEP 43), so that other nodes do not waste time on it.
class Reachability {
  public:
    static constexpr Duration kProbation = 10min;
    /// Time for which a NAT may let datagrams through after we have sent one.
    static constexpr Duration kHoleLife = 5min;
    /// Nodes that must have replied to us before the silence of others counts.
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
