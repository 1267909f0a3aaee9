// Checks what must hold after each event, whatever the swarm does.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/client.hpp"

namespace btfs::sim {

/// Checks the client and collects what is broken, the first few of it.
class Invariants {
  public:
    Invariants(Client& client, const EventQueue& events, const Layout& layout, std::size_t memory)
        : client_(client), events_(events), layout_(layout), memory_(memory) {}

    /// After each event: memory, duplicates and actions within their bounds, no honest peer banned, or
    /// snubbed for another's fault. Every so often: each piece in one state, each asked block with a request
    /// in flight at a peer that is there, each request in flight with an asked block; connections, slots and
    /// what is sent ahead within their bounds.
    void check();
    void report(const std::string& what);
    const std::vector<std::string>& violations() const { return violations_; }

  private:
    void check_pieces();
    void check_requests();
    void check_connections();

    Client& client_;
    const EventQueue& events_;
    const Layout& layout_;
    const std::size_t memory_;
    std::uint64_t checks_ = 0;
    std::size_t complaints_seen_ = 0;
    std::size_t verdicts_seen_ = 0;
    bool over_memory_ = false;
    std::uint64_t worst_duplicates_ = 0;
    std::vector<std::string> violations_;
};

}  // namespace btfs::sim
