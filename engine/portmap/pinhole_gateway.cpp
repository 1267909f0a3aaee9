#include "engine/portmap/pinhole_gateway.hpp"

#include <net/if.h>

#include <array>
#include <string>

#include "engine/portmap/pinholes.hpp"
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
        : control_(std::move(service), router.address, {router.interface, router.own}),
          own_(router.own),
          pinholes_(own_, [this](std::string_view action, UpnpArguments arguments) {
              return control_.ask(action, arguments);
          }) {}

    std::string name() const override { return "UPnP at " + control_.endpoint().text(); }

    Result<Address> external_address() override { return own_; }

    Result<PortMapping> map(Transport transport, std::uint16_t port, std::uint16_t) override {
        return pinholes_.open(transport, port);
    }

    Error unmap(Transport transport, std::uint16_t, std::uint16_t) override {
        return pinholes_.close(transport);
    }

  private:
    const UpnpControl control_;
    const Address own_;
    Pinholes pinholes_;
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
