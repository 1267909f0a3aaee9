// UPnP descriptions and replies of any content: requests go only to the router and have the intended content,
// and no reply is read beyond its end.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "engine/portmap/upnp_messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace btfs;
    static const http::HttpUrl url = *http::HttpUrl::parse("http://192.168.1.1:5000/gateway.xml");
    // The copy on the heap ends with the bytes, so that ASan sees reads beyond them.
    const std::string said(reinterpret_cast<const char*>(data), size);
    for (const portmap::UpnpService& service : portmap::upnp_services(said, url)) {
        if (service.control.host != url.host || service.control.https) std::abort();
        const std::string request = portmap::upnp_action_request(service, "GetExternalIPAddress", {});
        const std::string head = request.substr(0, request.find("\r\n\r\n"));
        if (std::count(head.begin(), head.end(), '\n') != 6) std::abort();
    }
    static const http::HttpUrl url_v6 = *http::HttpUrl::parse("http://[fe80::1]:5000/gateway.xml");
    if (const auto firewall = portmap::upnp_firewall(said, url_v6)) {
        if (firewall->control.host != url_v6.host || firewall->control.https) std::abort();
        const std::string request = portmap::upnp_action_request(*firewall, "DeletePinhole", {});
        const std::string head = request.substr(0, request.find("\r\n\r\n"));
        if (std::count(head.begin(), head.end(), '\n') != 6) std::abort();
    }
    const auto reply = portmap::UpnpReply::parse(said);
    if (reply.error && *reply.error <= 0) std::abort();
    return 0;
}
