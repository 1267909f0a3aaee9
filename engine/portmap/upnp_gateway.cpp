#include "engine/portmap/upnp_gateway.hpp"

#include <array>
#include <string>
#include <vector>

#include "engine/portmap/upnp_control.hpp"

namespace btfs::portmap {
namespace {

/// Limits a sequence of exchanges for one purpose.
constexpr Duration kUpnpPatienceInAll = 10s;
/// Limits the external ports that are tried while each is taken by another host.
constexpr int kPortsToTry = 10;
constexpr std::uint16_t kFirstUnprivileged = 1024;

/// WANIPConnection's error for a port that is mapped to another host.
constexpr int kConflict = 718;

/// Types of gateways, for the search.
constexpr std::array<const char*, 5> kSearched = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
    nullptr,
};

std::uint16_t next_port(std::uint16_t port) {
    return port == 65535 ? kFirstUnprivileged : static_cast<std::uint16_t>(port + 1);
}

const char* name_of(Transport transport) {
    return transport == Transport::tcp ? "TCP" : "UDP";
}

class UpnpGateway final : public PortGateway {
  public:
    UpnpGateway(UpnpService service, const Address& router, const Address& own_address)
        : control_(std::move(service), router, {}), own_address_(own_address) {}

    std::string name() const override { return "UPnP at " + control_.endpoint().text(); }

    Result<Address> external_address() override {
        const auto reply = control_.ask("GetExternalIPAddress", {});
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
            if (is_upnp_error(outcome) && outcome != upnp_error(kConflict)) {
                lease = {};
                outcome = add(transport, port, external_port, lease);
            }
            if (!outcome) return PortMapping{external_port, lease};
            external_port = next_port(external_port);
        }
        return outcome;
    }

    Error unmap(Transport transport, std::uint16_t, std::uint16_t external_port) override {
        const auto reply =
            control_.ask("DeletePortMapping", {{"NewRemoteHost", ""},
                                               {"NewExternalPort", std::to_string(external_port)},
                                               {"NewProtocol", name_of(transport)}});
        return reply ? Error{} : reply.error();
    }

  private:
    Error add(Transport transport, std::uint16_t port, std::uint16_t external_port,
              std::chrono::seconds lease) {
        const auto reply =
            control_.ask("AddPortMapping", {{"NewRemoteHost", ""},
                                            {"NewExternalPort", std::to_string(external_port)},
                                            {"NewProtocol", name_of(transport)},
                                            {"NewInternalPort", std::to_string(port)},
                                            {"NewInternalClient", own_address_.text()},
                                            {"NewEnabled", "1"},
                                            {"NewPortMappingDescription", "btfs"},
                                            {"NewLeaseDuration", std::to_string(lease.count())}});
        return reply ? Error{} : reply.error();
    }

    const UpnpControl control_;
    /// Our own address from which we reach the gateway.
    const Address own_address_;
};

/// Returns true if the router itself has answered with that URL. Other devices that answer are ignored.
bool is_of(const http::HttpUrl& url, const Address& router) {
    return !url.https && Address::parse(url.host) == router;
}

std::vector<std::unique_ptr<PortGateway>> gateways_at(const http::HttpUrl& url, const Address& router,
                                                      TimePoint deadline) {
    const auto said = fetch_upnp_description(url, router, deadline);
    if (!said) return {};
    std::vector<std::unique_ptr<PortGateway>> gateways;
    for (UpnpService& service : upnp_services(said->body, url))
        gateways.push_back(std::make_unique<UpnpGateway>(std::move(service), router, said->own_address));
    return gateways;
}

}  // namespace

Result<std::unique_ptr<PortGateway>> find_upnp_gateway(const Address& router) {
    const std::vector<http::HttpUrl> urls =
        search_upnp(kSearched, nullptr, [&](const http::HttpUrl& url) { return is_of(url, router); });
    const TimePoint deadline = Clock::now() + kUpnpPatienceInAll;
    std::unique_ptr<PortGateway> offline;
    for (const http::HttpUrl& url : urls) {
        if (Clock::now() >= deadline) break;
        for (auto& gateway : gateways_at(url, router, deadline)) {
            if (gateway->external_address()) return std::move(gateway);
            if (!offline) offline = std::move(gateway);
        }
    }
    if (offline) return offline;
    return Errc::timed_out;
}

}  // namespace btfs::portmap
