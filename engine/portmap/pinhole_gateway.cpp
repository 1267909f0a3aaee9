#include "engine/portmap/pinhole_gateway.hpp"

#include <net/if.h>

#include <array>
#include <map>
#include <string>

#include "engine/portmap/upnp_control.hpp"

namespace btfs::portmap {
namespace {

/// Limits the search for a service in all descriptions.
constexpr Duration kDescriptionsPatience = 10s;

/// Types of gateways, for the search.
constexpr std::array<const char*, 3> kSearchedOverIpv6 = {
    "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
    "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1",
    nullptr,
};

class PinholeGateway final : public PortGateway {
  public:
    PinholeGateway(UpnpService service, const Router& router)
        : control_(std::move(service), router.address, {router.interface, router.own}), own_(router.own) {}

    std::string name() const override { return "UPnP at " + control_.endpoint().text(); }

    Result<Address> external_address() override { return own_; }

    Result<PortMapping> map(Transport transport, std::uint16_t port, std::uint16_t) override {
        const std::string lease = std::to_string(kMappingLease.count());
        if (const auto known = pinholes_.find(transport); known != pinholes_.end()) {
            const auto reply = control_.ask(
                "UpdatePinhole", {{"UniqueID", std::to_string(known->second)}, {"NewLeaseTime", lease}});
            if (reply) return PortMapping{port, kMappingLease};
            if (!is_upnp_error(reply.error())) return reply.error();
            pinholes_.erase(known);  // a router that restarted does not know it
        }
        const auto reply = control_.ask("AddPinhole", {{"RemoteHost", ""},
                                                       {"RemotePort", "0"},
                                                       {"InternalClient", own_.text()},
                                                       {"InternalPort", std::to_string(port)},
                                                       {"Protocol", transport == Transport::tcp ? "6" : "17"},
                                                       {"LeaseTime", lease}});
        if (!reply) return reply.error();
        if (!reply->unique_id) return Errc::http_malformed;
        pinholes_[transport] = *reply->unique_id;
        return PortMapping{port, kMappingLease};
    }

    Error unmap(Transport transport, std::uint16_t, std::uint16_t) override {
        const auto known = pinholes_.find(transport);
        if (known == pinholes_.end()) return {};
        const auto reply = control_.ask("DeletePinhole", {{"UniqueID", std::to_string(known->second)}});
        pinholes_.erase(known);
        return reply ? Error{} : reply.error();
    }

  private:
    const UpnpControl control_;
    const Address own_;
    std::map<Transport, std::uint16_t> pinholes_;  ///< their ids
};

}  // namespace

Result<std::unique_ptr<PortGateway>> find_pinhole_gateway(const Router& router) {
    std::array<char, IF_NAMESIZE> interface {};
    if (!if_indextoname(router.interface, interface.data()))
        return Error{errno, boost::system::system_category()};
    // A router is known by its link-local address, and describes itself by another one of its own. So
    // whatever host the URL names, the router is asked.
    const std::vector<http::HttpUrl> urls =
        search_upnp(kSearchedOverIpv6, interface.data(), [](const http::HttpUrl& url) { return !url.https; });
    const TimePoint deadline = Clock::now() + kDescriptionsPatience;
    for (const http::HttpUrl& told : urls) {
        if (Clock::now() >= deadline) break;
        const auto url = at_host(told, router.address);
        if (!url) continue;
        const auto said =
            fetch_upnp_description(*url, router.address, deadline, {router.interface, router.own});
        if (!said) continue;
        if (auto service = upnp_firewall(said->body, *url))
            return std::unique_ptr<PortGateway>(
                std::make_unique<PinholeGateway>(std::move(*service), router));
    }
    return Errc::timed_out;
}

}  // namespace btfs::portmap
