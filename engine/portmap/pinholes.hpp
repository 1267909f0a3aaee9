// Pinholes that a UPnP firewall (WANIPv6FirewallControl:1) has opened for us, without any socket.
#pragma once

#include <functional>
#include <map>

#include "engine/core/endpoint.hpp"
#include "engine/portmap/port_gateway.hpp"
#include "engine/portmap/upnp_messages.hpp"

namespace btfs::portmap {

/// Opens, renews and closes the pinholes of one address of ours. The firewall names each by a number.
class Pinholes {
  public:
    /// Carries out an action of the firewall. Its errors are those of UpnpControl::ask().
    using Ask = std::function<Result<UpnpReply>(std::string_view action, UpnpArguments arguments)>;

    Pinholes(const Address& own, Ask ask) : own_(own), ask_(std::move(ask)) {}

    /// Opens the port to all the world for kMappingLease, or renews that. A pinhole that the firewall does
    /// not know any more is opened anew.
    Result<PortMapping> open(Transport transport, std::uint16_t port);
    /// Does nothing if there is no pinhole.
    Error close(Transport transport);

  private:
    const Address own_;
    const Ask ask_;
    std::map<Transport, std::uint16_t> ids_;
};

}  // namespace btfs::portmap
