#include "engine/net/multicast_interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

namespace btfs::net {
namespace {

std::optional<Address> address_of(const sockaddr* raw) {
    if (raw && raw->sa_family == AF_INET) {
        const auto& v4 = *reinterpret_cast<const sockaddr_in*>(raw);
        return Address::from_bytes(std::as_bytes(std::span(&v4.sin_addr, 1)));
    }
    if (raw && raw->sa_family == AF_INET6) {
        const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(raw);
        return Address::from_bytes(std::as_bytes(std::span(&v6.sin6_addr, 1)));
    }
    return std::nullopt;
}

bool is_local_network(unsigned flags) {
    return (flags & IFF_UP) != 0 && (flags & IFF_POINTOPOINT) == 0 &&
           (flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
}

}  // namespace

std::vector<MulticastInterface> multicast_interfaces(AddressFamily family, const LocalBinding& binding) {
    std::vector<MulticastInterface> interfaces;
    if (!binding.allows(family)) return interfaces;
    const std::optional<Address>& bound = family == AddressFamily::v4 ? binding.v4 : binding.v6;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return interfaces;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
    for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
        const auto address = address_of(entry->ifa_addr);
        if (!address || address->family() != family || !is_local_network(entry->ifa_flags)) continue;
        if (!address->is_v4() && address->is_link_local()) continue;
        if ((bound && *address != *bound) || (!binding.device.empty() && binding.device != entry->ifa_name))
            continue;
        const MulticastInterface interface { if_nametoindex(entry->ifa_name), *address };
        const bool known =
            std::ranges::find(interfaces, interface.index, &MulticastInterface::index) != interfaces.end();
        if (interface.index != 0 && !known && interfaces.size() < kMaxMulticastInterfaces)
            interfaces.push_back(interface);
    }
    return interfaces;
}

}  // namespace btfs::net
