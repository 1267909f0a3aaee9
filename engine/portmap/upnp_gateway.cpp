#include "engine/portmap/upnp_gateway.hpp"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnperrors.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/net/gateway_http.hpp"
#include "engine/portmap/library_errors.hpp"
#include "engine/portmap/upnp_messages.hpp"

namespace btfs::portmap {
namespace {

constexpr int kDiscovery_ms = 2000;
constexpr unsigned char kHops = 2;
/// Limits one exchange, and a sequence of exchanges for one purpose.
constexpr Duration kUpnpPatience = 3s;
constexpr Duration kUpnpPatienceInAll = 10s;
/// Limits the device descriptions that are fetched from one router.
constexpr std::size_t kMaxDescriptions = 4;
/// Limits the external ports that are tried while each is taken by another host.
constexpr int kPortsToTry = 10;
constexpr std::uint16_t kFirstUnprivileged = 1024;

constexpr unsigned kOk = 200;
// Error codes of the UPnP device architecture and of WANIPConnection.
constexpr int kActionFailed = 501;
constexpr int kConflict = 718;

constexpr std::array<const char*, 5> kSearched = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
    nullptr,
};

Error upnp_error(int code) {
    static const auto& errors = immortal_library_errors("UPnP", strupnperror);
    return {code, errors};
}

std::uint16_t next_port(std::uint16_t port) {
    return port == 65535 ? kFirstUnprivileged : static_cast<std::uint16_t>(port + 1);
}

const char* name_of(Transport transport) {
    return transport == Transport::tcp ? "TCP" : "UDP";
}

class UpnpGateway final : public PortGateway {
  public:
    UpnpGateway(UpnpService service, const Address& router, const Address& own_address)
        : service_(std::move(service)), endpoint_{router, service_.control.port}, own_address_(own_address) {}

    std::string name() const override { return "UPnP at " + endpoint_.text(); }

    Result<Address> external_address() override {
        const auto reply = ask("GetExternalIPAddress", {});
        if (!reply) return reply.error();
        const auto address = Address::parse(reply->external_address);
        if (!address || address->is_unspecified()) return Errc::address_malformed;
        return *address;
    }

    Result<PortMapping> map(Transport transport, std::uint16_t port,
                            std::uint16_t wanted_external_port) override {
        const TimePoint deadline = Clock::now() + kUpnpPatienceInAll;
        std::uint16_t external_port = wanted_external_port;
        Error outcome = upnp_error(kConflict);
        for (int i = 0; i < kPortsToTry && outcome == upnp_error(kConflict) && Clock::now() < deadline; ++i) {
            std::chrono::seconds lease = kMappingLease;
            outcome = add(transport, port, external_port, lease);
            // Some gateways support permanent mappings only, and not all of them answer with the standard's
            // error code.
            if (outcome.category() == upnp_error(0).category() && outcome != upnp_error(kConflict)) {
                lease = {};
                outcome = add(transport, port, external_port, lease);
            }
            if (!outcome) return PortMapping{external_port, lease};
            external_port = next_port(external_port);
        }
        return outcome;
    }

    Error unmap(Transport transport, std::uint16_t, std::uint16_t external_port) override {
        const auto reply = ask("DeletePortMapping", {{"NewRemoteHost", ""},
                                                     {"NewExternalPort", std::to_string(external_port)},
                                                     {"NewProtocol", name_of(transport)}});
        return reply ? Error{} : reply.error();
    }

  private:
    Error add(Transport transport, std::uint16_t port, std::uint16_t external_port,
              std::chrono::seconds lease) {
        const auto reply = ask("AddPortMapping", {{"NewRemoteHost", ""},
                                                  {"NewExternalPort", std::to_string(external_port)},
                                                  {"NewProtocol", name_of(transport)},
                                                  {"NewInternalPort", std::to_string(port)},
                                                  {"NewInternalClient", own_address_.text()},
                                                  {"NewEnabled", "1"},
                                                  {"NewPortMappingDescription", "btfs"},
                                                  {"NewLeaseDuration", std::to_string(lease.count())}});
        return reply ? Error{} : reply.error();
    }

    /// Carries out an action. Returns UPnP's error if the gateway reports one, else the network's.
    Result<UpnpReply> ask(std::string_view action, UpnpArguments arguments) {
        const auto said = net::exchange_with_gateway(
            endpoint_, upnp_action_request(service_, action, arguments), Clock::now() + kUpnpPatience);
        if (!said) return said.error();
        UpnpReply reply = UpnpReply::parse(said->body);
        if (reply.error) return upnp_error(*reply.error);
        if (said->status != kOk) return upnp_error(kActionFailed);
        return reply;
    }

    const UpnpService service_;
    const Endpoint endpoint_;
    /// Our own address from which we reach the gateway.
    const Address own_address_;
};

/// Returns the URLs of the router's own device descriptions, without duplicates. Other devices that answered
/// the search are ignored.
std::vector<http::HttpUrl> descriptions_of(const Address& router) {
    int error = UPNPDISCOVER_SUCCESS;
    const std::unique_ptr<UPNPDev, decltype(&freeUPNPDevlist)> devices(
        upnpDiscoverDevices(kSearched.data(), kDiscovery_ms, nullptr, nullptr, UPNP_LOCAL_PORT_ANY, 0, kHops,
                            &error, 1),
        freeUPNPDevlist);
    std::vector<http::HttpUrl> urls;
    for (const UPNPDev* device = devices.get(); device && urls.size() < kMaxDescriptions;
         device = device->pNext) {
        auto url = http::HttpUrl::parse(device->descURL);
        if (!url || url->https || Address::parse(url->host) != router) continue;
        if (std::ranges::find(urls, url->text, &http::HttpUrl::text) == urls.end())
            urls.push_back(std::move(*url));
    }
    return urls;
}

std::vector<std::unique_ptr<PortGateway>> gateways_at(const http::HttpUrl& url, const Address& router,
                                                      TimePoint deadline) {
    const auto said = net::exchange_with_gateway({router, url.port}, upnp_description_request(url), deadline);
    if (!said || said->status != kOk) return {};
    std::vector<std::unique_ptr<PortGateway>> gateways;
    for (UpnpService& service : upnp_services(said->body, url))
        gateways.push_back(std::make_unique<UpnpGateway>(std::move(service), router, said->own_address));
    return gateways;
}

}  // namespace

Result<std::unique_ptr<PortGateway>> find_upnp_gateway(const Address& router) {
    const std::vector<http::HttpUrl> urls = descriptions_of(router);
    const TimePoint deadline = Clock::now() + kUpnpPatienceInAll;
    std::unique_ptr<PortGateway> offline;
    for (const http::HttpUrl& url : urls) {
        const TimePoint now = Clock::now();
        if (now >= deadline) break;
        for (auto& gateway : gateways_at(url, router, std::min(deadline, now + kUpnpPatience))) {
            if (gateway->external_address()) return std::move(gateway);
            if (!offline) offline = std::move(gateway);
        }
    }
    if (offline) return offline;
    return Errc::timed_out;
}

}  // namespace btfs::portmap
