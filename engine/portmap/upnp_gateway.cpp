#include "engine/portmap/upnp_gateway.hpp"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <netinet/in.h>

#include <array>
#include <boost/url/parse.hpp>
#include <string>
#include <utility>

#include "engine/portmap/library_errors.hpp"

namespace btfs::portmap {
namespace {

constexpr int kDiscovery_ms = 2000;
constexpr unsigned char kHops = 2;
/// External ports that are tried when others have them.
constexpr int kPortsToTry = 10;
/// ConflictInMappingEntry, in the standard of WANIPConnection.
constexpr int kConflict = 718;
constexpr std::uint16_t kFirstUnprivileged = 1024;

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

struct FreeDevices {
    void operator()(UPNPDev* first) const { freeUPNPDevlist(first); }
};
using DeviceList = std::unique_ptr<UPNPDev, FreeDevices>;

bool is_of(const Address& router, const UPNPDev& device) {
    const auto url = boost::urls::parse_uri(device.descURL);
    return url && Address::parse(url->host_address()) == router;
}

/// Taken out of the list.
DeviceList those_of(const Address& router, DeviceList& all) {
    DeviceList taken;
    DeviceList others;
    while (all) {
        DeviceList device = std::move(all);
        all.reset(std::exchange(device->pNext, nullptr));
        DeviceList& list = is_of(router, *device) ? taken : others;
        device->pNext = list.release();
        list = std::move(device);
    }
    all = std::move(others);
    return taken;
}

class UpnpGateway final : public PortGateway {
  public:
    ~UpnpGateway() override { FreeUPNPUrls(&urls_); }

    /// False if there is no gateway among the devices.
    bool choose(UPNPDev* devices) {
#if MINIUPNPC_API_VERSION >= 18
        const int kind = UPNP_GetValidIGD(devices, &urls_, &data_, own_address_.data(),
                                          static_cast<int>(own_address_.size()), nullptr, 0);
#else
        const int kind = UPNP_GetValidIGD(devices, &urls_, &data_, own_address_.data(),
                                          static_cast<int>(own_address_.size()));
#endif
        // 1: connected. 2: by its own words not, or to a network that is private; some say so wrongly.
        return kind == 1 || kind == 2;
    }

    std::string name() const override {
        return std::string("UPnP at ") + urls_.controlURL;
    }

    Result<Address> external_address() override {
        std::array<char, 64> text{};
        const int outcome = UPNP_GetExternalIPAddress(urls_.controlURL, data_.first.servicetype, text.data());
        if (outcome != UPNPCOMMAND_SUCCESS) return upnp_error(outcome);
        const auto address = Address::parse(text.data());
        if (!address) return Errc::address_malformed;
        return *address;
    }

    Result<PortMapping> map(Transport transport, std::uint16_t port,
                            std::uint16_t wanted_external_port) override {
        std::uint16_t external_port = wanted_external_port;
        int outcome = kConflict;
        for (int i = 0; i < kPortsToTry && outcome == kConflict;
             ++i, external_port = next_port(external_port)) {
            std::chrono::seconds lease = kMappingLease;
            outcome = add(transport, port, external_port, lease);
            // Some have permanent mappings alone, and not all of them say so in the standard's words.
            if (outcome > 0 && outcome != kConflict) {
                lease = {};
                outcome = add(transport, port, external_port, lease);
            }
            if (outcome == UPNPCOMMAND_SUCCESS) return PortMapping{external_port, lease};
        }
        return upnp_error(outcome);
    }

    Error unmap(Transport transport, std::uint16_t, std::uint16_t external_port) override {
        const int outcome =
            UPNP_DeletePortMapping(urls_.controlURL, data_.first.servicetype,
                                   std::to_string(external_port).c_str(), name_of(transport), nullptr);
        return outcome == UPNPCOMMAND_SUCCESS ? Error{} : upnp_error(outcome);
    }

  private:
    int add(Transport transport, std::uint16_t port, std::uint16_t external_port,
            std::chrono::seconds lease) {
        return UPNP_AddPortMapping(urls_.controlURL, data_.first.servicetype,
                                   std::to_string(external_port).c_str(), std::to_string(port).c_str(),
                                   own_address_.data(), "btfs", name_of(transport), nullptr,
                                   std::to_string(lease.count()).c_str());
    }

    UPNPUrls urls_{};
    IGDdatas data_{};
    /// The one of ours that the gateway is reached from.
    std::array<char, INET6_ADDRSTRLEN> own_address_{};
};

}  // namespace

Result<std::unique_ptr<PortGateway>> find_upnp_gateway(const Address& router) {
    int error = UPNPDISCOVER_SUCCESS;
    DeviceList all(upnpDiscoverDevices(kSearched.data(), kDiscovery_ms, nullptr, nullptr, UPNP_LOCAL_PORT_ANY,
                                       0, kHops, &error, 1));
    const DeviceList routers = those_of(router, all);
    if (!routers) return Errc::timed_out;
    auto gateway = std::make_unique<UpnpGateway>();
    if (!gateway->choose(routers.get())) return Errc::timed_out;
    return gateway;
}

}  // namespace btfs::portmap
