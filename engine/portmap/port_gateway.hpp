// Interface of a gateway that maps ports, whichever protocol it speaks.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"

namespace btfs::portmap {

enum class Transport : std::uint8_t { tcp, udp };

/// Lease that mappings are asked for; a gateway may give less.
inline constexpr std::chrono::seconds kMappingLease = std::chrono::hours(2);

/// Mapping by which the gateway forwards traffic for its external port to our port.
struct PortMapping {
    std::uint16_t external_port = 0;
    std::chrono::seconds lease{};  ///< zero: until it is removed
};

/// A gateway that has been found, and hands on what comes to it from outside. Calls wait for the network, for
/// some seconds as a rule and sixteen at most: never on the engine thread. Errors are those of its
/// protocol, with messages for the log.
class PortGateway {
  public:
    PortGateway() = default;
    virtual ~PortGateway() = default;
    PortGateway(const PortGateway&) = delete;
    PortGateway& operator=(const PortGateway&) = delete;

    /// Its protocol and address, for the log.
    virtual std::string name() const = 0;
    /// Where the world sees us. PCP tells it with a mapping, so it is asked for after map().
    virtual Result<Address> external_address() = 0;
    /// Makes the mapping of our `port`, or renews it. Another port than the wanted one may be given.
    virtual Result<PortMapping> map(Transport transport, std::uint16_t port,
                                    std::uint16_t wanted_external_port) = 0;
    virtual Error unmap(Transport transport, std::uint16_t port, std::uint16_t external_port) = 0;

    /// How long the last refusal lasts, by the gateway's word; zero if it gives none.
    virtual std::chrono::seconds refusal_lasts() const { return {}; }
    /// Returns true if an answer since the last call has shown that the gateway lost mappings, as in a
    /// restart.
    virtual bool take_loss() { return false; }
};

}  // namespace btfs::portmap
