// Port mapper: asks the gateways of IPv4 and IPv6 to let peers in, on threads of its own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "engine/core/time.hpp"

namespace btfs::portmap {

/// Where peers and DHT nodes reach us over IPv4: our own ports, or those that the gateway has given. 0 is
/// none, and is not mapped.
struct ReachablePorts {
    std::uint16_t tcp = 0;
    std::uint16_t udp = 0;

    bool operator==(const ReachablePorts&) const = default;
};

/// Maps two ports by PCP or else NAT-PMP or UPnP, and keeps them mapped until it is stopped: renews them,
/// tries again later and later after failures, and begins anew with another router or address of ours. Opens
/// the same ports of our IPv6 address in the firewall of the IPv6 router, by PCP or UPnP. Sends nothing
/// unless the default router of the family has a private or link-local address.
///
/// The libraries wait for the network, so each family has a thread. All calls come from one other thread.
class PortMapper {
  public:
    /// Called on the thread of IPv4 when the ports differ from those of the last call; for the first time
    /// when they differ from our own.
    using OnPorts = std::function<void(ReachablePorts)>;

    /// Longest time that stop() takes.
    static constexpr Duration kStopTime = 1s;

    PortMapper() = default;
    ~PortMapper() { stop(); }
    PortMapper(const PortMapper&) = delete;
    PortMapper& operator=(const PortMapper&) = delete;

    void start(ReachablePorts own, OnPorts on_ports);
    /// Looks at once whether there is another router. Does nothing before start().
    void look_now();
    /// The mappings are to be removed; returns at once. From here on kStopTime runs.
    void begin_stop();
    /// Returns when they are removed, at once if there can be none, or when kStopTime is over. If a library
    /// has not returned by then, its thread goes on by itself until it does, and ends. OnPorts is not called
    /// any more.
    void stop();

  private:
    class Work;

    /// Of IPv4 and IPv6; shared with their threads, which may outlive this.
    std::array<std::shared_ptr<Work>, 2> works_;
    std::array<std::thread, 2> threads_;
    TimePoint stop_deadline_ = kNever;
};

}  // namespace btfs::portmap
