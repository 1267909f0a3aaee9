// Messages to and from a UPnP Internet gateway: values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/core/endpoint.hpp"
#include "engine/http/http_url.hpp"

namespace btfs::portmap {

/// One of a gateway's services: WANIPConnection or WANPPPConnection, which map ports, or
/// WANIPv6FirewallControl.
struct UpnpService {
    std::string type;
    http::HttpUrl control;  ///< where it takes requests
};

/// Those of a description that came from `url`, in its order; none if it is junk. A service is on the host
/// that described it.
std::vector<UpnpService> upnp_services(std::string_view description, const http::HttpUrl& url);

/// The service of such a description that opens pinholes for IPv6. Wherever the description places it, its
/// host is that of `url`: routers have several addresses.
std::optional<UpnpService> upnp_firewall(std::string_view description, const http::HttpUrl& url);

/// The same port and target at another host, by HTTP.
std::optional<http::HttpUrl> at_host(const http::HttpUrl& url, const Address& host);

/// GET of a description, as bytes to send.
std::string upnp_description_request(const http::HttpUrl& url);

using UpnpArguments = std::initializer_list<std::pair<std::string_view, std::string>>;
/// POST of an action, as bytes to send. Arguments are without characters that XML has a use for.
std::string upnp_action_request(const UpnpService& service, std::string_view action, UpnpArguments arguments);

/// The answer to an action.
struct UpnpReply {
    std::optional<int> error;  ///< as its standard numbers them, where the gateway says one
    std::string external_address;
    std::optional<std::uint16_t> unique_id;  ///< of a pinhole

    static UpnpReply parse(std::string_view body);
};

}  // namespace btfs::portmap
