// Messages to and from a UPnP Internet gateway: values.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/http_url.hpp"

namespace btfs::portmap {

/// One of a gateway's services that map ports, WANIPConnection or WANPPPConnection.
struct UpnpService {
    std::string type;
    http::HttpUrl control;  ///< where it takes requests
};

/// Those of a description that came from `url`, in its order; none if it is junk. A service is on the host
/// that described it.
std::vector<UpnpService> upnp_services(std::string_view description, const http::HttpUrl& url);

/// GET of a description, as bytes to send.
std::string upnp_description_request(const http::HttpUrl& url);

using UpnpArguments = std::initializer_list<std::pair<std::string_view, std::string>>;
/// POST of an action, as bytes to send. Arguments are without characters that XML has a use for.
std::string upnp_action_request(const UpnpService& service, std::string_view action, UpnpArguments arguments);

/// The answer to an action.
struct UpnpReply {
    std::optional<int> error;  ///< as its standard numbers them, where the gateway says one
    std::string external_address;

    static UpnpReply parse(std::string_view body);
};

}  // namespace btfs::portmap
