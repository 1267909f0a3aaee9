// Tells of each request why and when it was sent, what was expected of it, and what came.
#pragma once

#include <cstdio>
#include <map>
#include <string>

#include "tests/sim/simulation.hpp"

namespace btfs::sim {

/// One line for each thing that passes on the wire, beside what the simulation knows of the peer and the
/// engine can only guess.
class Trace final : public WireWatcher {
  public:
    Trace(Simulation& simulation, std::FILE* out) : simulation_(simulation), out_(out) {}

    void on_request(const Node& peer, ConnectionId connection, const BlockRef& block) override;
    void on_cancel(const Node& peer, const BlockRef& block) override;
    void on_block(const Node& peer, ConnectionId connection, const BlockRef& block) override;
    void on_reject(const Node& peer, const BlockRef& block) override;
    void on_choke(const Node& peer, bool choking) override;
    void on_end(const Node& peer, const std::string& reason) override;
    void say(const std::string& what);

  private:
    struct Asked {
        TimePoint at;
        TimePoint expected;
    };
    void line(const char* what, const Node& peer, const std::string& rest);
    std::string name(const BlockRef& block) const;

    Simulation& simulation_;
    std::FILE* out_;
    std::map<std::pair<std::size_t, BlockRef>, Asked> asked_;
};

}  // namespace btfs::sim
