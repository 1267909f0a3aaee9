// Exchanges with a UPnP gateway: the search for its description, the description, and its actions.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/core/error.hpp"
#include "engine/core/time.hpp"
#include "engine/net/gateway_http.hpp"
#include "engine/portmap/upnp_error.hpp"
#include "engine/portmap/upnp_messages.hpp"

namespace btfs::portmap {

/// Searches the local network for two seconds. Returns the URLs of descriptions that `take` returns true for,
/// at most four, without duplicates. `types` ends with nullptr. Searches over IPv6 if `interface_v6` is not
/// nullptr, on the interface of that name.
std::vector<http::HttpUrl> search_upnp(std::span<const char* const> types, const char* interface_v6,
                                       const std::function<bool(const http::HttpUrl&)>& take);

/// The description at that URL, from the router and no other host: of the URL only port and target count. It
/// has three seconds, and until the deadline at most.
Result<net::GatewayReply> fetch_upnp_description(const http::HttpUrl& url, const Address& router,
                                                 TimePoint deadline, const net::GatewayPath& path = {});

/// A service of the router, whose actions it carries out.
class UpnpControl {
  public:
    UpnpControl(UpnpService service, const Address& router, const net::GatewayPath& path)
        : service_(std::move(service)), endpoint_{router, service_.control.port}, path_(path) {}

    const Endpoint& endpoint() const { return endpoint_; }

    /// Carries out an action, in three seconds at most. Returns UPnP's error if the gateway reports one, else
    /// the network's.
    Result<UpnpReply> ask(std::string_view action, UpnpArguments arguments) const;

  private:
    const UpnpService service_;
    const Endpoint endpoint_;
    const net::GatewayPath path_;
};

}  // namespace btfs::portmap
