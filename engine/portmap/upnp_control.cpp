#include "engine/portmap/upnp_control.hpp"

#include <miniupnpc/miniupnpc.h>

#include <algorithm>
#include <memory>

namespace btfs::portmap {
namespace {

constexpr int kDiscovery_ms = 2000;
constexpr unsigned char kHops = 2;
/// Limits one exchange.
constexpr Duration kUpnpPatience = 3s;
/// Limits the device descriptions that are fetched from one router.
constexpr std::size_t kMaxDescriptions = 4;

constexpr unsigned kOk = 200;
/// Error code of the UPnP device architecture.
constexpr int kActionFailed = 501;

}  // namespace

std::vector<http::HttpUrl> search_upnp(std::span<const char* const> types, const char* interface_v6,
                                       const std::function<bool(const http::HttpUrl&)>& take) {
    int error = UPNPDISCOVER_SUCCESS;
    const std::unique_ptr<UPNPDev, decltype(&freeUPNPDevlist)> devices(
        upnpDiscoverDevices(types.data(), kDiscovery_ms, interface_v6, nullptr, UPNP_LOCAL_PORT_ANY,
                            interface_v6 ? 1 : 0, kHops, &error, 1),
        freeUPNPDevlist);
    std::vector<http::HttpUrl> urls;
    for (const UPNPDev* device = devices.get(); device && urls.size() < kMaxDescriptions;
         device = device->pNext) {
        auto url = http::HttpUrl::parse(device->descURL);
        if (!url || !take(*url)) continue;
        if (std::ranges::find(urls, url->text, &http::HttpUrl::text) == urls.end())
            urls.push_back(std::move(*url));
    }
    return urls;
}

Result<net::GatewayReply> fetch_upnp_description(const http::HttpUrl& url, const Address& router,
                                                 TimePoint deadline, const net::GatewayPath& path) {
    auto said = net::exchange_with_gateway({router, url.port}, upnp_description_request(url),
                                           std::min(deadline, Clock::now() + kUpnpPatience), path);
    if (said && said->status != kOk) return upnp_error(kActionFailed);
    return said;
}

Result<UpnpReply> UpnpControl::ask(std::string_view action, UpnpArguments arguments) const {
    const auto said = net::exchange_with_gateway(endpoint_, upnp_action_request(service_, action, arguments),
                                                 Clock::now() + kUpnpPatience, path_);
    if (!said) return said.error();
    UpnpReply reply = UpnpReply::parse(said->body);
    if (reply.error) return upnp_error(*reply.error);
    if (said->status != kOk) return upnp_error(kActionFailed);
    return reply;
}

}  // namespace btfs::portmap
